"""One source of a balance without what a change did to it.

Amounts go back by what the change moved them, so that usage counts on. Everything else goes back
only if it is still as the change left it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from orchard.domain import renewal
from orchard.domain.holding import Place
from orchard.domain.row import Row
from orchard.errors import Conflict

type Fields = Mapping[str, Any]

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


def present(row: Row | None, part: Part) -> Row:
    """Return the source that a change left, if it is there and in the same period."""
    if row is None:
        raise NotUndoable(
            f"{part} is gone: it expired, was removed or went with its plan. "
            "Grant it anew with balances.create if it is needed"
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
        raise NotUndoable(
            f"The grant of {part} was edited since. "
            "Take that change back first, or use balances.delete"
        )
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
    )


def _by_difference(part: Part, name: str, value: Any) -> Any:
    before, after = part.before or {}, part.after or {}
    return value - (after[name] - before[name])


def _as_it_was(part: Part, name: str, value: Any) -> Any:
    before, after = part.before or {}, part.after or {}
    if value != after[name]:
        raise NotUndoable(
            f"{name} of {part} was changed again since. "
            "Take that change back first, or use balances.update"
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
