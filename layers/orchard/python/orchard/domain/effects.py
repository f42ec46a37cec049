"""What an edit of a balance does beyond the balance itself: how long it lasts, what follows."""

from collections.abc import Iterator
from typing import NamedTuple

from orchard.domain import balance
from orchard.domain.holding import Place, State
from orchard.domain.row import Row


class Changed(NamedTuple):
    """One source as it is and as it is to be; None where it is not there.

    `lasts_until` is when the change of it ends by itself (UTC ms), None if it lasts.
    """

    place: Place
    before: Row | None
    after: Row | None
    lasts_until: int | None


class Reset(NamedTuple):
    """The next reset of a balance: when, and what everything holds then."""

    at: int
    state: State


def changed(before: State, after: State) -> tuple[Changed, ...]:
    """Return the sources that differ between two states."""
    return tuple(one for place in after for one in _at(place, before, after))


def lasts_until(changes: tuple[Changed, ...]) -> int | None:
    """Return when the last of some changes ends by itself; None if one of them lasts."""
    ends = [one.lasts_until for one in changes]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


def next_reset(state: State, feature_id: str) -> Reset | None:
    """Return what the first reset of a feature's sources to come makes of a state."""
    times = (
        row.reset_due_at
        for place, held in state.items()
        if place.feature_id == feature_id
        for row in held.own
    )
    at = min((time for time in times if time is not None), default=None)
    if at is None:
        return None
    return Reset(at, {place: balance.renewed(held, at) for place, held in state.items()})


def _at(place: Place, before: State, after: State) -> Iterator[Changed]:
    was = {row.id: row for row in before[place].own} if place in before else {}
    now = {row.id: row for row in after[place].own}
    for row_id in {**was, **now}:
        old, new = was.get(row_id), now.get(row_id)
        if old != new:
            yield Changed(place, old, new, _end(old, new))


def _end(old: Row | None, new: Row | None) -> int | None:
    """What is withheld comes back at its own end; dates that were set stay.

    Any other amount goes with the reset or the end of its source.
    """
    if new is None or (old is not None and old.balance == new.balance and old.usage == new.usage):
        return None
    withheld = [one.ends_at for one in new.withheld if old is None or one not in old.withheld]
    times = withheld or (new.reset_due_at, new.expires_at, new.ends_at)
    return min((time for time in times if time is not None), default=None)
