"""The prices of a plan and of its items as callers send them."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from orchard.contracts.fields import Count, Currency, Positive, fault
from orchard.contracts.request import Request
from orchard.domain.interval import ONE_OFF
from orchard.domain.plan_items import PREPAID, USAGE_BASED
from orchard.domain.quantity import LARGEST, ZERO, exact

#: Where the last tier ends.
NO_LIMIT = "inf"


def _some(value: Decimal) -> Decimal:
    if value == 0:
        raise fault("must be greater than 0")
    return value


def _cents(value: Decimal) -> Decimal:
    if value * 100 % 1:
        raise fault("can have at most 2 decimals")
    return value


type PriceInterval = Literal["one_off", "week", "month", "quarter", "semi_annual", "year"]
type Units = Annotated[Positive, AfterValidator(_some)]
type BaseAmount = Annotated[Positive, AfterValidator(_cents)]


class CurrencyAmount(Request):
    """A price in a further currency."""

    currency: Currency
    amount: Positive


class TierAmount(Request):
    """The prices of a tier in a further currency."""

    currency: Currency
    amount: Positive | None = None
    flat_amount: Positive | None = None


class Tier(Request):
    """The price of units up to a number, and a fee for reaching the tier."""

    to: Positive | Literal["inf"]
    amount: Positive | None = None
    flat_amount: Positive | None = None
    additional_currencies: Annotated[list[TierAmount], Field(max_length=20)] | None = None

    @field_validator("to", mode="plain")
    @classmethod
    def _bound(cls, value: Any) -> Decimal | str:
        if value == NO_LIMIT:
            return NO_LIMIT
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise fault('must be a number or "inf"')
        if not 0 < value <= LARGEST:
            raise fault(f"must be greater than 0 and at most {LARGEST:f}")
        return exact(value)

    @model_validator(mode="after")
    def _costs_something(self) -> Self:
        if self.amount is None and self.flat_amount is None:
            raise fault("amount or flat_amount is required")
        return self

    def document(self) -> dict[str, Any]:
        """Return the tier as it is stored; a tier with a fee alone costs nothing per unit."""
        return {**self.model_dump(exclude_none=True), "amount": self.amount or ZERO}


class ItemPrice(Request):
    """What a feature costs: an amount, or tiers, per so many units."""

    amount: Positive | None = None
    additional_currencies: Annotated[list[CurrencyAmount], Field(max_length=20)] | None = None
    tiers: Annotated[list[Tier], Field(max_length=100)] | None = None
    tier_behavior: Literal["graduated", "volume"] = "graduated"
    interval: PriceInterval
    interval_count: Count = 1
    billing_units: Units = Decimal(1)
    billing_method: Literal["prepaid", "usage_based"]
    max_purchase: Positive | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.amount is None) == (not self.tiers):
            raise fault("exactly one of amount and tiers is required")
        if self.billing_method == USAGE_BASED and self.interval == ONE_OFF:
            raise fault("a usage_based price needs a recurring interval")
        if self.tiers:
            _check_tiers(self.tiers, is_volume=self.tier_behavior == "volume")
            if self.tier_behavior == "volume" and self.billing_method != PREPAID:
                raise fault("volume tiers are only possible with a prepaid price")
        return self

    def document(self) -> dict[str, Any]:
        """Return the price as it is stored and returned."""
        left_out = {"tiers", "tier_behavior"} if self.amount is not None else {"tiers"}
        view = self.model_dump(exclude_none=True, exclude=left_out)
        if self.tiers:
            view["tiers"] = [tier.document() for tier in self.tiers]
        if self.interval_count == 1:
            del view["interval_count"]
        return {**view, "max_purchase": self.max_purchase}


class BasePrice(Request):
    """What a plan costs whatever is used."""

    amount: BaseAmount
    interval: PriceInterval
    interval_count: Count = 1
    additional_currencies: Annotated[list[CurrencyAmount], Field(max_length=20)] | None = None

    def document(self) -> dict[str, Any] | None:
        """Return the price as it is stored and returned; a price of nothing is no price."""
        if self.amount == 0:
            return None
        view = self.model_dump(exclude_none=True)
        if self.interval_count == 1:
            del view["interval_count"]
        return view


def _check_tiers(tiers: Sequence[Tier], *, is_volume: bool) -> None:
    bounds = [Decimal("Infinity") if tier.to == NO_LIMIT else Decimal(tier.to) for tier in tiers]
    if any(low >= high for low, high in pairwise(bounds)):
        raise fault("tiers: each tier must end above the one before it")
    if bounds[-1].is_finite():
        raise fault('tiers: the last tier must end at "inf"')
    if any(tier.flat_amount for tier in tiers) and not (is_volume and len(tiers) > 1):
        raise fault("tiers: flat_amount is only possible with several volume tiers")
