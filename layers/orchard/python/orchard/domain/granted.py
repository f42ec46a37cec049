"""How much an edit of a balance grants: what a cap on grants is compared with.

In doubt it is more, never less: a reset that is yet to come counts with all that it gives.
"""

from decimal import Decimal
from typing import NamedTuple

from orchard.domain import effects, renewal
from orchard.domain.effects import Changed
from orchard.domain.holding import State
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Row


class Granted(NamedTuple):
    """Units of the feature, which an edit that only lowers has none of.

    `unbounded` says that no number is enough: what is given is unlimited, or given again and again.
    """

    units: Decimal = ZERO
    unbounded: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether nobody has to permit it."""
        return not self.unbounded and not self.units


def granted(before: State, after: State, now: int) -> Granted:
    """Return what a state of the balances has more than the one before it."""
    changes = effects.changed(before, after)
    if any(_is_unbounded(one) for one in changes):
        return Granted(unbounded=True)
    moved = total(_left(one.after) - _left(one.before) for one in changes)
    times = total(_renewed(one, now) + _prolonged(one) for one in changes)
    return Granted(max(ZERO, moved) + times)


def _left(row: Row | None) -> Decimal:
    """What is left of a source: below 0 it is overdrawn, which an edit may forgive."""
    return ZERO if row is None or row.unlimited else row.balance + row.carried


def _is_unbounded(one: Changed) -> bool:
    old, new = one.before, one.after
    if new is None:
        return False
    if old is None or _lasts_longer(old, new):
        return new.unlimited or new.boolean or _returns(new)
    return new.unlimited and not old.unlimited


def _returns(row: Row) -> bool:
    """Whether it is given anew, at least once, before it ends."""
    at, end = row.next_reset_at, row.expires_at
    return at is not None and (end is None or at < end)


def _lasts_longer(old: Row, new: Row) -> bool:
    return old.expires_at is not None and (
        new.expires_at is None or new.expires_at > old.expires_at
    )


def _prolonged(one: Changed) -> Decimal:
    """What would be gone without the later end."""
    if one.before is None or one.after is None or not _lasts_longer(one.before, one.after):
        return ZERO
    return max(ZERO, min(_left(one.before), _left(one.after)))


def _renewed(one: Changed, now: int) -> Decimal:
    """What a reset that comes earlier gives, if all that is left by now is used until then."""
    old, new = one.before, one.after
    if old is None or new is None or not _comes_earlier(old.next_reset_at, new.next_reset_at):
        return ZERO
    if new.unlimited:
        return ZERO
    # What is overdrawn and billed is owed all the same.
    owed = ZERO if new.is_metered else min(ZERO, new.balance)
    if (new.next_reset_at or 0) > now:
        return max(ZERO, new.starting - owed)
    return max(ZERO, _left(renewal.reset(new, now)) - max(_left(new), owed))


def _comes_earlier(old: int | None, new: int | None) -> bool:
    return old is not None and new is not None and new < old
