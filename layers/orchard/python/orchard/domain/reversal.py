"""One source of a balance, or a customer, without what a change did to it.

Amounts go back by what the change moved them, so that usage counts on. Everything else goes back
only if it is still as the change left it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from orchard.domain import renewal
from orchard.domain.customer import Customer
from orchard.domain.holding import Place
from orchard.domain.row import Row
from orchard.errors import Conflict

type Fields = Mapping[str, Any]

#: What to do instead about changes that can't be taken back, by their kind.
_INSTEAD = {
    "reset": "use balances.update to correct a balance",
    "create": "use customers.delete to remove the customer",
    "claim": "use customers.update to change the id",
    "link": "use customers.update to set the stripe_id",
    "create_entity": "use entities.delete to remove the entity",
    "update_entity": "use entities.update to set its billing_controls",
    "delete_entity": "use entities.create to make it anew",
    "attach": "use billing.attach to give the former plan again",
    "update_plan": "use billing.update to change the plan again",
    "plan_ended": "use billing.attach to give the plan again",
    "subscription_changed": "use billing.update to change the plan again",
    "subscription_ended": "use billing.attach to give the plan again",
    "unpaid": "use billing.attach to give the plan again",
    "sync": "use billing.update or billing.attach to change plans again",
    "seats": "use balances.track to give the units back",
    "auto_topup": "refund its invoice at Stripe, and use balances.update",
    "redeem": "use balances.delete to take back what was granted",
    "coupon_added": "use coupons.remove to take the coupon back",
    "coupon_removed": "use coupons.add to give the coupon again",
}
_TAKE_FIRST = "Take that change back first, or use"
#: What of a source holds until a date.
DATES = ("next_reset_at", "expires_at", "ends_at")


class NotUndoable(Conflict):
    """Taking the change back would be wrong, or can't be done this way."""

    code = "change_not_undoable"


class Part(NamedTuple):
    """What a change did to one source.

    A source that stayed has the fields that differ in `before` and `after`. One that came has all
    of them in `after` and None in `before`, one that went the other way round. `resets` is how
    often it had been reset by then.
    """

    place: Place
    row_id: str
    before: Fields | None
    after: Fields | None
    resets: int = 0

    def __str__(self) -> str:
        """Name the source in a sentence."""
        owner = "" if self.place.entity_id is None else f" of entity {self.place.entity_id}"
        return f"Balance {self.row_id} ({self.place.feature_id}{owner})"


def refusal(kind: str, action: str) -> NotUndoable:
    """Return why a change of this kind is not taken back, whatever it did."""
    instead = _INSTEAD.get(kind, "make another change that corrects it")
    return NotUndoable(f"A change of the kind {action} can't be undone: {instead}")


def customer_back(customer: Customer, before: Fields, after: Fields) -> Customer:
    """Return a customer as it would be without a change of these fields.

    Of documents only the entries go back that the change was about. Errors: `NotUndoable` for what
    was changed again.
    """
    fields: dict[str, Any] = {}
    for name in {**before, **after}:
        now, was, became = getattr(customer, name), before.get(name), after.get(name)
        if isinstance(now, Mapping):
            fields[name] = _document_back(name, now, was or {}, became or {})
        else:
            _require_as_left(name, now, became)
            fields[name] = was
    back = customer._replace(**fields)
    if back.id is None and not back.email:
        raise NotUndoable("The customer would have neither an id nor an email. Set an email first")
    return back


def _document_back(name: str, now: Fields, was: Fields, became: Fields) -> dict[str, Any]:
    back = dict(now)
    for entry in {**was, **became}:
        if was.get(entry) != became.get(entry):
            _require_as_left(f"{name}.{entry}", now.get(entry), became.get(entry))
            back.pop(entry, None)
            back |= {entry: was[entry]} if entry in was else {}
    return back


def _require_as_left(name: str, now: Any, became: Any) -> None:
    if now != became:
        raise NotUndoable(f"{name} was changed again since. {_TAKE_FIRST} customers.update")


