"""Invoices of renewals at Stripe: what they show of usage already, and lines added to a draft.

Each such line names the row and the period that it bills, and how much exactly: so whoever comes
later, however late, sees what was billed.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import money
from orchard.domain.billing.usage_lines import Charge, Group
from orchard.errors import StripeMissing
from orchard.gateways.stripe_connection import connected, keyed

CYCLE, DRAFT = "subscription_cycle", "draft"
_ROW, _PERIOD, _QUANTITY = "orchard_row_id", "orchard_period_end", "orchard_quantity"
_FINAL = "orchard_final"
#: So many lines are asked for at once, and so many of the newest invoices are looked through.
_PAGE = 100


class Renewal(NamedTuple):
    """An invoice; `ended_at` is when the period ended that it bills usage of, UTC ms.

    `shown` is the usage on it already: so much of each group.
    """

    id: str
    customer: str
    status: str
    reason: str | None
    subscription_id: str | None
    currency: str
    ended_at: int
    shown: Mapping[Group, Decimal]

    @property
    def is_draft(self) -> bool:
        """Whether lines can still be added."""
        return self.status == DRAFT


def get(environment: str, invoice_id: str) -> Renewal | None:
    """Return an invoice as it is now, None when Stripe has no such invoice."""
    try:
        with connected(environment) as client:
            found = client.v1.invoices.retrieve(invoice_id).to_dict()
            lines = client.v1.invoices.line_items.list(invoice_id, {"limit": _PAGE})
            return _read(found, (line.to_dict() for line in lines.auto_paging_iter()))
    except StripeMissing:
        return None


def add(environment: str, invoice: Renewal, charge: Charge) -> None:
    """Add a line to a draft; the same line again is the same one. Errors: `StripeFailed`."""
    group = charge.group
    key = f"orchard:{invoice.id}:{group.row_id}:{group.period_end}"
    params: Any = {"customer": invoice.customer, "invoice": invoice.id}
    params |= _item(charge, invoice.currency)
    with connected(environment) as client:
        # A feature, or a plan, may have another name than when it was tried before.
        client.v1.invoice_items.create(params, keyed(key, params))


def final(environment: str, customer: str, name: str, params: Mapping[str, Any]) -> Renewal:
    """Return the draft, or what became of it, of the last invoice of this name; one is made once.

    `params` are Stripe's own, such as currency and discounts.
    """
    with connected(environment) as client:
        known = client.v1.invoices.list({"customer": customer, "limit": _PAGE})
        read = (one.to_dict() for one in known.data)
        named = (one["id"] for one in read if (one.get("metadata") or {}).get(_FINAL) == name)
        found = next(named, None)
        if found is None:
            asked: Any = {
                "customer": customer,
                "auto_advance": True,
                "pending_invoice_items_behavior": "exclude",
                "metadata": {_FINAL: name},
                **params,
            }
            found = client.v1.invoices.create(asked, keyed(f"orchard:final:{name}", asked)).id
        made = client.v1.invoices.retrieve(str(found)).to_dict()
        lines = client.v1.invoices.line_items.list(str(found), {"limit": _PAGE})
        return _read(made, (line.to_dict() for line in lines.auto_paging_iter()))


def finalize(environment: str, invoice: Renewal) -> None:
    """Let Stripe collect a draft now; it goes on trying by itself if the card fails."""
    options: Any = {"idempotency_key": f"orchard:{invoice.id}:finalize"}
    with connected(environment) as client:
        client.v1.invoices.finalize_invoice(invoice.id, {"auto_advance": True}, options)


def _item(charge: Charge, currency: str) -> dict[str, Any]:
    line, group = charge.line, charge.group
    item: dict[str, Any] = {
        "price_data": {
            "currency": currency,
            "product": line.product,
            "unit_amount_decimal": str(money.minor(line.amount, currency)),
        },
        "quantity": 1,
        "description": line.description,
        "metadata": {
            "orchard_plan_id": line.plan_id,
            "orchard_feature_id": line.feature_id,
            "orchard_customer_plan_id": line.customer_plan_id,
            _ROW: group.row_id,
            _PERIOD: str(group.period_end),
            _QUANTITY: f"{charge.quantity:f}",
        },
    }
    if line.period is not None:
        item["period"] = {"start": line.period.start // 1000, "end": line.period.end // 1000}
    return item


def _read(found: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> Renewal:
    parent = (found.get("parent") or {}).get("subscription_details") or {}
    subscription = parent.get("subscription")
    return Renewal(
        id=found["id"],
        customer=_id(found["customer"]),
        status=found["status"] or DRAFT,
        reason=found.get("billing_reason"),
        subscription_id=None if subscription is None else _id(subscription),
        currency=found["currency"],
        ended_at=found["period_end"] * 1000,
        shown=dict(_shown(lines)),
    )


def _shown(lines: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Group, Decimal]]:
    for line in lines:
        noted = line.get("metadata") or {}
        if _ROW in noted:
            yield Group(noted[_ROW], int(noted[_PERIOD])), Decimal(noted[_QUANTITY])


def _id(value: Any) -> str:
    return str(value["id"] if isinstance(value, Mapping) else value)
