"""Objects as Stripe shows them where they are expanded, by kind and id."""

from collections.abc import Callable
from typing import Any

from local.stripe import checkout, coupons, invoices, payments, promotion_codes, subscription_view
from local.stripe.account import Account, Document

type Look = Callable[[str, str], Any]


def look(account: Account, base: str) -> Look:
    """Return the function that finds objects and what they show only on request.

    The kind of the latter is the object's and the property's: `invoice.payments`.
    """
    views: dict[str, Callable[[str], Any]] = {
        "coupon": lambda one: coupons.shown(coupons.held(account, one)),
        "coupon.applies_to": lambda one: coupons.held(account, one).get("applies_to"),
        "promotion_code": lambda one: promotion_codes.shown(
            account, account.get("promotion_code", one)
        ),
        "checkout.session.line_items": lambda one: checkout.lines_of(
            account, account.get("checkout.session", one), {}
        ),
        "invoice": lambda one: invoices.shown(account.get("invoice", one), base),
        "subscription": lambda one: subscription_view.shown(account.get("subscription", one)),
        "invoice.payments": lambda one: _payments(account, one),
    }

    def found(kind: str, object_id: str) -> Any:
        return views[kind](object_id) if kind in views else account.get(kind, object_id)

    return found


def _payments(account: Account, invoice_id: str) -> Document:
    url = f"/v1/invoice_payments?invoice={invoice_id}"
    data = payments.payments_of(account, invoice_id)
    return {"object": "list", "data": data, "has_more": False, "url": url}
