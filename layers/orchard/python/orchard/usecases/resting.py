"""What a recorded use rested on, put down with its event unless what it took says it all.

A use that looked at several balances, or found no place in full, is told by whoever decided it. Of
the rest, which one balance alone decided, the images before and after tell.
"""

from typing import Any

from orchard.domain import explaining
from orchard.domain.basis import MOST_KEPT, packed
from orchard.domain.holding import State
from orchard.domain.ledger import Passage
from orchard.domain.pool import Drawn, Use
from orchard.domain.scope import Subject
from orchard.store.statements import Item
from orchard.store.stored import Stored

#: Stands for a basis of which no more is known than what each source paid.
UNKNOWN: list[Any] = []


def told(last: Item, state: State, subject: Subject, use: Use | None, drawn: Drawn) -> Item:
    """Return the event of a use with what it rested on; `use` is None for several at once."""
    several = sum(bool(holding.rows) for holding in state.values()) > 1
    if last.get("silent") or not (several or drawn.left):
        return last
    if use is None:
        return {**last, "considered": UNKNOWN}
    basis = explaining.of_use(state, subject, use, drawn)
    return {**last, "considered": packed(basis.shortened(MOST_KEPT))}


def seen(stored: Stored, passage: Passage) -> list[Any] | None:
    """Return what the event of a write rested on; None if its deductions and figures say it."""
    last = stored.last
    if "considered" in last:
        told: list[Any] = last["considered"]
        return told
    if "deductions" in last or "events" in last:
        return UNKNOWN
    rows = passage.before.own
    if len(rows) < 2 and not any(row.rollovers for row in rows):
        return None
    movements = passage.movements(stored.place)
    subject = Subject(last.get("entity_id"))
    basis = explaining.of_images(passage.before, stored.place, subject, last["value"], movements)
    return packed(basis.shortened(MOST_KEPT)) if basis.sources else UNKNOWN
