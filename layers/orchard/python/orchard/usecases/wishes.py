"""What people in support may want to do: the operations that give a customer more of a feature."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.contracts.granting import CreateBalanceRequest, UpdateBalanceRequest
from orchard.contracts.request import parse
from orchard.domain.granted import Granted, granted
from orchard.store.session import Session
from orchard.usecases import edit_previews, editing, granting
from orchard.usecases.along import ALONE, Along

UPDATE, CREATE = "balances.update", "balances.create"
#: What of a balance is kept with a request for approval, for people to compare.
_SEEN = ("granted", "remaining", "usage", "unlimited", "next_reset_at")

type Wish = UpdateBalanceRequest | CreateBalanceRequest


class Planned(NamedTuple):
    """What a wish would do to whose balance; `preview` is that of the API, if there is one.

    `version` is given where what is granted depends on the balance as it is.
    """

    internal_id: str
    granted: Granted
    preview: dict[str, Any] | None = None
    version: int | None = None

    @property
    def seen(self) -> dict[str, Any] | None:
        """What the preview says, as it is kept."""
        shown = self.preview
        if shown is None:
            return None
        sides = {side: _balance(shown[side]["balance"]) for side in ("before", "after")}
        rest = {name: shown[name] for name in ("version", "lasts_until", "next_invoice")}
        kept: dict[str, Any] = _storable({**sides, **rest})
        return kept


def operation(wish: Wish) -> str:
    """Return which operation of the API a wish is."""
    return UPDATE if isinstance(wish, UpdateBalanceRequest) else CREATE


def body(wish: Wish) -> dict[str, Any]:
    """Return the body of the request as it was sent."""
    return wish.model_dump(exclude_unset=True)


def of(operation_name: str, sent: Mapping[str, Any], customer_id: str) -> Wish:
    """Return a wish that was kept, for the customer as it is called by now.

    What else was changed since then does not matter: whoever approves it sees how it is.
    """
    fields = {name: value for name, value in sent.items() if name != "if_version"}
    fields["customer_id"] = customer_id
    if operation_name == UPDATE:
        return parse(UpdateBalanceRequest, fields)
    return parse(CreateBalanceRequest, fields)


def planned(session: Session, wish: Wish) -> Planned:
    """Return what a wish would grant, without its preview. Errors: those of the operation."""
    return _planned(session, wish, shown=False)


def previewed(session: Session, wish: Wish) -> Planned:
    """Return what a wish would do, with the preview. Errors: those of the operation."""
    return _planned(session, wish, shown=True)


def run(session: Session, wish: Wish, along: Along = ALONE) -> dict[str, Any]:
    """Do it. Errors: those of the operation."""
    if isinstance(wish, UpdateBalanceRequest):
        return editing.update(session, wish, along)
    return granting.create(session, wish, along)


def _planned(session: Session, wish: Wish, *, shown: bool) -> Planned:
    if isinstance(wish, CreateBalanceRequest):
        made = granting.planned(session, wish)
        given = granted(made.before, made.after, session.now)
        return Planned(made.account.customer.internal_id, given)
    plan = editing.planned(session, wish)
    preview = edit_previews.preview_of(session, wish, plan) if shown else None
    version = None if _is_relative(wish) else plan.ground.version(wish.feature_id)
    given = granted(plan.before, plan.after, session.now)
    return Planned(plan.ground.owner.internal_id, given, preview, version)


def _is_relative(wish: UpdateBalanceRequest) -> bool:
    """Whether it grants the same whatever the balance is."""
    others = (wish.usage, wish.included_grant, wish.next_reset_at, wish.expires_at)
    return wish.add_to_balance is not None and all(field is None for field in others)


def _balance(shown: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if shown is None else {name: shown[name] for name in _SEEN}


def _storable(value: Any) -> Any:
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {name: _storable(inner) for name, inner in value.items()}
    return value
