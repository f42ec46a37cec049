"""The caps on what people in support may grant by themselves, and what they granted of late."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from orchard.domain.granted import Granted
from orchard.domain.interval import DAY_MS
from orchard.domain.quantity import ZERO, total

#: Grants are added up over this time, which moves along.
WINDOW_MS = DAY_MS
#: More grants than this to one customer, of one feature and in that time, are to be approved.
MOST_GRANTS = 100


class Caps(NamedTuple):
    """How many units one person may add to what one customer has of a feature, within a day.

    `default` is for features that are not named. Until somebody sets a number, every grant is to
    be approved: which number is harmless depends on the feature.
    """

    default: Decimal = ZERO
    by_feature: Mapping[str, Decimal] = {}

    def of(self, feature_id: str) -> Decimal:
        """Return the cap for a feature."""
        return self.by_feature.get(feature_id, self.default)


class Grant(NamedTuple):
    """What a form counted: units, and how many attempts at the form did.

    An attempt that is refused takes its part back; the grant counts as long as one did not, which
    may be the one that was done, or one whose end nobody knows.
    """

    at: int
    units: Decimal
    attempts: int = 1


#: By the key of the form.
type Grants = Mapping[str, Grant]
NONE: Grants = {}


def of_late(grants: Grants, now: int) -> dict[str, Grant]:
    """Return the grants that still count."""
    return {key: one for key, one in grants.items() if one.at > now - WINDOW_MS}


def spent(grants: Grants, now: int, key: str = "") -> Decimal:
    """Return the units that were granted within the window, apart from those of a form."""
    return total(one.units for name, one in of_late(grants, now).items() if name != key)


def is_within(cap: Decimal, grants: Grants, wanted: Granted, now: int, key: str = "") -> bool:
    """Whether somebody may grant this without asking; `key` is that of the form."""
    if wanted.is_nothing:
        return True
    others = {name for name in of_late(grants, now) if name != key}
    if wanted.unbounded or len(others) >= MOST_GRANTS:
        return False
    return spent(grants, now, key) + wanted.units <= cap


def counted(grants: Grants, key: str, units: Decimal, now: int) -> dict[str, Grant]:
    """Return the grants with one attempt more at a form."""
    kept = of_late(grants, now)
    known = kept.get(key)
    if known is None:
        return {**kept, key: Grant(now, units)}
    return {**kept, key: Grant(known.at, max(known.units, units), known.attempts + 1)}


def taken_back(grants: Grants, key: str, now: int) -> dict[str, Grant]:
    """Return the grants with one attempt less at a form, which then may count no more."""
    kept = of_late(grants, now)
    known = kept.pop(key, None)
    if known is None or known.attempts <= 1:
        return kept
    return {**kept, key: known._replace(attempts=known.attempts - 1)}
