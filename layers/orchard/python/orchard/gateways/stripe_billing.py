"""Invoices that we make at Stripe, refunds, and whether a customer has a card on file."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import money
from orchard.domain.billing.lines import LineItem
from orchard.errors import StripeFailed, StripeMissing
from orchard.gateways.stripe_connection import connected

DRAFT, OPEN, PAID = "draft", "open", "paid"
_EXPANDED = ["payments.data.payment.payment_intent"]
_DISCOUNTED = " [inc. discount]"


class Bill(NamedTuple):
    """An invoice: what it comes to, in major units, and what stands against its payment.

    `obstacle` is None once it is paid; else `3ds_required`, `payment_method_required`,
    `payment_failed` or `payment_processing`.
    """

    id: str
    status: str
    total: Decimal
    currency: str
    created_at: int
    hosted_invoice_url: str | None = None
    obstacle: str | None = None
    payment_intent_id: str | None = None

    @property
    def is_paid(self) -> bool:
        """Whether nothing is left to pay."""
        return self.status == PAID


def has_card(environment: str, stripe_id: str) -> bool:
    """Whether a customer has a payment method on file."""
    with connected(environment) as client:
        found = client.v1.customers.payment_methods.list(stripe_id, {"limit": 1})
    return bool(found.data)


def prefer_a_card(environment: str, stripe_id: str) -> None:
    """Let a customer's newest card be charged from now on, unless another one is set for that.

    A card that was saved on Stripe's page is set for the subscription alone, if for anything.
    """
    with connected(environment) as client:
        owner = client.v1.customers.retrieve(stripe_id).to_dict()
        if (owner.get("invoice_settings") or {}).get("default_payment_method"):
            return
        found = client.v1.customers.payment_methods.list(stripe_id, {"limit": 1})
        for card in found.data:
            client.v1.customers.update(
                stripe_id, {"invoice_settings": {"default_payment_method": card.id}}
            )


def get(environment: str, invoice_id: str) -> Bill:
    """Return an invoice as it is now. Errors: `StripeMissing`."""
    with connected(environment) as client:
        return _read(client.v1.invoices.retrieve(invoice_id, {"expand": _EXPANDED}).to_dict())


def of_customer(environment: str, stripe_id: str) -> list[Bill]:
    """Return the newest invoices of a customer, up to 100; what stands against them is not told."""
    with connected(environment) as client:
        found = client.v1.invoices.list({"customer": stripe_id, "limit": 100})
    return [_read(one.to_dict()) for one in found.data]


def draft(environment: str, params: Mapping[str, Any], key: str) -> str:
    """Make an empty draft with Stripe's own parameters; return its id."""
    asked: Any = {"auto_advance": False, "pending_invoice_items_behavior": "exclude", **params}
    with connected(environment) as client:
        return client.v1.invoices.create(asked, {"idempotency_key": key}).id


def add(
    environment: str,
    target: Mapping[str, str],
    lines: Iterable[LineItem],
    currency: str,
    key: str,
) -> Iterator[str]:
    """Add lines, after discounts, to what `target` names: a customer, and an invoice of it.

    Nothing more is taken off there. With a subscription instead of an invoice they wait for its
    next invoice. Yields the id of each once it is added.
    """
    with connected(environment) as client:
        for number, line in enumerate(lines):
            asked: Any = {**target, **_item(line, currency)}
            if "invoice" in target:
                asked["discountable"] = False
            item = client.v1.invoice_items.create(asked, {"idempotency_key": f"{key}:{number}"})
            yield item.id


def drop(environment: str, items: Iterable[str]) -> None:
    """Take lines back that wait, by their ids; those that are gone are fine."""
    with connected(environment) as client:
        for item_id in items:
            with suppress(StripeMissing), connected(environment):
                client.v1.invoice_items.delete(item_id)


def finalize(environment: str, invoice_id: str, key: str) -> Bill:
    """Give a draft its number; one that has it is fine."""
    bill = get(environment, invoice_id)
    if bill.status != DRAFT:
        return bill
    with connected(environment) as client:
        client.v1.invoices.finalize_invoice(
            invoice_id, {"auto_advance": False}, {"idempotency_key": key}
        )
    return get(environment, invoice_id)


