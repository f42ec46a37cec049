"""Invoices as the payment processor has them, and which plans they are for."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import ids
from orchard.domain.quantity import ZERO

STRIPE = "stripe"
#: The state of a draft that was deleted: it is remembered for a while and shown to nobody.
GONE = "deleted"
#: Whose the invoices of deleted customers are that were kept without personal data.
NOBODY = "nobody"


class Discount(NamedTuple):
    """A coupon on an invoice or a line: what it promises and what it took off."""

    coupon_id: str | None
    coupon_name: str | None = None
    percent_off: Decimal | None = None
    amount_off: Decimal | None = None
    amount_used: Decimal = ZERO


class Line(NamedTuple):
    """One line of an invoice. `amount` is before discounts and tax, in major units."""

    id: str
    description: str
    amount: Decimal
    quantity: Decimal | None = None
    period_start: int | None = None
    period_end: int | None = None
    plan_id: str | None = None
    feature_id: str | None = None
    discounts: tuple[Discount, ...] = ()


class Invoice(NamedTuple):
    """An invoice. Money in major units of `currency`, times in UTC milliseconds."""

    id: str
    stripe_id: str
    created_at: int
    status: str
    currency: str
    total: Decimal
    subtotal: Decimal
    amount_due: Decimal
    #: None: an imported invoice that does not say.
    amount_paid: Decimal | None
    tax: Decimal | None = None
    refunded_amount: Decimal = ZERO
    number: str | None = None
    period_start: int | None = None
    period_end: int | None = None
    due_at: int | None = None
    hosted_invoice_url: str | None = None
    pdf_url: str | None = None
    lines: tuple[Line, ...] = ()
    discounts: tuple[Discount, ...] = ()
    plan_ids: tuple[str, ...] = ()
    processor_type: str = STRIPE
    entity_id: str | None = None
    #: The internal id of the customer.
    owner: str | None = None
    #: +1 at each write.
    version: int = 0
    #: When Stripe was asked for it; None for one that was imported and not seen there since.
    fetched_at: int | None = None


def invoice_id(created_at: int, stripe_id: str) -> str:
    """Return the id that an invoice of Stripe always has here."""
    return ids.derived("inv_", created_at, STRIPE, stripe_id)


def gone(created_at: int, stripe_id: str) -> Invoice:
    """Return what is remembered of a draft that was deleted."""
    return Invoice(
        id=invoice_id(created_at, stripe_id),
        stripe_id=stripe_id,
        created_at=created_at,
        status=GONE,
        currency="",
        total=ZERO,
        subtotal=ZERO,
        amount_due=ZERO,
        amount_paid=ZERO,
    )


def anonymous(invoice: Invoice) -> Invoice:
    """Return what may be kept of an invoice when its customer is erased.

    Amounts, times, plans and what Stripe calls it; nothing that people wrote, and no address of a
    page that shows a name.
    """
    lines = (
        line._replace(description="", discounts=tuple(map(_nameless, line.discounts)))
        for line in invoice.lines
    )
    return invoice._replace(
        owner=NOBODY,
        entity_id=None,
        number=None,
        hosted_invoice_url=None,
        pdf_url=None,
        lines=tuple(lines),
        discounts=tuple(map(_nameless, invoice.discounts)),
    )


def _nameless(discount: Discount) -> Discount:
    return discount._replace(coupon_name=None)


def plans_of(lines: Iterable[Line]) -> tuple[str, ...]:
    """Return the plans that lines are for, each once, in the order of the lines."""
    return tuple(dict.fromkeys(line.plan_id for line in lines if line.plan_id))
