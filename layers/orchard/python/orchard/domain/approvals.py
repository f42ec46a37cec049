"""Requests for approval: what somebody wants to grant above the cap, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from orchard.domain.interval import DAY_MS
from orchard.domain.users import Act, User
from orchard.errors import Conflict, Forbidden, Invalid

#: What is not decided by then can't be approved any more.
LIFE_MS = 14 * DAY_MS
#: So long a request is kept, from when it was made, and what came of it, from when it was decided.
KEPT_MS, KEPT_DECIDED_MS = 28 * DAY_MS, 90 * DAY_MS
_LONGEST_NOTE = 1000


class State(StrEnum):
    """What came of a request; it expires by itself."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Decision:
    """Who decided what, and when; `change_id` is the change that was made, if one was."""

    state: State
    by: str
    at: int
    note: str = ""
    change_id: str | None = None


@dataclass(frozen=True)
class Approval:
    """A request for approval. Times are UTC milliseconds."""

    id: str
    #: The operation of the API, and its body as it was asked for.
    operation: str
    body: Mapping[str, Any]
    #: Whose balance it is, however it is called by now.
    internal_id: str
    #: The user, as the audit trail names it, and its id.
    asked_by: str
    asker_id: str
    asked_at: int
    #: What it would have granted then (None: more than any number), and the cap at that time.
    units: Decimal | None
    cap: Decimal
    #: What the preview said, for people to compare; None where there was none.
    seen: Mapping[str, Any] | None = None
    decision: Decision | None = None

    @property
    def customer_id(self) -> str:
        """The customer as it was asked for."""
        return str(self.body["customer_id"])

    @property
    def feature_id(self) -> str:
        """The feature of which somebody is to get more."""
        return str(self.body["feature_id"])

    @property
    def expires_at(self) -> int:
        """Until when it can be decided."""
        return self.asked_at + LIFE_MS

    def state(self, now: int) -> State:
        """What came of it."""
        if self.decision is not None:
            return self.decision.state
        return State.WAITING if now < self.expires_at else State.EXPIRED

    def may_decide(self, user: User) -> bool:
        """Whether somebody may approve or decline it: not who asked."""
        return user.may(Act.APPROVE) and user.id != self.asker_id

    def must_decide(self, user: User, now: int) -> None:
        """Refuse who may not decide, and what is decided. Errors: `Forbidden`, `Conflict`."""
        user.must(Act.APPROVE)
        if user.id == self.asker_id:
            raise Forbidden("Somebody else has to decide on what you asked for", "not_for_oneself")
        self._must_wait(now)

    def must_withdraw(self, user: User, now: int) -> None:
        """Refuse whose request it is not, and what is decided. Errors: as `must_decide`."""
        if user.id != self.asker_id:
            raise Forbidden("Only who asked can withdraw a request", "not_for_others")
        self._must_wait(now)

    def _must_wait(self, now: int) -> None:
        state = self.state(now)
        if state is not State.WAITING:
            raise Conflict(f"This request is {state} already", "request_decided")


def checked_note(note: str, *, needed: bool) -> str:
    """Return a note without blanks around it. Errors: `Invalid`."""
    text = note.strip()
    if needed and not text:
        raise Invalid("note: say why, for whoever asked")
    if len(text) > _LONGEST_NOTE:
        raise Invalid(f"note: must have at most {_LONGEST_NOTE} characters")
    return text
