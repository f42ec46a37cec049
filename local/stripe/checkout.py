"""Checkout sessions: create, retrieve, list, expire, and their lines."""

from typing import Any

import stripe
from stripe.params import checkout as checkout_params

from local.stripe import checkout_lines, coupons, payment_methods, promotion_codes
from local.stripe.account import Account, Document, new_id
from local.stripe.checkout_rules import check
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop

OPEN, COMPLETE, EXPIRED = "open", "complete", "expired"
_DAY = 86_400
_PAGING = {"limit", "starting_after", "ending_before", "expand"}
_OWNED = {"customer", "payment_intent", "status", "subscription"}


def create(call: Call) -> Document:
    """Create a session with a page to pay on. Errors: `Refused` for what Stripe forbids."""
    given, shop = call.params, call.shop
    check(given, shop.now())
    if "customer" in given and call.account.get("customer", given["customer"]).get("deleted"):
        raise Refused(f"No such customer: '{given['customer']}'", code="resource_missing")
    with call.account.undoing():
        session = _opened(shop, given)
    shop.add("checkout.session", session)
    return shown(session)


def retrieve(call: Call) -> Document:
    """Return a session."""
    supported(call.params, {"expand"})
    expire_due(call.shop)
    return shown(call.account.get("checkout.session", call.ids["id"], "session"))


def list_(call: Call) -> Document:
    """List sessions, newest first: of a customer, a subscription, an intent, a status."""
    given = call.params
    supported(given, _PAGING | _OWNED | {"created"})
    expire_due(call.shop)
    found = [
        shown(one)
        for one in call.account.objects("checkout.session").values()
        if all(one[name] == given[name] for name in _OWNED & given.keys())
        and created_within(one, given.get("created"))
    ]
    return page(newest_first(found), given, "/v1/checkout/sessions")


def expire(call: Call) -> Document:
    """End an open session: its page can't be paid any more."""
    supported(call.params, {"expand"})
    session = open_session(call.shop, call.ids["id"])
    end(call.shop, session)
    return shown(session)


def lines(call: Call) -> Document:
    """List the lines of a session, in their order."""
    supported(call.params, _PAGING)
    session = call.account.get("checkout.session", call.ids["session"], "session")
    return lines_of(call.account, session, call.params)


def lines_of(account: Account, session: Document, paging: Document) -> Document:
    """Return the list of a session's lines."""
    found = checkout_lines.order(account, session).lines if session["_lines"] else []
    return page(found, paging, f"/v1/checkout/sessions/{session['id']}/line_items")


def shown(session: Document) -> Document:
    """Return a session as Stripe sends it."""
    return {name: value for name, value in session.items() if not name.startswith("_")}


def open_session(shop: Shop, session_id: str) -> Document:
    """Return a session that can be paid. Errors: `Refused` when it is over."""
    expire_due(shop)
    session = shop.account.get("checkout.session", session_id, "session")
    if session["status"] != OPEN:
        message = 'Only Checkout Sessions with a status in ["open"] can be used; this one is '
        raise Refused(message + session["status"])
    return session


def due(account: Account) -> list[int]:
    """Return when open sessions expire, in seconds."""
    kept = account.objects("checkout.session").values()
    return [one["expires_at"] for one in kept if one["status"] == OPEN]


def expire_due(shop: Shop) -> None:
    """End the sessions whose time is over."""
    for session in list(shop.account.objects("checkout.session").values()):
        if session["status"] == OPEN and session["expires_at"] <= shop.now():
            end(shop, session)


def end(shop: Shop, session: Document) -> None:
    """Let a session expire."""
    changes = {"status": EXPIRED, "url": None}
    shop.change(session, changes, "checkout.session.expired", view=shown)


def give_discounts(account: Account, session: Document, asked: list[dict[str, Any]]) -> None:
    """Put discounts on a session. Errors: `Refused` for one that may not be used."""
    order = checkout_lines.order(account, session)
    for one in asked:
        if "promotion_code" in one:
            promotion_codes.usable(
                account,
                one["promotion_code"],
                session["customer"],
                order.subtotal,
                session["currency"],
            )
        else:
            coupons.usable(account, one["coupon"], session["currency"])
    names = ("coupon", "promotion_code")
    session["discounts"] = [{name: one.get(name) for name in names} for one in asked]


def asked_discounts(session: Document) -> list[dict[str, Any]]:
    """Return the discounts of a session as a call asks for them."""
    return [
        {name: value for name, value in one.items() if value is not None}
        for one in session["discounts"] or []
    ]


