"""Stripe's test cards: each has its name (`pm_card_visa`), and its last digits say how it acts."""

from typing import Literal, NamedTuple

import stripe

from local.stripe.account import Account, Document, new_id
from local.stripe.failures import CARD, Refused
from local.stripe.objects import made

type Behaviour = Literal["pay", "decline", "authenticate"]


class _Card(NamedTuple):
    brand: str
    last4: str


CARDS = {
    "pm_card_visa": _Card("visa", "4242"),
    "pm_card_mastercard": _Card("mastercard", "4444"),
    "pm_card_visa_chargeDeclined": _Card("visa", "0002"),
    "pm_card_chargeDeclined": _Card("visa", "0002"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _Card("visa", "9995"),
    "pm_card_chargeDeclinedInsufficientFunds": _Card("visa", "9995"),
    "pm_card_chargeCustomerFail": _Card("visa", "0341"),
    "pm_card_authenticationRequired": _Card("visa", "3184"),
}
_DECLINED = "Your card was declined."
#: Code, decline code and sentence for the cards that do not pay.
_DECLINES = {
    "0002": ("card_declined", "generic_decline", _DECLINED),
    "0341": ("card_declined", "generic_decline", _DECLINED),
    "9995": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
}
#: These are refused before they belong to a customer; 0341 is only refused when it shall pay.
_REFUSED_AT_ONCE = {"0002", "9995"}
_EXPIRY_YEAR = 2034


def behaviour(method: Document) -> Behaviour:
    """Return what happens when a card shall pay."""
    last4 = method["card"]["last4"]
    if last4 == "3184":
        return "authenticate"
    return "decline" if last4 in _DECLINES else "pay"


def decline_of(method: Document) -> tuple[str, str, str]:
    """Return code, decline code and sentence for a card that does not pay."""
    return _DECLINES[method["card"]["last4"]]


def resolved(account: Account, method_id: str) -> Document:
    """Return a payment method; the name of a test card makes a new one.

    Errors: `Refused` for an unknown id.
    """
    if method_id not in CARDS:
        return account.get("payment_method", method_id, "payment_method")
    card = CARDS[method_id]
    method = made(
        stripe.PaymentMethod,
        id=new_id("pm_"),
        object="payment_method",
        allow_redisplay="unspecified",
        billing_details=dict.fromkeys(sorted(stripe.PaymentMethod.BillingDetails.__annotations__)),
        card=_shown(card),
        created=account.clock(),
        livemode=False,
        metadata={},
        type="card",
    )
    account.objects("payment_method")[method["id"]] = method
    return method


def refuse_unusable(method: Document) -> None:
    """Refuse a card that Stripe does not let belong to a customer."""
    if method["card"]["last4"] in _REFUSED_AT_ONCE:
        code, decline_code, message = decline_of(method)
        more = {"decline_code": decline_code}
        raise Refused(message, status=402, kind=CARD, code=code, more=more)


def _shown(card: _Card) -> Document:
    blank = dict.fromkeys(sorted(stripe.PaymentMethod.Card.__annotations__))
    return blank | {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": _EXPIRY_YEAR,
        "fingerprint": f"card{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
    }
