"""Parts that the requests of `billing.*` share."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from orchard.contracts.fields import (
    Count,
    Id,
    PlanId,
    Positive,
    Quantity,
    Timestamp,
    WebAddress,
    fault,
)
from orchard.contracts.request import Request
from orchard.domain.quantity import ZERO
from orchard.errors import Invalid

_LONGEST_URL = 2048
#: What Stripe stores with an object: 50 keys with those of the product, of such lengths.
_MOST_KEYS, _LONGEST_KEY, _LONGEST_VALUE = 45, 40, 500
#: Keys that begin so belong to the product.
_RESERVED = ("autumn_", "orchard_")


class FeatureQuantity(Request):
    """How many units of a prepaid feature are bought, those included among them."""

    feature_id: Id
    quantity: Positive = ZERO
    #: Whether the buyer may change it in Checkout.
    adjustable: bool = False


class AskedDiscount(Request):
    """A coupon by the id of its reward, or a promotion code as people read it."""

    reward_id: Id | None = None
    promotion_code: Id | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.reward_id is None) == (self.promotion_code is None):
            raise fault("exactly one of reward_id and promotion_code is required")
        return self


class CarryOver(Request):
    """Whether something of the plan that ends goes on with the new one; None: of all features."""

    enabled: bool
    feature_ids: Annotated[list[Id], Field(max_length=200)] | None = None


class InvoiceMode(Request):
    """Whether an invoice is sent instead of a payment taken, and what happens until it is paid."""

    enabled: bool
    enable_plan_immediately: bool = False
    #: False leaves the invoice a draft.
    finalize: bool = True
    invoice_template_id: Id | None = None
    #: Days until it is due.
    net_terms_days: Count | None = None


class CustomLineItem(Request):
    """A line to bill instead of those computed: major units, negative for a credit."""

    amount: Quantity
    description: Annotated[str, Field(min_length=1, max_length=500)]


class RecalculateBalances(Request):
    """Whether what one row overdrew is taken from rows that have some left."""

    enabled: bool


def _each_once(entries: Sequence[FeatureQuantity]) -> Sequence[FeatureQuantity]:
    named = [entry.feature_id for entry in entries]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise fault(f"feature {twice} is listed twice")
    return entries


def _without_spaces(value: str) -> str:
    if " " in value:
        raise fault("can't contain spaces")
    return value


def _short_texts(value: dict[str, str]) -> dict[str, str]:
    kept = {name: text for name, text in value.items() if not name.startswith(_RESERVED)}
    if len(kept) > _MOST_KEYS:
        raise fault(f"must have at most {_MOST_KEYS} keys")
    for name, text in kept.items():
        if not 0 < len(name) <= _LONGEST_KEY or len(text) > _LONGEST_VALUE:
            raise fault(
                f"keys have 1 to {_LONGEST_KEY} characters, values at most {_LONGEST_VALUE}"
            )
        if "[" in name or "]" in name:
            raise fault("keys can't contain square brackets")
    return kept


def _now_or_time(value: Any) -> Any:
    # Left to the union, an error would name both of its arms.
    if value != "now" and (isinstance(value, bool) or not isinstance(value, int | Decimal)):
        raise fault('must be "now" or a time in milliseconds')
    return value


type FeatureQuantities = Annotated[
    list[FeatureQuantity], Field(max_length=200), AfterValidator(_each_once)
]
type AskedDiscounts = Annotated[list[AskedDiscount], Field(max_length=20)]
type CustomLineItems = Annotated[list[CustomLineItem], Field(max_length=100)]
type PlanIds = Annotated[list[PlanId], Field(max_length=20)]
type ProrationBehavior = Literal["prorate_immediately", "none"]
type RedirectMode = Literal["always", "if_required", "never"]
type PlanSchedule = Literal["immediate", "end_of_cycle"]
type CancelAction = Literal["cancel_immediately", "cancel_end_of_cycle", "uncancel"]
type RefundLastPayment = Literal["prorated", "full"]
type BillingCycleAnchor = Annotated[Literal["now"] | Timestamp, BeforeValidator(_now_or_time)]
type PageAddress = Annotated[
    WebAddress, Field(max_length=_LONGEST_URL), AfterValidator(_without_spaces)
]
#: Kept with the objects at Stripe; keys that the product uses itself are dropped.
type StripeMetadata = Annotated[dict[str, str], AfterValidator(_short_texts)]


def refuse_licenses(body: Any, *names: str) -> Any:
    """Return the body unless it speaks of seat licences. Errors: `Invalid`."""
    sent = [name for name in names if isinstance(body, dict) and body.get(name)]
    if sent:
        raise Invalid(f"{', '.join(sent)}: seat licences are not supported yet")
    return body


def refuse_unsupported(body: Any, names: Sequence[str]) -> Any:
    """Return the body unless it asks for what is not done: ignored, it would bill otherwise."""
    sent = [name for name in names if isinstance(body, dict) and body.get(name)]
    if sent:
        raise fault(f"not supported: {', '.join(sent)}")
    return body