def due_now(session: Document) -> int:
    """Return what is paid at once, in minor units."""
    due: int = session["amount_total"] or 0
    return due


def recount(account: Account, session: Document) -> None:
    """Work out a session's amounts. Errors: `Refused` for a payment of nothing."""
    order = checkout_lines.order(account, session)
    if session["mode"] == "payment" and order.total <= 0:
        message = "The Checkout Session's total amount due must be greater than zero in payment"
        raise Refused(f"{message} mode.", code="amount_too_small", param="line_items")
    session["amount_subtotal"] = order.subtotal
    session["amount_total"] = order.total
    session["total_details"] = {
        "amount_discount": order.subtotal - order.total,
        "amount_shipping": 0,
        "amount_tax": 0,
    }


def _opened(shop: Shop, given: Document) -> Document:
    session = _blank(shop, given)
    if given["mode"] != "setup":
        session["_lines"] = checkout_lines.new(shop, given.get("line_items", []), given["mode"])
        price = shop.account.get("price", session["_lines"][0]["price"])
        session["currency"] = price["currency"]
        give_discounts(shop.account, session, given.get("discounts") or [])
        recount(shop.account, session)
    return session


def _blank(shop: Shop, given: Document) -> Document:
    session_id, mode, now = new_id("cs_test_", 58), given["mode"], shop.now()
    subscription = given.get("subscription_data", {})
    anchored = subscription.get("proration_behavior") == "none"
    trial = {"trial_end", "trial_period_days"} & subscription.keys()
    session = made(
        stripe.checkout.Session,
        id=session_id,
        object="checkout.session",
        adaptive_pricing={"enabled": False},
        allow_promotion_codes=given.get("allow_promotion_codes"),
        automatic_tax={"enabled": False, "liability": None, "provider": None, "status": None},
        cancel_url=given.get("cancel_url"),
        client_reference_id=given.get("client_reference_id"),
        created=now,
        currency=given.get("currency"),
        custom_fields=[],
        custom_text=dict.fromkeys(stripe.checkout.Session.CustomText.__annotations__),
        customer=given.get("customer"),
        customer_email=given.get("customer_email"),
        discounts=[],
        expires_at=given.get("expires_at", now + _DAY),
        invoice_creation=_invoice_creation(given) if mode == "payment" else None,
        livemode=False,
        locale=given.get("locale"),
        metadata=dict(given.get("metadata") or {}),
        mode=mode,
        payment_method_collection=given.get("payment_method_collection", "always")
        if mode == "subscription"
        else None,
        payment_method_types=["card"],
        payment_status="no_payment_required" if mode == "setup" else "unpaid",
        phone_number_collection={"enabled": False},
        shipping_options=[],
        status=OPEN,
        success_url=given["success_url"],
        ui_mode="hosted_page",
        url=f"{shop.base}/c/pay/{session_id}",
    )
    session |= {
        "_free": bool(trial) or ("billing_cycle_anchor" in subscription and anchored),
        "_lines": [],
        "_payment_intent_data": given.get("payment_intent_data", {}),
        "_subscription_data": subscription,
    }
    if mode == "setup":
        data = given.get("setup_intent_data", {})
        intent = payment_methods.new_setup(shop.account, shop.outbox, given.get("customer"), data)
        session["setup_intent"] = intent["id"]
    return session


def _invoice_creation(given: Document) -> Document:
    asked = given.get("invoice_creation", {"enabled": False})
    data = asked.get("invoice_data", {})
    blank = dict.fromkeys(stripe.checkout.Session.InvoiceCreation.InvoiceData.__annotations__)
    filled = {"description": data.get("description"), "metadata": dict(data.get("metadata") or {})}
    return {"enabled": asked["enabled"], "invoice_data": {**blank, **filled}}


_PATH = "/v1/checkout/sessions"
ROUTES = [
    Route("POST", _PATH, create, checkout_params.SessionCreateParams),
    Route("GET", _PATH, list_, checkout_params.SessionListParams),
    Route("GET", _PATH + "/{id}", retrieve, checkout_params.SessionRetrieveParams),
    Route("POST", _PATH + "/{id}/expire", expire, checkout_params.SessionExpireParams),
    Route(
        "GET",
        _PATH + "/{session}/line_items",
        lines,
        checkout_params.SessionLineItemListParams,
    ),
]
