"""Requests of `plans.*`."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from orchard.contracts.billing_controls import BillingControls
from orchard.contracts.fields import Count, CustomerId, Id, Metadata, PlanId, Whole
from orchard.contracts.plan_items import PlanItem
from orchard.contracts.plan_prices import BasePrice
from orchard.contracts.request import Request
from orchard.errors import Invalid

#: Names that the older REST routes have for fields.
_OLDER = {"is_add_on": "add_on", "is_default": "auto_enable"}


type Name = Id
type Description = Annotated[str, Field(max_length=10_000)]
type Group = Annotated[str, Field(max_length=255)]
type Items = Annotated[list[PlanItem], Field(max_length=200)]


class FreeTrial(Request):
    """How long the plan costs nothing at first, and what comes after."""

    duration_length: Count
    duration_type: Literal["day", "month", "year"] = "month"
    card_required: bool = True
    on_end: Literal["bill", "revert"] | None = None


class PlanConfig(Request):
    """Switches of a plan."""

    ignore_past_due: bool = False


class PlanFields(Request):
    """What creating and updating have in common; null removes what can be absent."""

    #: What only seat licences, plan variants and migrations of customers make sense of.
    unsupported: ClassVar[tuple[str, ...]] = ("licenses",)

    group: Group | None = None
    description: Description | None = None
    add_on: bool | None = None
    auto_enable: bool | None = None
    price: BasePrice | None = None
    items: Items | None = None
    free_trial: FreeTrial | None = None
    billing_controls: BillingControls | None = None
    config: PlanConfig | None = None
    metadata: Metadata | None = None
    licenses: list[Any] | None = None
    create_in_stripe: bool = True

    def base_price(self) -> dict[str, Any] | None:
        """Return the base price as it is stored and returned."""
        return None if self.price is None else self.price.document()

    def trial(self) -> dict[str, Any] | None:
        """Return the free trial as it is stored and returned."""
        return None if self.free_trial is None else self.free_trial.model_dump()

    @model_validator(mode="after")
    def _supported(self) -> Self:
        for name in self.unsupported:
            if getattr(self, name):
                raise Invalid(f"{name}: not supported yet")
        return self


class CreatePlanRequest(PlanFields):
    """Define what customers can get together."""

    rest_names: ClassVar[dict[str, str]] = {"id": "plan_id", **_OLDER}

    plan_id: PlanId
    name: Name


class GetPlanRequest(Request):
    """Return a plan: its active version, or the one named."""

    plan_id: Id
    version: Whole | None = None


class ListPlansRequest(Request):
    """Return all plans, and how each suits a customer if one is named."""

    customer_id: CustomerId | None = None
    entity_id: Id | None = None
    include_archived: bool = False
    all_versions: bool = False


class UpdatePlanRequest(PlanFields):
    """Change a plan: what is absent stays."""

    rest_names: ClassVar[dict[str, str]] = {"id": "new_plan_id", **_OLDER}
    unsupported: ClassVar[tuple[str, ...]] = (
        "licenses",
        "base_plan_id",
        "variants",
        "update_variant_ids",
        "update_license_parents",
        "migration",
    )

    plan_id: PlanId
    new_plan_id: PlanId | None = None
    version: Whole | None = None
    name: Name | None = None
    archived: bool | None = None
    is_default: bool | None = None
    force_version: bool = False
    disable_version: bool = False
    all_versions: bool = False
    base_plan_id: str | None = None
    variants: list[Any] | None = None
    update_variant_ids: list[str] | None = None
    update_license_parents: list[Any] | None = None
    migration: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_way_to_version(self) -> Self:
        flags = ("force_version", "disable_version", "all_versions")
        raised = [name for name in flags if getattr(self, name)]
        if len(raised) > 1:
            raise Invalid(
                f"{raised[0]} and {raised[1]} exclude each other", "conflicting_version_flags"
            )
        return self


class DeletePlanRequest(Request):
    """Remove a version of a plan, or all of them, that no customer ever had."""

    plan_id: Id
    all_versions: bool = False
