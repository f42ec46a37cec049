"""Invoices, prices, coupons and discounts made from drafts, as Stripe would have them."""

import stripe

from local.stripe.account import Account, Document, new_id
from local.stripe.amounts import Totals, totals
from local.stripe.drafts import CouponDraft, InvoiceDraft, LineDraft
from local.stripe.objects import made

#: What an invoice looks like before anything is known of it.
BLANK: Document = {
    "object": "invoice",
    "account_country": "US",
    "account_name": "Test account",
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": False,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_tax_rates": [],
    "issuer": {"type": "self"},
    "livemode": False,
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "starting_balance": 0,
    "status": "draft",
    "status_transitions": dict.fromkeys(sorted(stripe.Invoice.StatusTransitions.__annotations__)),
    "total_pretax_credit_amounts": [],
}


def invoice(account: Account, draft: InvoiceDraft) -> Document:
    """Return the draft as an invoice; its prices, coupons and discounts join the account."""
    customer = account.get("customer", draft.customer, "customer")
    at = draft.created or account.clock()
    invoice_id = new_id("in_")
    coupons = [_coupon(account, one, draft.currency, at) for one in draft.coupons]
    discounts = [_discount(account, one, draft.customer, invoice_id, at) for one in coupons]
    sums = totals([line.amount for line in draft.lines], coupons, draft.tax_percent)
    lines = []
    for place, line in enumerate(draft.lines):
        fields = {
            "invoice": invoice_id,
            "discount_amounts": _applied(sums, discounts, place),
            "pricing": _pricing(account, line, draft.currency, at),
        }
        lines.append(_line(draft, line, at, fields))
    used = [
        {"amount": amount, "discount": one}
        for one, amount in zip(discounts, sums.discounts, strict=True)
    ]
    whole = made(
        stripe.Invoice,
        **BLANK,
        **sums_of(sums),
        id=invoice_id,
        billing_reason=draft.billing_reason,
        collection_method="send_invoice" if draft.due_date else "charge_automatically",
        created=at,
        currency=draft.currency,
        customer=draft.customer,
        customer_email=customer.get("email"),
        customer_name=customer.get("name"),
        description=draft.description,
        discounts=discounts,
        due_date=draft.due_date,
        lines=lines,
        metadata=draft.metadata,
        period_start=draft.period_start or at,
        period_end=draft.period_end or at,
        total_discount_amounts=used,
    )
    # For when it is counted again.
    return {**whole, "_tax": str(draft.tax_percent)}


def sums_of(sums: Totals) -> Document:
    """Return the amounts of an invoice whose customer has no balance."""
    tax = {
        "amount": sums.tax,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": "txr_double"},
        "taxability_reason": "standard_rated",
        "taxable_amount": sums.total - sums.tax,
        "type": "tax_rate_details",
    }
    return {
        "amount_due": max(0, sums.total),
        "amount_remaining": max(0, sums.total),
        "subtotal": sums.subtotal,
        "subtotal_excluding_tax": sums.subtotal,
        "total": sums.total,
        "total_excluding_tax": sums.total - sums.tax,
        "total_taxes": [tax] if sums.tax else [],
    }


def _applied(sums: Totals, discounts: list[str], place: int) -> list[Document]:
    return [
        {"amount": share[place], "discount": one}
        for one, share in zip(discounts, sums.shares, strict=True)
    ]


def _line(draft: InvoiceDraft, line: LineDraft, at: int, fields: Document) -> Document:
    parent = {
        "invoice_item": new_id("ii_"),
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": None,
    }
    return made(
        stripe.InvoiceLineItem,
        id=new_id("il_"),
        object="line_item",
        amount=line.amount,
        currency=draft.currency,
        description=line.description,
        discountable=line.amount > 0,
        discounts=[],
        livemode=False,
        metadata=line.metadata,
        parent={
            "invoice_item_details": parent,
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        period={
            "start": line.period_start or draft.period_start or at,
            "end": line.period_end or draft.period_end or at,
        },
        pretax_credit_amounts=[],
        quantity=line.quantity,
        quantity_decimal=str(line.quantity),
        subtotal=line.amount,
        taxes=[],
        **fields,
    )


def _pricing(account: Account, line: LineDraft, currency: str, at: int) -> Document | None:
    price = line.price
    if price is None:
        return None
    each = price.unit_amount
    if each is None and line.quantity:
        each = line.amount // line.quantity
    account.objects("price").setdefault(
        price.id,
        made(
            stripe.Price,
            id=price.id,
            object="price",
            active=True,
            billing_scheme="per_unit",
            created=at,
            currency=currency,
            livemode=False,
            metadata=price.metadata,
            product=price.product,
            recurring=price.recurring
            and {
                "interval": price.recurring,
                "interval_count": 1,
                "meter": None,
                "trial_period_days": None,
                "usage_type": "licensed",
            },
            tax_behavior="unspecified",
            type="recurring" if price.recurring else "one_time",
            unit_amount=each,
            unit_amount_decimal=None if each is None else str(each),
        ),
    )
    return {
        "price_details": {"price": price.id, "product": price.product},
        "type": "price_details",
        "unit_amount_decimal": None if each is None else str(each),
    }


def _coupon(account: Account, draft: CouponDraft, currency: str, at: int) -> Document:
    percent = draft.percent_off
    return account.objects("coupon").setdefault(
        draft.id,
        made(
            stripe.Coupon,
            id=draft.id,
            object="coupon",
            amount_off=draft.amount_off,
            created=at,
            currency=currency if draft.amount_off else None,
            duration="once",
            livemode=False,
            metadata={},
            name=draft.name,
            percent_off=None if percent is None else float(percent),
            times_redeemed=1,
            valid=True,
        ),
    )


def _discount(account: Account, coupon: Document, customer: str, invoice_id: str, at: int) -> str:
    discount = made(
        stripe.Discount,
        id=new_id("di_"),
        object="discount",
        customer=customer,
        invoice=invoice_id,
        source={"coupon": coupon["id"], "type": "coupon"},
        start=at,
    )
    account.objects("discount")[discount["id"]] = discount
    return str(discount["id"])
