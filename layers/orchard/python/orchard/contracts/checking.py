"""Request and response of `balances.check`."""

from decimal import Decimal
from typing import Any

from orchard.contracts import balance
from orchard.contracts.fields import BalanceExpands, CustomerId, Id, Properties, Quantity
from orchard.contracts.numbers import number
from orchard.contracts.request import Request
from orchard.contracts.tracking import LockRequest
from orchard.domain import summary
from orchard.domain.deduction import Rows
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

    @property
    def required(self) -> Decimal:
        """How much must be there, by its present or its older name."""
        if self.required_quantity is None or "required_balance" in self.model_fields_set:
            return self.required_balance
        return self.required_quantity


def check_response(
    request: CheckRequest, *, allowed: bool, rows: Rows, feature: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the answer with the balance or flag it rests on; `feature` is set to be expanded."""
    on = summary.flag(rows)
    expanded = {name: feature for name in request.expand if name in EXPANDABLE}
    return {
        "allowed": allowed,
        "customer_id": request.customer_id,
        "required_balance": number(request.required),
        "balance": balance.shown(request.feature_id, rows, expanded.get("balance.feature")),
        "flag": on and balance.flag(on, request.feature_id, expanded.get("flag.feature")),
    }
