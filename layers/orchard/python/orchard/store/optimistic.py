"""Trying again what lost a race, from fresh state, a few times and spread out."""

import random
import time
from collections.abc import Callable

from orchard.errors import Unavailable
from orchard.store.statements import ConditionFailed, Contention

_TRIES = 12


def optimistic[T](attempt: Callable[[], T]) -> T:
    """Return the result of `attempt`, which loads, decides and saves under a condition.

    Errors: `Unavailable` when other requests kept changing the same items.
    """
    for tried in range(_TRIES):
        try:
            return attempt()
        except (ConditionFailed, Contention):
            # Doubling up to a fifth of a second, jittered so that rivals part company.
            time.sleep(random.uniform(0, min(0.2, 0.004 * 2**tried)))  # noqa: S311 - spreads retries, guards nothing
    raise Unavailable("Other requests are changing the same data; try again")
