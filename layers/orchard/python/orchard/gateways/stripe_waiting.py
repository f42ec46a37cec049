"""Lines at Stripe that wait for a customer's next invoice: its items, of whoever made them."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from orchard.domain import money
from orchard.domain.billing.lines import CHARGE, REFUND, LineItem, Period
from orchard.gateways.stripe_connection import connected

_PAGE, _MOST = 100, 500


class Waiting(NamedTuple):
    """A line that waits for the next invoice of a subscription; None: of any, the first to come.

    Nothing is taken off one that is not `discountable`.
    """

    subscription_id: str | None
    currency: str
    line: LineItem
    discountable: bool
    id: str = ""


def of_customer(environment: str, stripe_id: str) -> tuple[Waiting, ...]:
    """Return what waits for a customer's next invoices, in the order made: the newest 500."""
    with connected(environment) as client:
        listed = client.v1.invoice_items.list(
            {"customer": stripe_id, "pending": True, "limit": _PAGE}
        )
        found = [one.to_dict() for one in islice(listed.auto_paging_iter(), _MOST)]
    return tuple(_read(one) for one in reversed(found))


def _read(found: Mapping[str, Any]) -> Waiting:
    parent = (found.get("parent") or {}).get("subscription_details") or {}
    noted, text = found.get("metadata") or {}, found.get("description") or ""
    amount = money.major(found["amount"], found["currency"])
    line = LineItem(
        kind=CHARGE if amount >= 0 else REFUND,
        plan_id=noted.get("orchard_plan_id", ""),
        customer_plan_id=noted.get("orchard_customer_plan_id", ""),
        feature_id=noted.get("orchard_feature_id"),
        product=_product(found),
        display_name=text,
        description=text,
        amount=amount,
        quantity=Decimal(found.get("quantity") or 1),
        period=Period(found["period"]["start"] * 1000, found["period"]["end"] * 1000),
        one_off=True,
    )
    named = parent.get("subscription")
    return Waiting(
        subscription_id=named["id"] if isinstance(named, Mapping) else named,
        currency=found["currency"],
        line=line,
        discountable=bool(found.get("discountable", True)),
        id=found["id"],
    )


def _product(found: Mapping[str, Any]) -> str:
    details = (found.get("pricing") or {}).get("price_details") or {}
    return str(details.get("product") or "")
