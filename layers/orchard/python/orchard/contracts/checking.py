"""Request and response of `balances.check`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import model_validator

from orchard.contracts.fields import BalanceExpands, CustomerId, Id, Properties, Quantity, fault
from orchard.contracts.locks import LockRequest
from orchard.contracts.numbers import number
from orchard.contracts.request import Request
from orchard.domain import previews
from orchard.domain.previews import Lack, Offer
from orchard.domain.quantity import exact

#: What `expand` may name: the feature inside the balance or the flag.
EXPANDABLE = {"balance.feature", "flag.feature"}


class CheckRequest(Request):
    """May the customer use this much of a feature? Optionally use it in the same step."""

    customer_id: CustomerId
    feature_id: Id
    entity_id: Id | None = None
    required_balance: Quantity = exact(1)
    #: The older name of `required_balance`.
    required_quantity: Quantity | None = None
    properties: Properties | None = None
    send_event: bool = False
    lock: LockRequest | None = None
    with_preview: bool = False
    expand: BalanceExpands = []

    @model_validator(mode="before")
    @classmethod
    def _of_a_feature(cls, body: Any) -> Any:
        """Older callers could ask for a plan instead, by `product_id`."""
        if body.get("product_id") is not None:
            raise fault("product_id: plans are not checked; ask for a feature_id alone")
        return body

    @property
    def required(self) -> Decimal:
        """How much must be there, by its present or its older name."""
        if self.required_quantity is None or "required_balance" in self.model_fields_set:
            return self.required_balance
        return self.required_quantity


class Answer(NamedTuple):
    """What a check found: the feature that answers and what of it is required, with its views."""

    allowed: bool
    required: Decimal
    balance: dict[str, Any] | None
    flag: dict[str, Any] | None
    #: The views of all features that can pay; shown only when something was used.
    balances: Mapping[str, dict[str, Any] | None] | None = None
    #: Why it is denied and what would help; null when it is allowed. Shown only when asked for.
    preview: dict[str, Any] | None = None
    #: What a denied check can be explained by, with `balances.explain`.
    check_id: str | None = None


def check_response(request: CheckRequest, answer: Answer) -> dict[str, Any]:
    """Return the answer with the balance or flag it rests on."""
    response: dict[str, Any] = {"allowed": answer.allowed, "customer_id": request.customer_id}
    if request.entity_id is not None:
        response["entity_id"] = request.entity_id
    response |= {
        "required_balance": number(answer.required),
        "balance": answer.balance,
        "flag": answer.flag,
    }
    if answer.balances is not None and len(answer.balances) > 1:
        response["balances"] = dict(answer.balances)
    if request.with_preview:
        response["preview"] = answer.preview
    if answer.check_id is not None:
        response["check_id"] = answer.check_id
    return response


def preview(lack: Lack, found: Sequence[Offer], products: list[dict[str, Any]]) -> dict[str, Any]:
    """Return why a feature is denied and, as products, the plans that would give more of it."""
    texts = previews.texts(lack, found)
    return {
        "scenario": previews.scenario(lack),
        "title": texts.title,
        "message": texts.message,
        "feature_id": lack.feature.id,
        "feature_name": lack.feature.name,
        "products": products,
    }
