"""What one customer is to have instead of parts of a plan: `customize` of `billing.*`."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from orchard.contracts.billing.parts import refuse_licenses
from orchard.contracts.billing_controls import BillingControls
from orchard.contracts.fields import Count, Id, fault
from orchard.contracts.plan_items import ResetInterval
from orchard.contracts.plan_prices import BasePrice
from orchard.contracts.plans import FreeTrial, Items
from orchard.contracts.request import Request
from orchard.domain.billing.customizing import Changes, ItemFilter

_LICENSES = ("upsert_licenses", "add_licenses", "remove_licenses", "licenses")
#: Parts of a plan that null removes.
_REMOVABLE = ("price", "free_trial")
_OTHERS = ("items", "add_items", "remove_items", "billing_controls")


class RemovedItem(Request):
    """Which items go: those that have all that is given."""

    feature_id: Id | None = None
    billing_method: Literal["prepaid", "usage_based"] | None = None
    #: Of the item's reset or of its price.
    interval: ResetInterval | None = None
    interval_count: Count | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise fault("at least one of feature_id, billing_method and interval is required")
        return self


class Customize(Request):
    """Another price, trial, controls or items. Null removes the price and the trial."""

    price: BasePrice | None = None
    #: All items, instead of those of the plan.
    items: Items | None = None
    add_items: Items | None = None
    remove_items: Annotated[list[RemovedItem], Field(max_length=200)] | None = None
    free_trial: FreeTrial | None = None
    billing_controls: BillingControls | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_licenses(cls, body: Any) -> Any:
        return refuse_licenses(body, *_LICENSES)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        removable = self.model_fields_set.intersection(_REMOVABLE)
        if not removable and all(getattr(self, name) is None for name in _OTHERS):
            raise fault(f"at least one of {', '.join((*_REMOVABLE, *_OTHERS))} is required")
        if self.items is not None and (self.add_items or self.remove_items):
            raise fault("items excludes add_items and remove_items")
        return self

    def changes(self) -> Changes:
        """Return what is to be different; what was not sent stays."""
        parts: dict[str, Any] = {}
        if "price" in self.model_fields_set:
            parts["price"] = None if self.price is None else self.price.document()
        if "free_trial" in self.model_fields_set:
            parts["free_trial"] = None if self.free_trial is None else self.free_trial.model_dump()
        if self.billing_controls is not None:
            parts["billing_controls"] = self.billing_controls.sent()
        return Changes(
            parts=parts,
            items=None if self.items is None else [item.document() for item in self.items],
            added=[item.document() for item in self.add_items or ()],
            removed=[ItemFilter(**one.model_dump()) for one in self.remove_items or ()],
        )
