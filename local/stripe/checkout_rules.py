"""What Stripe forbids of a new Checkout session, whatever it sells."""

from urllib.parse import urlsplit

from local.stripe import starting
from local.stripe.account import Document
from local.stripe.failures import Refused
from local.stripe.parameters import supported

_ANY = {
    *("cancel_url", "client_reference_id", "customer", "customer_email", "expires_at", "expand"),
    *("allowed_payment_method_types", "locale", "metadata", "mode", "success_url", "ui_mode"),
}
_SOLD = {"allow_promotion_codes", "currency", "discounts", "line_items"}
#: What each mode knows besides.
_OF_MODE = {
    "payment": _SOLD | {"customer_creation", "invoice_creation", "payment_intent_data"},
    "setup": {"currency", "setup_intent_data"},
    "subscription": _SOLD | {"payment_method_collection", "subscription_data"},
}
_SUBSCRIPTION = {
    *("billing_cycle_anchor", "billing_mode", "description", "metadata", "proration_behavior"),
    *("trial_end", "trial_period_days", "trial_settings"),
}
_HOUR = 3600
_LEAST_TRIAL, _LONGEST_OPEN, _LEAST_OPEN = 48 * _HOUR, 24 * _HOUR, _HOUR // 2


def check(given: Document, now: int) -> None:
    """Refuse parameters that contradict each other or the time."""
    mode = given.get("mode")
    if mode not in _OF_MODE:
        message = "You must specify the mode: payment, setup or subscription."
        raise Refused(message, code="parameter_missing", param="mode")
    for other in _OF_MODE.values():
        for name in sorted((other - _OF_MODE[mode]) & given.keys()):
            raise Refused(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    supported(given, _ANY | _OF_MODE[mode])
    _check_addresses(given)
    _check_customer(given, mode)
    _check_discounts(given)
    _check_times(given, now)
    _check_parts(given, now)


def _check_addresses(given: Document) -> None:
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise Refused("The double serves hosted pages only", param="ui_mode")
    if "success_url" not in given:
        message = "Missing required param: success_url."
        raise Refused(message, code="parameter_missing", param="success_url")
    for name in {"success_url", "cancel_url"} & given.keys():
        parts = urlsplit(given[name])
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise Refused("Not a valid URL", code="url_invalid", param=name)
    if given.get("allowed_payment_method_types", ["card"]) != ["card"]:
        message = "The double takes cards only"
        raise Refused(message, param="allowed_payment_method_types")


def _check_customer(given: Document, mode: str) -> None:
    if "customer" in given and "customer_email" in given:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise Refused(message, param="customer_email")
    if "customer" in given and "customer_creation" in given:
        message = "You may only specify one of these parameters: customer, customer_creation."
        raise Refused(message, param="customer_creation")
    if mode == "payment" and "customer" not in given and not _makes_customer(given):
        message = "The double takes no payments of guests: pass customer, or customer_creation"
        raise Refused(f"{message} always", param="customer")
    if mode == "setup" and not {"currency", "allowed_payment_method_types"} & given.keys():
        message = "currency is required in setup mode without allowed_payment_method_types."
        raise Refused(message, code="parameter_missing", param="currency")


def _makes_customer(given: Document) -> bool:
    invoices = given.get("invoice_creation", {"enabled": False})["enabled"]
    return bool(invoices) or given.get("customer_creation") == "always"


def _check_discounts(given: Document) -> None:
    asked = given.get("discounts")
    if asked and "allow_promotion_codes" in given:
        message = "You may only specify one of these parameters: allow_promotion_codes, discounts."
        raise Refused(message, param="discounts")
    if len(asked or []) > 1:
        message = "Array discounts exceeded maximum 1 allowed elements."
        raise Refused(message, param="discounts")
    for one in asked or []:
        if len({"coupon", "promotion_code"} & one.keys()) != 1:
            message = "You must pass either coupon or promotion_code."
            raise Refused(message, param="discounts[0]")


def _check_times(given: Document, now: int) -> None:
    if "expires_at" in given:
        left = given["expires_at"] - now
        if not _LEAST_OPEN <= left <= _LONGEST_OPEN:
            message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
            raise Refused(message, param="expires_at")
    trial_end = given.get("subscription_data", {}).get("trial_end")
    if trial_end is not None and trial_end - now < _LEAST_TRIAL:
        message = "The `trial_end` date has to be at least 2 days in the future."
        raise Refused(message, param="subscription_data[trial_end]")


def _check_parts(given: Document, now: int) -> None:
    subscription = given.get("subscription_data", {})
    supported(subscription, _SUBSCRIPTION)
    starting.started(subscription, now)
    if subscription.get("billing_mode", {"type": "flexible"})["type"] != "flexible":
        message = "The double bills in the mode flexible alone"
        raise Refused(message, param="subscription_data[billing_mode]")
    if given.get("payment_method_collection", "always") not in {"always", "if_required"}:
        raise Refused("Invalid payment_method_collection", param="payment_method_collection")
    supported(given.get("setup_intent_data", {}), {"description", "metadata"})
    known = {"description", "metadata", "setup_future_usage"}
    supported(given.get("payment_intent_data", {}), known)
    invoice = given.get("invoice_creation", {"enabled": False})
    supported(invoice.get("invoice_data", {}), {"description", "metadata"})
