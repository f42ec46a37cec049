"""One source of a balance: what a plan item or a standalone grant gives to one feature.

Quantities are decimals in units of the feature, times are UTC milliseconds.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain.interval import LENGTH_MINUTES, ONE_OFF
from orchard.domain.quantity import ZERO, total

#: Who lets a row go below zero: nobody, its pay-per-use price, or a free allocated feature
#: (which then refuses only callers that ask for all or nothing).
NO_OVERAGE, PRICED, ALLOCATED = "none", "priced", "allocated"


class Rollover(NamedTuple):
    """Unused balance carried over from an earlier period."""

    id: str
    balance: Decimal
    usage: Decimal
    expires_at: int | None


class Withheld(NamedTuple):
    """A part of the balance that a change (`id`) took away: it comes back at `ends_at`."""

    id: str
    amount: Decimal
    starts_at: int
    ends_at: int


class Unbilled(NamedTuple):
    """Overage of a period that is over: it is on no invoice yet, or about to be on this one."""

    period_end: int
    quantity: Decimal
    #: Whoever bills it has laid hands on it: the id of an invoice at Stripe.
    invoice: str | None = None
    #: What it costs, if the row has another price by now.
    price: dict[str, Any] | None = None


class RolloverRule(NamedTuple):
    """How much unused balance a reset carries over, and for how many months (None: always)."""

    max: Decimal | None
    max_percentage: Decimal | None
    months: int | None


class Row(NamedTuple):
    """A source of balance. `balance` is signed: what was granted less what was used."""

    id: str
    created_at: int
    #: The entity whose row it is: of its own, or its slice of a row granted for each entity.
    entity_id: str | None = None
    #: Granted once for each entity of this feature.
    entity_feature_id: str | None = None
    external_id: str | None = None
    plan_id: str | None = None
    customer_plan_id: str | None = None
    add_on: bool = False
    boolean: bool = False
    unlimited: bool = False
    continuous: bool = False
    allowance: Decimal = ZERO
    prepaid: Decimal = ZERO
    adjustment: Decimal = ZERO
    balance: Decimal = ZERO
    interval: str = ONE_OFF
    interval_count: int = 1
    next_reset_at: int | None = None
    #: How often it was reset: tells the periods apart, whose dates may be edited.
    resets: int = 0
    expires_at: int | None = None
    #: When the plan that owns the row ends; the row goes with it.
    ends_at: int | None = None
    overage: str = NO_OVERAGE
    #: How far below zero the row may go; None is without bound.
    overage_limit: Decimal | None = None
    price: dict[str, Any] | None = None
    rollover: RolloverRule | None = None
    rollovers: tuple[Rollover, ...] = ()
    #: What edits took away that end by themselves; resets pass over it.
    withheld: tuple[Withheld, ...] = ()
    #: The change that granted the row, unless it is a plan's.
    change_id: str | None = None
    #: Added by an edit that ends by itself, instead of granted on its own.
    addition: bool = False
    #: Of a plan that is paid through Stripe: overage is billed when a period ends.
    billed: bool = False
    #: Until then nothing that is used is ever billed.
    trial_ends_at: int | None = None
    #: Overage of periods that are over, which invoices have yet to show.
    unbilled: tuple[Unbilled, ...] = ()
    #: How units beyond the balance are charged when they are taken; None: at the end of a period.
    proration: dict[str, Any] | None = None
    #: Of these, units paid for to the end of the cycle and not in use; negative: credited already.
    spare: Decimal = ZERO
    #: Its plan waits for a payment: until that is made nothing is reset.
    overdue: bool = False

    @property
    def is_mould(self) -> bool:
        """Whether the row only stands for the slices that each entity gets, and holds nothing."""
        return self.entity_feature_id is not None and self.entity_id is None

    @property
    def starting(self) -> Decimal:
        """What the row holds right after a reset."""
        return self.allowance + self.prepaid

    @property
    def included(self) -> Decimal:
        """The granted amount without purchases, as edited."""
        return self.allowance + self.adjustment

    @property
    def ceiling(self) -> Decimal:
        """All that was granted."""
        return self.starting + self.adjustment

    @property
    def usage(self) -> Decimal:
        """What was taken; negative once an edit gave more than was granted."""
        return self.ceiling - self.balance

    @property
    def kept_back(self) -> Decimal:
        """What is withheld for a while: it counts as usage, though nobody used it."""
        return total(one.amount for one in self.withheld)

    @property
    def consumed(self) -> Decimal:
        """What was taken for good: usage without what an edit adds or withholds for a while."""
        given = self.starting if self.addition else self.ceiling
        return given - self.balance - self.kept_back

    @property
    def refundable(self) -> Decimal:
        """What refunds can give back: up to what was granted, but not what is withheld."""
        return max(ZERO, self.consumed)

    @property
    def debt(self) -> Decimal:
        """What refunds give back before all else: a balance below zero rises to zero."""
        return min(self.overdrawn, self.refundable) if self.withheld else self.overdrawn

    @property
    def overdrawn(self) -> Decimal:
        """How far the balance is below zero."""
        return max(ZERO, -self.balance)

    @property
    def reset_due_at(self) -> int | None:
        """When it resets by itself; while a payment is overdue, its date just passes."""
        return None if self.overdue else self.next_reset_at

    @property
    def is_metered(self) -> bool:
        """Whether its overage is billed once a period is over."""
        return self.billed and self.overage == PRICED

    @property
    def is_seat(self) -> bool:
        """Whether units beyond the balance are charged when they are taken."""
        return self.is_metered and self.continuous and self.proration is not None

    @property
    def reusable(self) -> Decimal:
        """What may be taken beyond the balance without charge."""
        return max(ZERO, self.spare)

    @property
    def held(self) -> Decimal:
        """What of the balance can be used; an overdrawn row holds nothing."""
        return max(ZERO, self.balance)

    @property
    def carried(self) -> Decimal:
        """What is left of earlier periods."""
        return total(rollover.balance for rollover in self.rollovers)

    def is_over(self, now: int) -> bool:
        """Whether the row expired or ended with its plan."""
        return any(at is not None and at <= now for at in (self.expires_at, self.ends_at))

    def instants(self) -> tuple[int, ...]:
        """Every time at which this row changes by itself."""
        times = (self.reset_due_at, self.expires_at, self.ends_at, self.trial_ends_at)
        carried = (rollover.expires_at for rollover in self.rollovers)
        back = (one.ends_at for one in self.withheld)
        return tuple(at for at in (*times, *carried, *back) if at is not None)


type Rows = tuple[Row, ...]


def deduction_order(row: Row) -> tuple[object, ...]:
    """Sort key: the order in which rows of one feature pay.

    Flags and unlimited rows first, then what resets before what does not, shorter intervals,
    sooner expiry, main plans, rows without overage, older rows; of the same age a plan before a
    grant.
    """
    length = LENGTH_MINUTES[row.interval] * row.interval_count
    return (
        not row.boolean,
        not row.unlimited,
        row.next_reset_at is None,
        length,
        row.expires_at is None,
        row.expires_at or 0,
        row.add_on,
        row.overage != NO_OVERAGE,
        row.created_at,
        row.plan_id is None,
        row.id,
        row.entity_id or "",
    )


def cast(mould: Row, entity_id: str) -> Row:
    """Return the slice that a row granted for each entity gives to one of them."""
    return mould._replace(
        entity_id=entity_id,
        balance=mould.starting,
        rollovers=(),
        withheld=(),
        unbilled=(),
        spare=ZERO,
    )


def repriced(row: Row, price: dict[str, Any] | None) -> Row:
    """Return a row with another price; what waits to be billed keeps the one it was used at."""
    kept = tuple(one._replace(price=one.price or row.price) for one in row.unbilled)
    return row._replace(price=price, unbilled=row.unbilled if price == row.price else kept)


def ordered(rows: Rows) -> Rows:
    """Return the rows in deduction order."""
    return tuple(sorted(rows, key=deduction_order))
