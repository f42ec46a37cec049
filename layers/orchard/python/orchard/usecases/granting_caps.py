"""Edits and grants by people in support: up to a cap at once, above it on approval.

What is granted is counted before it is done, so that two windows can't pass the cap together; a
crash in between leaves it counted and not granted. Whoever may approve is under no cap.
"""

from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from orchard.contracts.granting import CreateBalanceRequest, UpdateBalanceRequest
from orchard.domain import ids, support_caps
from orchard.domain.approvals import Approval
from orchard.domain.granted import Granted, granted
from orchard.domain.holding import State
from orchard.domain.ledger import Change
from orchard.domain.quantity import ZERO
from orchard.domain.users import Act, User
from orchard.errors import (
    Conflict,
    DuplicateIdempotencyKey,
    Forbidden,
    OrchardError,
    Unavailable,
)
from orchard.store import approvals
from orchard.store import support_caps as stored
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.support_caps import Whose
from orchard.usecases import deleting, undoing, wishes
from orchard.usecases.wishes import Planned, Wish

_PREFIX = "apr_"
_OVERTAKEN = "version_conflict"
#: So often an edit is planned anew when usage came in between.
_TRIES = 5


class Outlook(NamedTuple):
    """Whether somebody may grant something without asking, and what is left of the cap."""

    granted: Granted
    cap: Decimal
    left: Decimal
    is_within: bool


class _Attempt(NamedTuple):
    """One try at what somebody wants; `key` is that of the form."""

    session: Session
    user: User
    wish: Wish
    key: str
    plan: Planned

    @property
    def whose(self) -> Whose:
        return Whose(self.user.id, self.plan.internal_id, self.wish.feature_id)


def edit(session: Session, user: User, request: UpdateBalanceRequest, key: str) -> dict[str, Any]:
    """Do `balances.update`, or keep it as a request for approval where it grants too much.

    `change_id` of the answer is the id of the change or of the request (see `is_request`). `key` is
    that of the form; the session is to claim it, so that the form is done once. Errors: as in
    `balances.update`; `Forbidden`; `DuplicateIdempotencyKey` if the form was done.
    """
    return _permitted(session, user, request, key)


def grant(session: Session, user: User, request: CreateBalanceRequest, key: str) -> dict[str, Any]:
    """Do `balances.create`, or keep it as a request for approval. Errors: likewise."""
    return _permitted(session, user, request, key)


def is_request(made: str | None) -> bool:
    """Whether a form came to a request for approval, by the id of what it made."""
    return made is not None and made.startswith(_PREFIX)


def previewed(session: Session, user: User, wish: Wish) -> tuple[Planned, Outlook | None]:
    """Return what a wish would do, and whether it has to be approved; None: nobody asks.

    Errors: those of the operation.
    """
    plan = wishes.previewed(session, wish)
    if user.may(Act.APPROVE) or plan.granted.is_nothing:
        return plan, None
    caps, count = stored.read(session, Whose(user.id, plan.internal_id, wish.feature_id))
    cap = caps.of(wish.feature_id)
    left = max(ZERO, cap - support_caps.spent(count.grants, session.now))
    is_within = support_caps.is_within(cap, count.grants, plan.granted, session.now)
    return plan, Outlook(plan.granted, cap, left, is_within)


def of_undo(session: Session, user: User) -> undoing.Rule:
    """Return what keeps somebody in support from giving back what others took from a customer.

    One's own changes can be undone: what they took away was there before.
    """

    def rule(change: Change, before: State, after: State) -> None:
        if change.by != user.actor:
            _must_give_nothing(session, user, before, after)

    return rule


def of_deletion(session: Session, user: User) -> deleting.Rule:
    """Return what keeps somebody in support from deleting what a customer owes."""
    return partial(_must_give_nothing, session, user)


