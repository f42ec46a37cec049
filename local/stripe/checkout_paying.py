"""Paying a Checkout session: what its customer chose becomes a subscription, a payment, a card."""

from typing import Any, NamedTuple

from local.stripe import cards, customers, promotion_codes
from local.stripe.account import Document
from local.stripe.checkout import (
    COMPLETE,
    asked_discounts,
    due_now,
    give_discounts,
    open_session,
    recount,
    shown,
)
from local.stripe.checkout_lines import adjust
from local.stripe.checkout_modes import MODES
from local.stripe.failures import CARD, Refused
from local.stripe.shop import Shop

#: The code of the refusal that asks for 3-D Secure.
AUTHENTICATION = "authentication_required"
_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")


class Payment(NamedTuple):
    """What the customer fills in; `authenticated`: 3-D Secure is passed where a card needs it."""

    card: str = "pm_card_visa"
    email: str | None = None
    name: str | None = None
    authenticated: bool = True


def revise(
    shop: Shop, session_id: str, quantities: dict[str, int], word: str | None = None
) -> Document:
    """Change quantities, and the promotion code: None leaves it, an empty text removes it.

    Errors: `Refused`; the session is as before then.
    """
    session = open_session(shop, session_id)
    with shop.account.undoing():
        adjust(session, quantities)
        if word is not None:
            _use_code(shop, session, word)
        recount(shop.account, session)
    return shown(session)


def pay(shop: Shop, session_id: str, payment: Payment) -> Document:
    """Pay a session and return it complete.

    Errors: `Refused` with Stripe's code when the card does not pay, `AUTHENTICATION` when it needs
    3-D Secure first; the session stays open and nothing is left behind.
    """
    open_session(shop, session_id)
    with shop.account.undoing():
        session = shop.account.get("checkout.session", session_id)
        give_discounts(shop.account, session, asked_discounts(session))
        customer = _customer(shop, session, payment)
        method = _card(shop, session, payment, due_now(session))
        MODES[session["mode"]](shop, session, customer, method)
        details = _details(customer, payment)
        changes = {"status": COMPLETE, "url": None, "customer_details": details}
        changes["customer"] = customer["id"]
        shop.change(session, changes, "checkout.session.completed", view=shown)
    return shown(session)


def needs_card(session: Document) -> bool:
    """Whether the page asks for a card."""
    always = session["payment_method_collection"] != "if_required"
    return always or bool(due_now(session))


def _use_code(shop: Shop, session: Document, word: str) -> None:
    if not session["allow_promotion_codes"]:
        raise Refused("This session takes no promotion codes.", param="promotion_code")
    asked: list[dict[str, Any]] = []
    if word:
        asked = [{"promotion_code": promotion_codes.of_word(shop.account, word)["id"]}]
    give_discounts(shop.account, session, asked)


def _customer(shop: Shop, session: Document, payment: Payment) -> Document:
    """The session's customer, with an e-mail address from now on, or a new one."""
    email = payment.email or session["customer_email"]
    if session["customer"] is None:
        if not email:
            raise Refused("Enter your e-mail address.", code="parameter_missing", param="email")
        given = {"email": email} | ({"name": payment.name} if payment.name else {})
        return customers.new(shop, given)
    customer = shop.account.get("customer", session["customer"])
    if customer.get("deleted"):
        raise Refused("The customer was deleted.", code="resource_missing", param="customer")
    if email and not customer["email"]:
        shop.change(customer, {"email": email}, "customer.updated")
    return customer


def _card(shop: Shop, session: Document, payment: Payment, due: int) -> Document | None:
    """The card that pays; None when none is asked for."""
    if not needs_card(session):
        return None
    method = cards.resolved(shop.account, payment.card)
    method["billing_details"] |= {"email": payment.email, "name": payment.name}
    cards.refuse_unusable(method)
    acts = cards.behaviour(method)
    if due and acts == "decline":
        code, decline_code, message = cards.decline_of(method)
        more = {"decline_code": decline_code}
        raise Refused(message, status=402, kind=CARD, code=code, more=more)
    if acts == "authenticate" and not payment.authenticated:
        message = "Your bank asks you to confirm this payment."
        raise Refused(message, status=402, kind=CARD, code=AUTHENTICATION)
    return method


def _details(customer: Document, payment: Payment) -> Document:
    return {
        "address": dict.fromkeys(_ADDRESS),
        "business_name": None,
        "email": payment.email or customer["email"],
        "individual_name": None,
        "name": payment.name or customer["name"],
        "phone": customer["phone"],
        "tax_exempt": "none",
        "tax_ids": [],
    }
