"""The items of a plan as callers send them."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from orchard.contracts.fields import Count, Id, Positive, fault
from orchard.contracts.plan_prices import NO_LIMIT, ItemPrice
from orchard.contracts.request import Request
from orchard.domain.plan_items import PREPAID
from orchard.domain.quantity import ZERO

_MOST_INCLUDED = Decimal(10) ** 13


def _not_too_many(value: Decimal) -> Decimal:
    if value > _MOST_INCLUDED:
        raise fault(f"must be at most {_MOST_INCLUDED:f}; use unlimited instead")
    return value


type ResetInterval = Literal[
    "one_off", "minute", "hour", "day", "week", "month", "quarter", "semi_annual", "year"
]
type Included = Annotated[Positive, AfterValidator(_not_too_many)]


class Reset(Request):
    """How often a balance starts anew."""

    interval: ResetInterval
    interval_count: Count = 1


class Proration(Request):
    """How a change of quantity within a period is billed."""

    on_increase: Literal[
        "bill_immediately", "prorate_immediately", "prorate_next_cycle", "bill_next_cycle"
    ]
    on_decrease: Literal[
        "prorate", "prorate_immediately", "prorate_next_cycle", "none", "no_prorations"
    ]


class Rollover(Request):
    """What unused balance is carried over at a reset, and how long it stays."""

    max: Positive | None = None
    max_percentage: Annotated[Positive, Field(le=100)] | None = None
    expiry_duration_type: Literal["month", "forever"]
    expiry_duration_length: Count | None = None

    def document(self) -> dict[str, Any]:
        """Return the rule as it is stored and returned."""
        return {**self.model_dump(exclude_none=True), "max": self.max}


class PlanItem(Request):
    """What a plan gives of one feature, and what more of it costs."""

    feature_id: Id
    included: Included = ZERO
    unlimited: bool = False
    pooled: bool = False
    #: Granted once to each entity of this feature.
    entity_feature_id: Id | None = None
    reset: Reset | None = None
    price: ItemPrice | None = None
    proration: Proration | None = None
    rollover: Rollover | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        price = self.price
        if price is None:
            return self
        if self.unlimited:
            raise fault("an unlimited item cannot have a price")
        first = price.tiers[0].to if price.tiers else NO_LIMIT
        if isinstance(first, Decimal) and first <= self.included:
            raise fault("the first tier must end above included")
        if (
            self.reset is not None
            and price.billing_method != PREPAID
            and not _same(self.reset, price)
        ):
            raise fault("reset.interval and price.interval can differ only with a prepaid price")
        _check_proration(self.proration, price)
        return self

    def document(self) -> dict[str, Any]:
        """Return the item as it is stored."""
        view: dict[str, Any] = {
            "feature_id": self.feature_id,
            "included": self.included,
            "unlimited": self.unlimited,
            "reset": self.reset and _reset(self.reset),
            "price": self.price and self.price.document(),
        }
        if self.pooled:
            view["pooled"] = True
        if self.entity_feature_id is not None:
            view["entity_feature_id"] = self.entity_feature_id
        if self.proration is not None:
            view["proration"] = self.proration.model_dump()
        if self.rollover is not None:
            view["rollover"] = self.rollover.document()
        return view


def _reset(reset: Reset) -> dict[str, Any]:
    return reset.model_dump(exclude={"interval_count"} if reset.interval_count == 1 else None)


def _same(reset: Reset, price: ItemPrice) -> bool:
    return (reset.interval, reset.interval_count) == (price.interval, price.interval_count)


def _check_proration(proration: Proration | None, price: ItemPrice) -> None:
    at_once = proration is not None and proration.on_increase == "bill_immediately"
    if at_once and price.billing_method == PREPAID:
        raise fault("proration.on_increase: bill_immediately is not possible with a prepaid price")
