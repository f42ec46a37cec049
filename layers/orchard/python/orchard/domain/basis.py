"""What a use rests on, in the form in which it is shown and kept: `explaining` makes it.

Quantities are decimals in units of the feature whose they are, times UTC milliseconds.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from orchard.domain.holding import SpendLimit
from orchard.domain.quantity import ZERO
from orchard.domain.sources import ONE

#: So many sources are put down where an explanation is kept, and where it is shown at once.
MOST_KEPT, MOST_SHOWN = 10, 100


class Considered(NamedTuple):
    """A source in its turn: what it held, and what it gave (negative: got back)."""

    balance_id: str
    feature_id: str
    holds: Decimal
    gives: Decimal = ZERO
    #: What one unit of the feature that is used takes from it.
    cost: Decimal = ONE
    plan_id: str | None = None
    #: How far it may be overdrawn, before any spend limit; None is without bound.
    overage: Decimal | None = ZERO
    entity_id: str | None = None
    unlimited: bool = False
    boolean: bool = False


class Window(NamedTuple):
    """A usage limit that holds, and what its window counted. `applies`: the use counts in it."""

    limit: Decimal
    interval: str
    used: Decimal
    resets_at: int
    applies: bool = True
    enabled: bool = True
    filter: tuple[tuple[str, str], ...] = ()

    @property
    def left(self) -> Decimal:
        """What may still be used in the window."""
        return max(ZERO, self.limit - self.used)


class Payer(NamedTuple):
    """A feature that can pay, the one that is used or a credit system, with what gates it."""

    feature_id: str
    #: What the use takes if this feature pays alone.
    required: Decimal
    remaining: Decimal = ZERO
    #: How much may be used beyond that; None is without bound.
    beyond: Decimal | None = ZERO
    allowed: bool = False
    limit: str | None = None
    cost: Decimal = ONE
    windows: tuple[Window, ...] = ()
    overage_allowed: bool | None = None
    max_purchase: Decimal | None = None
    spend_limit: SpendLimit | None = None
    spend_left: Decimal | None = None
    held: bool = True

    def shortened(self, most: int) -> "Payer":
        """Return it with at most so many usage limits, those that gate most first."""
        if len(self.windows) <= most:
            return self
        ranked = sorted(self.windows, key=lambda one: (not (one.applies and one.enabled), one.left))
        return self._replace(windows=tuple(ranked[:most]))


class Basis(NamedTuple):
    """What a use rested on: sources in the order in which they pay, and what gated them.

    `not_covered` found no place, in units of the feature that is used, because of `limit` of the
    feature `answering`. `omitted` counts what is left out: sources, features, usage limits.
    """

    sources: tuple[Considered, ...] = ()
    not_covered: Decimal = ZERO
    limit: str | None = None
    answering: str | None = None
    payers: tuple[Payer, ...] = ()
    omitted: int = 0

    def shortened(self, most: int) -> "Basis":
        """Return it with at most so many sources, features, and usage limits of each."""
        payers = self.payers
        if len(payers) > most:
            told = (one for one in payers[1:] if one.held or one.feature_id == self.answering)
            payers = (payers[0], *islice(told, most - 1))
        short = tuple(one.shortened(most) for one in payers)
        surplus = max(0, len(self.sources) - most) + len(self.payers) - len(payers)
        surplus += sum(
            len(one.windows) - len(now.windows) for one, now in zip(payers, short, strict=True)
        )
        return self._replace(
            sources=self.sources[:most], payers=short, omitted=self.omitted + surplus
        )


class Explanation(NamedTuple):
    """Whether a use of `required` units of a feature was allowed at a time, and why."""

    at: int
    feature_id: str
    required: Decimal
    allowed: bool
    basis: Basis
    entity_id: str | None = None


def packed(value: Any) -> Any:
    """Return an explanation, or a part of it, as lists; what is as usual at the end is left out."""
    if not isinstance(value, tuple):
        return value
    usual: dict[str, Any] = getattr(value, "_field_defaults", {})
    names: Sequence[str] = getattr(value, "_fields", ())
    kept = len(value)
    while kept and names and names[kept - 1] in usual and value[kept - 1] == usual[names[kept - 1]]:
        kept -= 1
    return [packed(one) for one in value[:kept]]
