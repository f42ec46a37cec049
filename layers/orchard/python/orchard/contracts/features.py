"""Requests of `features.*`."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from orchard.contracts.fields import Id, Positive, Quantity, fault
from orchard.contracts.request import Request
from orchard.domain.catalog import CREDIT_SYSTEM, METERED
from orchard.domain.feature_rules import NOT_CONSUMABLE, SPECIFY

_SETTINGS = ("credit_schema", "model_markups", "default_markup", "provider_markups", "display")


def _discount(value: Decimal) -> Decimal:
    if value < -100:
        raise fault("must be at least -100")
    return value


type Kind = Literal["boolean", "metered", "credit_system", "ai_credit_system"]
type Name = Id
#: Percent on top of a cost; -100 makes it free.
type Markup = Annotated[Quantity, AfterValidator(_discount)]


class Display(Request):
    """What one unit and several units of the feature are called in texts."""

    singular: Annotated[str, Field(max_length=255)]
    plural: Annotated[str, Field(max_length=255)]


class CreditCost(Request):
    """How many credits one unit of a metered feature costs."""

    metered_feature_id: Id
    credit_cost: Positive


class ModelMarkup(Request):
    """What an AI model costs: a markup in percent, or prices of its own."""

    markup: Markup | None = None
    input_cost: Positive | None = None
    output_cost: Positive | None = None


class ProviderMarkup(Request):
    """The markup on all models of a provider, in percent."""

    markup: Markup


class FeatureFields(Request):
    """What creating and updating have in common."""

    consumable: bool | None = None
    display: Display | None = None
    credit_schema: Annotated[list[CreditCost], Field(max_length=500)] | None = None
    model_markups: dict[Id, ModelMarkup] | None = None
    default_markup: Markup | None = None
    provider_markups: dict[Id, ProviderMarkup] | None = None
    event_names: Annotated[list[Id], Field(max_length=100)] | None = None

    def settings(self) -> dict[str, Any]:
        """Return the further fields that were sent, as they are stored; None clears."""
        sent = self.model_dump(include=self.model_fields_set & set(_SETTINGS), exclude_none=True)
        return {name: sent.get(name) for name in _SETTINGS if name in self.model_fields_set}

    @model_validator(mode="after")
    def _each_feature_costs_once(self) -> Self:
        targets = [cost.metered_feature_id for cost in self.credit_schema or ()]
        if len(set(targets)) != len(targets):
            raise fault("credit_schema: each metered_feature_id can be listed once")
        return self


class CreateFeatureRequest(FeatureFields):
    """Define something that customers use or have."""

    rest_names: ClassVar[dict[str, str]] = {"id": "feature_id"}

    feature_id: Id
    name: Name
    type: Kind

    @model_validator(mode="after")
    def _as_its_type_asks(self) -> Self:
        if self.type == METERED and self.consumable is None:
            raise fault(f"consumable: {SPECIFY}")
        if self.type == CREDIT_SYSTEM and self.credit_schema is None:
            raise fault("credit_schema: is required for a credit system")
        if self.type == CREDIT_SYSTEM and self.consumable is False:
            raise fault(f"consumable: {NOT_CONSUMABLE}")
        return self


class GetFeatureRequest(Request):
    """Return a feature."""

    feature_id: Id


class ListFeaturesRequest(Request):
    """Return all features."""


class UpdateFeatureRequest(FeatureFields):
    """Change a feature: what is absent stays."""

    rest_names: ClassVar[dict[str, str]] = {"id": "new_feature_id"}

    feature_id: Id
    new_feature_id: Id | None = None
    name: Name | None = None
    type: Kind | None = None
    archived: bool | None = None


class DeleteFeatureRequest(Request):
    """Remove a feature that nothing refers to."""

    feature_id: Id
