"""Requests for approval: look at them, approve, decline and withdraw them."""

import re
from typing import Any

from orchard.contracts.cursor import Cursor, Page, PageRequest, page
from orchard.domain.approvals import Approval, Decision, State, checked_note
from orchard.domain.users import Act, User
from orchard.errors import CustomerNotFound, NotFound
from orchard.store import approvals, pointers
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases import wishes
from orchard.usecases.along import Along
from orchard.usecases.wishes import Planned

_ID = re.compile(r"apr_\w{27}", re.ASCII)


class ApprovalNotFound(NotFound):
    """No request for approval has this id, or its time is over."""

    code = "approval_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such request for approval")


def list_approvals(
    session: Session, user: User, request: PageRequest, *, decided: bool
) -> Page[Approval]:
    """Return requests that are decided or not, the newest first. Errors: `Forbidden`, `Invalid`."""
    user.must(Act.GRANT)
    after = request.after.id if request.after is not None else ""
    reader = approvals.done if decided else approvals.waiting
    found = reader(session, after, request.limit + 1)
    return page(found, request.limit, lambda one: Cursor(one.asked_at, one.id))


def get(session: Session, user: User, approval_id: str) -> Approval:
    """Return a request. Errors: `Forbidden`, `ApprovalNotFound`."""
    user.must(Act.GRANT)
    found = approvals.find(session, approval_id) if _ID.fullmatch(approval_id) else None
    if found is None:
        raise ApprovalNotFound
    return found


def preview(session: Session, approval: Approval) -> Planned:
    """Return what a request would do by now. Errors: those of the operation."""
    return wishes.previewed(session, _wish(session, approval))


def approve(session: Session, user: User, approval_id: str, note: str = "") -> dict[str, Any]:
    """Do what was asked for, once, in the name of who approves it.

    The change and the decision are one transaction. Errors: `Forbidden` (also for one's own),
    `ApprovalNotFound`, `Conflict` when it is decided, and those of the operation: it still waits
    then.
    """
    approval = get(session, user, approval_id)
    approval.must_decide(user, session.now)
    text = checked_note(note, needed=False)

    def writes(change_id: str | None) -> list[Write]:
        latest = get(session, user, approval_id)
        latest.must_decide(user, session.now)
        return approvals.decided(
            session, latest, _decision(session, State.APPROVED, text, change_id)
        )

    details = {"approval_id": approval.id, "asked_by": approval.asked_by}
    noted = details | {"approval_note": text} if text else details
    return wishes.run(session, _wish(session, approval), Along(noted, writes))


def decline(session: Session, user: User, approval_id: str, note: str) -> None:
    """Decide against a request, and say why. Errors: `Invalid`, and as in `approve`."""

    def attempt() -> None:
        found = get(session, user, approval_id)
        found.must_decide(user, session.now)
        text = checked_note(note, needed=True)
        decision = _decision(session, State.DECLINED, text)
        session.commit(*approvals.decided(session, found, decision))

    optimistic(attempt)


def withdraw(session: Session, user: User, approval_id: str) -> None:
    """Take one's own request back. Errors: `Forbidden`, `ApprovalNotFound`, `Conflict`."""

    def attempt() -> None:
        found = get(session, user, approval_id)
        found.must_withdraw(user, session.now)
        session.commit(*approvals.decided(session, found, _decision(session, State.WITHDRAWN)))

    optimistic(attempt)


def _decision(
    session: Session, state: State, note: str = "", change_id: str | None = None
) -> Decision:
    return Decision(state, session.actor, session.now, note, change_id)


def _wish(session: Session, approval: Approval) -> wishes.Wish:
    """What was asked for, for the same customer, which may have another id by now."""
    hot_id = pointers.find(session, approval.internal_id)
    if hot_id is None:
        raise CustomerNotFound(approval.customer_id)
    return wishes.of(approval.operation, approval.body, hot_id)