def pay(environment: str, invoice_id: str, key: str) -> Bill:
    """Charge the card on file; what stands against it is told, not raised."""
    bill = get(environment, invoice_id)
    if bill.status != OPEN:
        return bill
    try:
        with connected(environment) as client:
            client.v1.invoices.pay(invoice_id, {"off_session": True}, {"idempotency_key": key})
    except StripeFailed as refused:
        after = get(environment, invoice_id)
        return after if after.is_paid else after._replace(obstacle=_obstacle(after, refused))
    return get(environment, invoice_id)


def void(environment: str, invoice_id: str) -> Bill | None:
    """Take an invoice back, a draft by deleting it; return it if it is paid, and so stays."""
    try:
        bill = get(environment, invoice_id)
        with connected(environment) as client:
            if bill.status == DRAFT:
                client.v1.invoices.delete(invoice_id)
            elif bill.status in (OPEN, "uncollectible"):
                client.v1.invoices.void_invoice(invoice_id)
    except StripeMissing:
        return None
    return bill if bill.is_paid else None


def open_invoices(environment: str, subscription_id: str) -> list[str]:
    """Return the invoices of a subscription that are still to be paid."""
    with connected(environment) as client:
        found = [
            client.v1.invoices.list(
                {"subscription": subscription_id, "status": status, "limit": 100}
            )
            for status in ("open", "uncollectible")
        ]
    return [one.id for page in found for one in page.data if one.id]


def refund(environment: str, invoice_id: str, amount: Decimal, currency: str, key: str) -> Decimal:
    """Pay back so much of a paid invoice; return the amount. Errors: `StripeFailed`."""
    bill = get(environment, invoice_id)
    if bill.payment_intent_id is None:
        raise StripeFailed(f"Invoice {invoice_id} has no payment to refund")
    params: Any = {
        "payment_intent": bill.payment_intent_id,
        "amount": money.minor(amount, currency),
    }
    with connected(environment) as client:
        client.v1.refunds.create(params, {"idempotency_key": key})
    return amount


def _item(line: LineItem, currency: str) -> dict[str, Any]:
    noted = {
        "orchard_plan_id": line.plan_id,
        "orchard_feature_id": line.feature_id,
        "orchard_customer_plan_id": line.customer_plan_id,
    }
    described = line.description + (_DISCOUNTED if line.reductions else "")
    minor = money.minor(line.total, currency)
    item: dict[str, Any] = {
        **_price(line, currency, minor),
        "description": described,
        "metadata": {name: text for name, text in noted.items() if text},
    }
    if line.period is not None:
        item["period"] = {"start": line.period.start // 1000, "end": line.period.end // 1000}
    return item


def _price(line: LineItem, currency: str, minor: int) -> dict[str, Any]:
    """How much a line comes to: of a product, or, as prices are positive, a bare credit."""
    if minor < 0:
        return {"amount": minor, "currency": currency}
    data = {"currency": currency, "product": line.product, "unit_amount_decimal": str(minor)}
    return {"price_data": data, "quantity": 1}


def _read(found: Mapping[str, Any]) -> Bill:
    intent = _intent(found)
    bill = Bill(
        id=found["id"],
        status=found["status"],
        total=money.major(found["total"], found["currency"]),
        currency=found["currency"],
        created_at=found["created"] * 1000,
        hosted_invoice_url=found.get("hosted_invoice_url"),
        payment_intent_id=intent.get("id"),
    )
    return bill if bill.status != OPEN else bill._replace(obstacle=_state(intent))


def _intent(found: Mapping[str, Any]) -> Mapping[str, Any]:
    payments = (found.get("payments") or {}).get("data") or ()
    intents = (one["payment"].get("payment_intent") for one in payments)
    whole = (one if isinstance(one, Mapping) else {"id": one} for one in intents if one)
    return next(iter(sorted(whole, key=lambda one: one.get("status") != "succeeded")), {})


def _state(intent: Mapping[str, Any]) -> str:
    status = intent.get("status")
    if status in ("requires_action", "processing"):
        return "3ds_required" if status == "requires_action" else "payment_processing"
    return "payment_failed" if intent.get("last_payment_error") else "payment_method_required"


def _obstacle(bill: Bill, refused: StripeFailed) -> str:
    if bill.obstacle != "payment_method_required":
        return bill.obstacle or "payment_failed"
    told = refused.message.lower()
    return "payment_method_required" if "no payment method" in told else "payment_failed"