def _must_give_nothing(session: Session, user: User, before: State, after: State) -> None:
    if user.may(Act.APPROVE):
        return
    for feature_id in {place.feature_id for place in after}:
        old, new = (_of_feature(side, feature_id) for side in (before, after))
        if not granted(old, new, session.now).is_nothing:
            message = f"This gives the customer more of {feature_id}: an admin has to do it"
            raise Forbidden(message, "role_not_sufficient")


def _of_feature(state: State, feature_id: str) -> State:
    return {place: held for place, held in state.items() if place.feature_id == feature_id}


def _permitted(session: Session, user: User, wish: Wish, key: str) -> dict[str, Any]:
    user.must(Act.GRANT)
    if user.may(Act.APPROVE):
        return wishes.run(session, wish)
    try:
        for _ in range(_TRIES):
            plan = wishes.planned(session, wish)
            done = _attempted(_Attempt(session, user, wish, key, plan))
            if done is not None:
                return done
    except OrchardError:
        _refuse_repetition(session)
        raise
    raise Conflict("The balance was changed just now. Try again", _OVERTAKEN)


def _attempted(attempt: _Attempt) -> dict[str, Any] | None:
    """Return what was done or asked for; None if the balance is not as it was planned for."""
    cap = _count(attempt)
    if cap is not None:
        return _ask(attempt, cap)
    try:
        return wishes.run(attempt.session, _exact(attempt))
    except (DuplicateIdempotencyKey, Unavailable):
        # It was done, or nobody knows: it counts.
        raise
    except OrchardError as refused:
        _take_back(attempt)
        if refused.code == _OVERTAKEN and _exact(attempt) is not attempt.wish:
            return None
        raise


def _exact(attempt: _Attempt) -> Wish:
    """The wish, for the balance that was looked at where what it grants depends on that."""
    wish, version = attempt.wish, attempt.plan.version
    if version is None or not isinstance(wish, UpdateBalanceRequest):
        return wish
    return wish if wish.if_version is not None else wish.model_copy(update={"if_version": version})


def _count(attempt: _Attempt) -> Decimal | None:
    """Count what is to be granted; return the cap if it is above that, and counted nowhere."""
    session, wanted, now = attempt.session, attempt.plan.granted, attempt.session.now
    if wanted.is_nothing:
        return None

    def counted() -> Decimal | None:
        caps, count = stored.read(session, attempt.whose)
        cap = caps.of(attempt.wish.feature_id)
        if not support_caps.is_within(cap, count.grants, wanted, now, attempt.key):
            return cap
        grants = support_caps.counted(count.grants, attempt.key, wanted.units, now)
        session.unmarked().commit(stored.put_count(session, attempt.whose, grants, count.version))
        return None

    return optimistic(counted)


def _take_back(attempt: _Attempt) -> None:
    """Count it no more, unless another try at the same form does."""
    session, now = attempt.session, attempt.session.now

    def taken_back() -> None:
        _caps, count = stored.read(session, attempt.whose)
        grants = support_caps.taken_back(count.grants, attempt.key, now)
        session.unmarked().commit(stored.put_count(session, attempt.whose, grants, count.version))

    if not attempt.plan.granted.is_nothing:
        optimistic(taken_back)


def _ask(attempt: _Attempt, cap: Decimal) -> dict[str, Any]:
    session, wish = attempt.session, attempt.wish
    plan = wishes.previewed(session, wish)
    asked = Approval(
        id=ids.new(_PREFIX, session.now),
        operation=wishes.operation(wish),
        body=wishes.body(wish),
        internal_id=plan.internal_id,
        asked_by=attempt.user.actor,
        asker_id=attempt.user.id,
        asked_at=session.now,
        units=None if plan.granted.unbounded else plan.granted.units,
        cap=cap,
        seen=plan.seen,
    )
    session.commit(approvals.new(session, asked))
    return {"success": True, "change_id": asked.id}


def _refuse_repetition(session: Session) -> None:
    """Errors: `DuplicateIdempotencyKey` if what was refused was done before."""
    for mark in session.marks:
        if session.claimed(mark.space, mark.text) is not None:
            raise DuplicateIdempotencyKey(mark.text)
