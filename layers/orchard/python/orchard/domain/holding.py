"""What one balance item holds: rows of one feature, and the billing controls that gate their use.

A customer's own item holds the rows that all of the customer may use; an entity's item holds that
entity's. The controls are a copy of those that hold there, so that one read decides.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain.quantity import ZERO
from orchard.domain.row import Rows


class Place(NamedTuple):
    """Where rows lie: the feature, and the entity whose they are (None: the customer's own)."""

    feature_id: str
    entity_id: str | None = None


class SpendLimit(NamedTuple):
    """The most overage that may be used: units, or percent of what main plans include.

    `waives_billing` lets what is used beyond the balance be free.
    """

    limit: Decimal
    is_percentage: bool = False
    enabled: bool = True
    waives_billing: bool = False


class UsageLimit(NamedTuple):
    """The most that may be used in a window of time, and what was used in the present one.

    `filter` holds the properties (name and text) of the events that count; without one every
    event does. The window ends at `resets_at`; `anchor_at` is a time on its cycle, if the calendar
    (UTC) does not say when it ends.
    """

    limit: Decimal
    interval: str
    filter: tuple[tuple[str, str], ...] = ()
    anchor: str | None = None
    enabled: bool = True
    used: Decimal = ZERO
    resets_at: int = 0
    anchor_at: int | None = None

    @property
    def left(self) -> Decimal:
        """What may still be used in the window."""
        return max(ZERO, self.limit - self.used)

    def matches(self, properties: Mapping[str, Any]) -> bool:
        """Whether an event with these properties counts."""
        return all(
            name in properties and text(properties[name]) == wanted for name, wanted in self.filter
        )


class Alert(NamedTuple):
    """A threshold to tell of; `kind` is what is compared with it."""

    threshold: Decimal
    kind: str
    name: str | None = None


class Controls(NamedTuple):
    """The billing controls of a feature at one place; None and empty where nothing was set."""

    overage_allowed: bool | None = None
    spend_limit: SpendLimit | None = None
    usage_limits: tuple[UsageLimit, ...] = ()
    alerts: tuple[Alert, ...] = ()
    #: More is bought once so little is left.
    top_up: Decimal | None = None

    @property
    def spend_cap(self) -> SpendLimit | None:
        """The spend limit, if it is enabled."""
        return self.spend_limit if self.spend_limit and self.spend_limit.enabled else None


NO_CONTROLS = Controls()


class Holding(NamedTuple):
    """Rows with their controls. `spread`: entities of the customer have rows of the feature too."""

    rows: Rows = ()
    controls: Controls = NO_CONTROLS
    spread: bool = False

    @property
    def own(self) -> Rows:
        """The rows that hold something: all but those that only stand for slices of entities."""
        if not any(row.is_mould for row in self.rows):
            return self.rows
        return tuple(row for row in self.rows if not row.is_mould)


#: The balance items that a decision rests on.
type State = Mapping[Place, Holding]
NOTHING = Holding()


def text(value: object) -> str:
    """Return a property's value in the form in which filters compare it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal) and value == int(value):
        return str(int(value))
    return str(value)
