"""Stripe's invoices in our terms: major units, milliseconds, our plan ids."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchard.domain import invoice as invoices
from orchard.domain import money
from orchard.domain.invoice import Discount, Invoice, Line
from orchard.domain.quantity import ZERO

type Document = Mapping[str, Any]
type Major = Callable[[int], Decimal]

#: What Stripe sends whole instead of as an id; it allows four levels at most.
EXPANDED = ["discounts.source.coupon"]
EXPANDED_LINES = ["data.pricing.price_details.price", "data.discounts.source.coupon"]

_LONGEST_DESCRIPTION = 500


def read(found: Document, lines: Sequence[Document]) -> Invoice:
    """Return an invoice of Stripe, with its lines, as ours; no owner is known yet."""
    created_at = found["created"] * 1000
    coupons = _coupons([found, *lines])
    read_lines = tuple(_line(line, coupons) for line in lines)

    def major(minor: int) -> Decimal:
        return money.major(minor, found["currency"])

    return Invoice(
        id=invoices.invoice_id(created_at, found["id"]),
        stripe_id=found["id"],
        created_at=created_at,
        status=found["status"] or "draft",
        currency=found["currency"],
        total=major(found["total"]),
        subtotal=major(found["subtotal"]),
        amount_due=major(found["amount_due"]),
        amount_paid=major(found["amount_paid"]),
        tax=_tax(found, major),
        number=found["number"],
        period_start=_milliseconds(found["period_start"]),
        period_end=_milliseconds(found["period_end"]),
        due_at=_milliseconds(found["due_date"]),
        hosted_invoice_url=found.get("hosted_invoice_url"),
        pdf_url=found.get("invoice_pdf"),
        lines=read_lines,
        discounts=_discounts(found.get("total_discount_amounts"), coupons, found["currency"]),
        plan_ids=invoices.plans_of(read_lines),
    )


def _line(line: Document, coupons: Mapping[str, Document]) -> Line:
    quantity = line.get("quantity_decimal") or line.get("quantity")
    return Line(
        id=line["id"],
        description=(line["description"] or "")[:_LONGEST_DESCRIPTION],
        amount=money.major(line["amount"], line["currency"]),
        quantity=None if quantity is None else Decimal(quantity),
        period_start=_milliseconds(line["period"]["start"]),
        period_end=_milliseconds(line["period"]["end"]),
        plan_id=_noted(line, "plan_id"),
        feature_id=_noted(line, "feature_id"),
        discounts=_discounts(line.get("discount_amounts"), coupons, line["currency"]),
    )


def _noted(line: Document, name: str) -> str | None:
    """What the metadata of a line, or else of its price, says under one of our names."""
    pricing = (line.get("pricing") or {}).get("price_details") or {}
    price = pricing.get("price")
    for place in (line, price):
        metadata = (place.get("metadata") or {}) if isinstance(place, Mapping) else {}
        for prefix in ("orchard", "autumn"):
            if metadata.get(f"{prefix}_{name}"):
                return str(metadata[f"{prefix}_{name}"])
    return None


def _coupons(places: Sequence[Document]) -> dict[str, Document]:
    """The coupon of each discount that is shown whole, by the id of the discount."""
    shown = [one for place in places for one in place.get("discounts") or ()]
    return {
        one["id"]: one["source"]["coupon"]
        for one in shown
        if isinstance(one, Mapping) and isinstance(one["source"].get("coupon"), Mapping)
    }


def _discounts(
    amounts: Sequence[Document] | None, coupons: Mapping[str, Document], currency: str
) -> tuple[Discount, ...]:
    # One that takes nothing off is there to be counted as used: the lines have it in them.
    return tuple(_discount(one, coupons, currency) for one in amounts or () if one["amount"])


def _discount(amount: Document, coupons: Mapping[str, Document], currency: str) -> Discount:
    place = amount["discount"]
    coupon = coupons.get(place if isinstance(place, str) else place["id"], {})
    percent, off = coupon.get("percent_off"), coupon.get("amount_off")
    return Discount(
        coupon_id=coupon.get("id"),
        coupon_name=coupon.get("name"),
        percent_off=None if percent is None else Decimal(str(percent)),
        amount_off=None if off is None else money.major(off, coupon.get("currency") or currency),
        amount_used=money.major(amount["amount"], currency),
    )


def _tax(found: Document, major: Major) -> Decimal | None:
    taxes = found.get("total_taxes")
    return sum((major(tax["amount"]) for tax in taxes), ZERO) if taxes else None


def _milliseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1000