def present(row: Row | None, part: Part) -> Row:
    """Return the source that a change left, if it is there and in the same period."""
    if row is None:
        raise NotUndoable(
            f"{part} is gone: it expired, was removed or went with its plan. "
            "Grant it anew with balances.create if it is needed"
        )
    if row.resets != part.resets and part.before is None:
        raise NotUndoable(
            f"{part} was reset since, which settled what was used of it before. Use "
            "balances.delete, with recalculate_balances to charge what is used of it now to others"
        )
    # What is withheld until a date is withheld across resets.
    if row.resets != part.resets and "withheld" not in (part.after or {}):
        raise NotUndoable(
            f"{part} was reset since, which ended what the change did. "
            "Use balances.update for what is still to be corrected"
        )
    return row


def changed_back(row: Row, part: Part, now: int) -> Row:
    """Return a source that stayed as it would be without the change."""
    before, after = part.before or {}, part.after or {}
    fields = {
        name: _BACK.get(name, _as_it_was)(part, name, getattr(row, name))
        for name in {**before, **after}
    }
    back = row._replace(**fields)
    dates = [name for name in DATES if getattr(row, name) != getattr(back, name)]
    _require_to_come(back, dates, part, now)
    if any(one.ends_at <= now for one in fields.get("withheld", ())):
        raise NotUndoable(f"What was withheld of {part} would have come back by now")
    return back


def returned(row: Row | None, part: Part, now: int) -> Row:
    """Return a source that went with the change, as it was; what expired meanwhile stays away."""
    if row is not None:
        raise NotUndoable(f"{part} is there again")
    back = Row(**{**(part.before or {}), "resets": part.resets})
    _require_to_come(back, DATES, part, now)
    # What time does to parts of it goes on: rollovers expire, what was withheld comes back.
    (row,) = renewal.renewed((back,), now)
    return row


def came(row: Row, part: Part) -> Row:
    """Return a source that came with the change as it was then; nobody may have edited it since."""
    then = Row(**(part.after or {}))
    if row.adjustment != then.adjustment:
        raise NotUndoable(f"The grant of {part} was edited since. {_TAKE_FIRST} balances.delete")
    return then


def carrier(row: Row, used: Any) -> Row:
    """Return a source that is taken away as one that grants nothing and bears its usage."""
    return row._replace(
        balance=-used,
        adjustment=-row.starting,
        next_reset_at=None,
        rollovers=(),
        withheld=(),
        unlimited=False,
        addition=False,
    )


def _by_difference(part: Part, name: str, value: Any) -> Any:
    before, after = part.before or {}, part.after or {}
    return value - (after[name] - before[name])


def _as_it_was(part: Part, name: str, value: Any) -> Any:
    before, after = part.before or {}, part.after or {}
    if value != after[name]:
        raise NotUndoable(
            f"{name} of {part} was changed again since. {_TAKE_FIRST} balances.update"
        )
    return before[name]


def _withheld(part: Part, name: str, value: Any) -> Any:
    """Give back what the change began to withhold, and withhold again what it gave back."""
    before, after = (part.before or {})[name], (part.after or {})[name]
    began = [one for one in after if one not in before]
    if any(one not in value for one in began):
        raise NotUndoable(f"What was withheld of {part} has come back by itself")
    return (
        *(one for one in value if one not in began),
        *(one for one in before if one not in after),
    )


#: How fields go back that differ from most.
_BACK: Mapping[str, Callable[[Part, str, Any], Any]] = {
    "balance": _by_difference,
    "adjustment": _by_difference,
    "withheld": _withheld,
}


def _require_to_come(row: Row, names: Iterable[str], part: Part, now: int) -> None:
    for name in names:
        at = getattr(row, name)
        if at is not None and at <= now:
            raise NotUndoable(
                f"{part} would have its {name} back, and that date has passed. "
                "Use balances.update or balances.create for what it is to be now"
            )
