"""The customer portal: configurations, sessions, and what its buttons do."""

from typing import Any

import stripe
from stripe.params import billing_portal as portal_params

from local.stripe import cards, payment_methods, standing, subscription_changes
from local.stripe.account import Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused, missing
from local.stripe.listing import newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop

_SESSION, _CONFIGURATION = "billing_portal.session", "billing_portal.configuration"
_PAGING = {"limit", "starting_after", "ending_before", "expand"}
_ACTIVE = {"active", "trialing", "past_due", "incomplete", "unpaid", "paused"}
#: What a configuration allows unless it says otherwise.
_FEATURES: Document = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {"duration": None, "enabled": False},
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}
_SUPPORTED = {"invoice_history", "payment_method_update", "subscription_cancel"}


def configure(call: Call) -> Document:
    """Create a configuration: which features the portal has."""
    given = call.params
    known = {"business_profile", "default_return_url", "features", "metadata", "name", "expand"}
    supported(given, known)
    now = call.account.clock()
    configuration = made(
        stripe.billing_portal.Configuration,
        id=new_id("bpc_"),
        object=_CONFIGURATION,
        active=True,
        business_profile={
            "headline": None,
            "privacy_policy_url": None,
            "terms_of_service_url": None,
            **given.get("business_profile", {}),
        },
        created=now,
        default_return_url=given.get("default_return_url") or None,
        features=_features(given["features"]),
        is_default=False,
        livemode=False,
        login_page={"enabled": False, "url": None},
        metadata=merged(None, given.get("metadata", {})),
        name=given.get("name") or None,
        updated=now,
    )
    call.shop.add(_CONFIGURATION, configuration)
    call.shop.report("billing_portal.configuration.created", configuration)
    return configuration


def configuration(call: Call) -> Document:
    """Return a configuration."""
    supported(call.params, {"expand"})
    return call.account.get(_CONFIGURATION, call.ids["id"], "configuration")


def configurations(call: Call) -> Document:
    """List configurations, newest first."""
    same = {"active", "is_default"}
    supported(call.params, _PAGING | same)
    found = [
        one
        for one in call.account.objects(_CONFIGURATION).values()
        if all(one[name] == call.params[name] for name in same & call.params.keys())
    ]
    return page(newest_first(found), call.params, "/v1/billing_portal/configurations")


def create(call: Call) -> Document:
    """Open the portal for a customer.

    An account has no default configuration until somebody saves one by hand: name one.
    """
    given, account = call.params, call.account
    supported(given, {"configuration", "customer", "locale", "return_url", "expand"})
    if "customer" not in given:
        message = "Missing required param: customer."
        raise Refused(message, code="parameter_missing", param="customer")
    if account.get("customer", given["customer"], "customer").get("deleted"):
        raise missing("customer", given["customer"], "customer")
    if "configuration" not in given:
        message = "No configuration provided and your test mode default configuration has not been"
        raise Refused(f"{message} created. Provide a configuration.", param="configuration")
    configured = account.get(_CONFIGURATION, given["configuration"], "configuration")
    session_id = new_id("bps_")
    session = made(
        stripe.billing_portal.Session,
        id=session_id,
        object=_SESSION,
        configuration=configured["id"],
        created=account.clock(),
        customer=given["customer"],
        livemode=False,
        locale=given.get("locale"),
        return_url=given.get("return_url") or configured["default_return_url"],
        url=f"{call.base}/p/session/{session_id}",
    )
    call.shop.add(_SESSION, session)
    call.shop.report("billing_portal.session.created", session)
    return session


def features_of(shop: Shop, session: Document) -> Document:
    """Return what a session lets its customer do."""
    features: Document = shop.account.get(_CONFIGURATION, session["configuration"])["features"]
    return features


def subscriptions_of(shop: Shop, session: Document) -> list[Document]:
    """Return the customer's living subscriptions, the newest first."""
    kept = shop.account.objects("subscription").values()
    mine = [one for one in kept if one["customer"] == session["customer"]]
    return newest_first([one for one in mine if one["status"] in _ACTIVE])


def press(shop: Shop, session: Document, button: str, chosen: str) -> None:
    """Do what a button says: `cancel` or `renew` a subscription, `card` takes another card.

    Errors: `Refused` for what the configuration does not allow.
    """
    buttons = {"cancel": _cancel, "renew": _renew, "card": _take_card}
    if button not in buttons:
        raise Refused(f"There is no button {button}", param="do")
    with shop.account.undoing():
        buttons[button](shop, session, chosen)


def _cancel(shop: Shop, session: Document, subscription_id: str) -> None:
    feature = features_of(shop, session)["subscription_cancel"]
    kept = _own(shop, session, subscription_id, feature)
    if feature["mode"] == "immediately":
        standing.end(shop, kept, "cancellation_requested")
        return
    given: dict[str, Any] = {"cancel_at_period_end": True}
    subscription_changes.change(shop, kept["id"], given)


def _renew(shop: Shop, session: Document, subscription_id: str) -> None:
    feature = features_of(shop, session)["subscription_cancel"]
    kept = _own(shop, session, subscription_id, feature)
    subscription_changes.change(shop, kept["id"], {"cancel_at_period_end": False})


def _take_card(shop: Shop, session: Document, card: str) -> None:
    """Let a card pay from now on: the customer's invoices and every subscription."""
    if not features_of(shop, session)["payment_method_update"]["enabled"]:
        raise Refused("This portal does not change cards.")
    customer = shop.account.get("customer", session["customer"])
    if card not in cards.CARDS:
        raise Refused(f"There is no test card {card}", param="card")
    method = payment_methods.attached(shop.account, shop.outbox, card, customer["id"])
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    shop.change(customer, {"invoice_settings": settings}, "customer.updated")
    for kept in subscriptions_of(shop, session):
        if kept["default_payment_method"] is not None:
            standing.changed(shop, kept, {"default_payment_method": method["id"]})


def _own(shop: Shop, session: Document, subscription_id: str, feature: Document) -> Document:
    if not feature["enabled"]:
        raise Refused("This portal does not cancel subscriptions.")
    for kept in subscriptions_of(shop, session):
        if kept["id"] == subscription_id:
            return kept
    raise missing("subscription", subscription_id, "subscription")


def _features(given: dict[str, Any]) -> Document:
    for name, feature in given.items():
        if name not in _SUPPORTED and feature.get("enabled"):
            raise Refused(f"The double's portal has no {name}", param=f"features[{name}]")
    return {name: {**blank, **given.get(name, {})} for name, blank in _FEATURES.items()}


_PATH = "/v1/billing_portal"
ROUTES = [
    Route("POST", _PATH + "/sessions", create, portal_params.SessionCreateParams),
    Route("POST", _PATH + "/configurations", configure, portal_params.ConfigurationCreateParams),
    Route("GET", _PATH + "/configurations", configurations, portal_params.ConfigurationListParams),
    Route(
        "GET",
        _PATH + "/configurations/{id}",
        configuration,
        portal_params.ConfigurationRetrieveParams,
    ),
]
