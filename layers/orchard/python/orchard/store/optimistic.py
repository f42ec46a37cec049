"""Trying again what lost a race, from fresh state, spread out in time."""

import random
import time
from collections.abc import Callable

from orchard.errors import Unavailable
from orchard.store.statements import ConditionFailed, Contention, Item

#: The first tries follow at once, on the state that the refusal brought along; then each waits,
#: longer and longer: five seconds in all, far more than rivals of one customer ever need.
_AT_ONCE, _TRIES, _LONGEST_S = 2, 28, 0.4


def optimistic[T](attempt: Callable[[], T]) -> T:
    """Return the result of `attempt`, which loads, decides and saves under a condition.

    Errors: `Unavailable` when other requests kept changing the same items.
    """
    return optimistic_on(None, lambda _item: attempt())


def optimistic_on[T](item: Item | None, attempt: Callable[[Item | None], T]) -> T:
    """Do the same with an `attempt` that saves one item and may be given it as it is now.

    None says that the attempt has to load it. Errors: as `optimistic`.
    """
    for tried in range(_TRIES):
        try:
            return attempt(item)
        except ConditionFailed as refused:
            item = refused.item if tried < _AT_ONCE else None
        except Contention:
            item = None
        if item is None:
            _pause(tried)
    raise Unavailable("Other requests are changing the same data; try again")


def _pause(tried: int) -> None:
    """Wait at random, so that rivals part company."""
    longest = min(_LONGEST_S, 0.002 * 2.0**tried)
    time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads retries, guards nothing
