"""Billing controls: limits, alerts and permissions of a customer or a plan.

Each of the five lists replaces the stored one when it is sent; a list that is absent stays.
"""

from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from orchard.contracts.fields import Count, Id, Positive, Quantity, Whole, fault
from orchard.contracts.request import Request
from orchard.errors import Invalid


def _at_least_one(value: Decimal) -> Decimal:
    if value < 1:
        raise fault("must be at least 1")
    return value


type AtLeastOne = Annotated[Positive, AfterValidator(_at_least_one)]
#: Few enough for the customer's item to stay small.
type Entries[E] = Annotated[list[E], Field(max_length=100)]
type PropertyName = Annotated[str, Field(min_length=1, max_length=128)]
type PropertyValue = Annotated[str, Field(min_length=1, max_length=128)] | bool | Quantity


class PurchaseLimit(Request):
    """How often an automatic top-up may buy. `count` sets the running counter, not the limit."""

    interval: Literal["hour", "day", "week", "month"]
    interval_count: Count = 1
    limit: AtLeastOne
    count: Whole | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _count_within_limit(self) -> Self:
        if self.count is not None and not 0 <= self.count <= self.limit:
            raise Invalid("purchase_limit.count must be between 0 and purchase_limit.limit")
        return self


class AutoTopup(Request):
    """Buy more of a prepaid feature when little is left."""

    feature_id: Id
    enabled: bool = False
    threshold: Quantity
    quantity: AtLeastOne
    purchase_limit: PurchaseLimit | None = None
    invoice_mode: bool | None = None


class SpendLimit(Request):
    """The most overage that may be used, in units of the feature or percent of its grant."""

    feature_id: Id | None = None
    enabled: bool = False
    limit_type: Literal["absolute", "usage_percentage"] | None = None
    overage_limit: Positive | None = None
    skip_overage_billing: bool | None = None

    @model_validator(mode="after")
    def _names_its_feature(self) -> Self:
        limits = self.overage_limit is not None or self.skip_overage_billing is not None
        if limits and self.feature_id is None:
            raise fault("feature_id is required with overage_limit or skip_overage_billing")
        return self


class PropertyFilter(Request):
    """The events that count: those with all of these properties."""

    properties: dict[PropertyName, PropertyValue] = Field(min_length=1, max_length=4)


class UsageLimit(Request):
    """The most that may be used in a window of time, whatever the balance."""

    feature_id: Id
    enabled: bool = True
    limit: Positive
    interval: Literal["day", "week", "month", "year"]
    anchor: Literal["billing_cycle", "utc"] | None = None
    filter: PropertyFilter | None = None


class UsageAlert(Request):
    """Tell when usage rises to, or what remains falls to, a threshold."""

    feature_id: Id | None = None
    enabled: bool = True
    threshold: Positive
    threshold_type: Literal["usage", "usage_percentage", "remaining", "remaining_percentage"]
    name: str | None = Field(default=None, max_length=255)

    @model_validator(mode="after")
    def _percentage(self) -> Self:
        if self.threshold_type == "remaining_percentage" and self.threshold > 100:
            raise fault("threshold must be at most 100 for remaining_percentage")
        return self


class OverageAllowed(Request):
    """Whether a feature may be used beyond its balance."""

    feature_id: Id
    enabled: bool = False


class EntityControls(Request):
    """The controls sent for an entity; lists that are absent are None."""

    spend_limits: Entries[SpendLimit] | None = None
    usage_limits: Entries[UsageLimit] | None = None
    usage_alerts: Entries[UsageAlert] | None = None
    overage_allowed: Entries[OverageAllowed] | None = None

    @model_validator(mode="after")
    def _no_duplicates(self) -> Self:
        _once(self.spend_limits, "spend limit")
        _once(self.overage_allowed, "overage control")
        filters = [(limit.feature_id, _filter_text(limit)) for limit in self.usage_limits or ()]
        _distinct(filters, "Only one usage limit is allowed per feature_id and filter")
        return self

    def sent(self) -> dict[str, Any]:
        """Return the lists that were sent, in the form in which they are stored and returned."""
        document: dict[str, Any] = self.model_dump(exclude_none=True)
        return document


class BillingControls(EntityControls):
    """The controls sent for a customer or a plan."""

    auto_topups: Entries[AutoTopup] | None = None

    @model_validator(mode="after")
    def _no_duplicate_topups(self) -> Self:
        _once(self.auto_topups, "auto top-up")
        return self

    @property
    def counts(self) -> dict[str, int]:
        """How many purchases are to count in the windows of features."""
        sent = {entry.feature_id: entry.purchase_limit for entry in self.auto_topups or ()}
        return {
            name: limit.count for name, limit in sent.items() if limit and limit.count is not None
        }


def merged(stored: dict[str, Any], controls: EntityControls | None) -> dict[str, Any]:
    """Return the stored controls with the lists that were sent in place of the old ones."""
    return stored if controls is None else {**stored, **controls.sent()}


def _once(entries: Sequence[AutoTopup | SpendLimit | OverageAllowed] | None, kind: str) -> None:
    named = [entry.feature_id for entry in entries or ()]
    _distinct(named, f"Only one {kind} entry is allowed per feature_id")


def _distinct(names: Iterable[Hashable], message: str) -> None:
    listed = list(names)
    if len(set(listed)) != len(listed):
        raise fault(message)


def _filter_text(limit: UsageLimit) -> tuple[tuple[str, str], ...]:
    if limit.filter is None:
        return ()
    return tuple(sorted((name, str(value)) for name, value in limit.filter.properties.items()))
