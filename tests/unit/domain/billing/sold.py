"""Plans that are sold, as the tests of billing need them."""

from decimal import Decimal
from typing import Any

from orchard.domain.billing.lines import Bought, Period, Sale
from orchard.domain.catalog import METERED, Feature, Plan

TENANT = "org_sandbox"
#: 1 September 2026 and 1 October 2026, UTC.
START, END = 1_788_220_800_000, 1_790_812_800_000
MONTH = Period(START, END)
FEATURES = {
    "seats": Feature("seats", "Seats", METERED, consumable=False, created_at=0),
    "messages": Feature("messages", "Messages", METERED, consumable=True, created_at=0),
}
SALE = Sale(TENANT, FEATURES, "usd")


def base(amount: Any, interval: str = "month", **fields: Any) -> dict[str, Any]:
    return {"amount": Decimal(amount), "interval": interval, **fields}


def prepaid(
    feature_id: str = "seats",
    amount: Any = 10,
    interval: str = "month",
    included: int = 0,
    **price: Any,
) -> dict[str, Any]:
    costs = {} if "tiers" in price else {"amount": Decimal(amount)}
    price = {**costs, "interval": interval, "billing_method": "prepaid", **price}
    return {"feature_id": feature_id, "included": Decimal(included), "reset": None, "price": price}


def metered(
    amount: Any = "0.1", interval: str = "month", feature_id: str = "messages", **item: Any
) -> dict[str, Any]:
    price = {"amount": Decimal(amount), "interval": interval, "billing_method": "usage_based"}
    reset = {"interval": interval}
    return {"feature_id": feature_id, "included": 0, "reset": reset, "price": price, **item}


def tiers(*bounds: tuple[Any, Any] | tuple[Any, Any, Any], **price: Any) -> dict[str, Any]:
    """Tiers of (to, amount) or (to, amount, flat amount)."""
    found = []
    for bound in bounds:
        named = zip(("to", "amount", "flat_amount"), bound, strict=False)
        found.append({name: one if one == "inf" else Decimal(one) for name, one in named})
    return {"tiers": found, **price}


def plan(plan_id: str = "pro", price: Any = None, *items: dict[str, Any], **fields: Any) -> Plan:
    return Plan(
        id=plan_id,
        version=1,
        name=plan_id.capitalize(),
        created_at=0,
        price=price,
        items=items,
        **fields,
    )


def bought(of: Plan, entity: str | None = None, **quantities: int) -> Bought:
    asked = {name: Decimal(number) for name, number in quantities.items()}
    return Bought(of, "cus_prod_1", asked, entity)
