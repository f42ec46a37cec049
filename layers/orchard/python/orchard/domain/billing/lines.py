"""Lines of invoices, computed here and billed at Stripe as they are.

Money in major units of the currency, signed: what is credited is negative. Times in UTC
milliseconds.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from orchard.domain.billing.coupons import Reduction
from orchard.domain.catalog import Feature, Plan
from orchard.domain.quantity import total

#: What a line is: the price of a period or of a purchase, the unused rest of one, usage, units
#: beyond a balance that are paid in advance.
CHARGE, REFUND, USAGE, SEATS = "charge", "refund", "usage", "seats"


class Period(NamedTuple):
    """The time that a line pays for."""

    start: int
    end: int


class LineItem(NamedTuple):
    """A line. `amount` is before discounts; `product` is the id of the Stripe product.

    Without a feature it is the base price of the plan. `paid_since` tells of a credit when the
    period began that it is for.
    """

    kind: str
    plan_id: str
    customer_plan_id: str
    feature_id: str | None
    product: str
    display_name: str
    description: str
    amount: Decimal
    quantity: Decimal
    period: Period | None = None
    one_off: bool = False
    paid_since: int | None = None
    reductions: tuple[Reduction, ...] = ()

    @property
    def total(self) -> Decimal:
        """What is charged after discounts."""
        return self.amount - total(one.amount_off for one in self.reductions)


class Bought(NamedTuple):
    """A plan as somebody holds it or is about to: customised already, with its quantities.

    `quantities` are the prepaid units by feature, those included among them; `seats` the units in
    use beyond what is included, of features that are charged when units are taken.
    """

    plan: Plan
    customer_plan_id: str
    quantities: Mapping[str, Decimal] = {}
    entity_name: str | None = None
    seats: Mapping[str, Decimal] = {}


class Sale(NamedTuple):
    """Where something is sold: the tenant, its features, the currency (`usd`)."""

    tenant: str
    features: Mapping[str, Feature]
    currency: str


def sum_of(lines: tuple[LineItem, ...]) -> Decimal:
    """Return what lines come to, after discounts."""
    return total(line.total for line in lines)
