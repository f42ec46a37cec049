"""What a call sets about a subscription besides its items: payment, end, texts."""

from typing import Any

from local.stripe import bills, standing
from local.stripe.account import Document
from local.stripe.cards import resolved
from local.stripe.coupons import merged
from local.stripe.failures import Refused
from local.stripe.parameters import supported
from local.stripe.shop import Shop

#: Parameters of these settings.
NAMES = {
    *("cancel_at", "cancel_at_period_end", "cancellation_details", "collection_method"),
    *("days_until_due", "default_payment_method", "description", "metadata"),
    *("payment_settings", "trial_settings"),
}
_ENDINGS = {"min_period_end": min, "max_period_end": max}
_MISSING = {"cancel", "create_invoice", "pause"}


def apply(shop: Shop, kept: Document, given: dict[str, Any]) -> None:
    """Set what a call says. Errors: `Refused`."""
    if "metadata" in given:
        kept["metadata"] = merged(kept["metadata"], given["metadata"])
    if "description" in given:
        kept["description"] = given["description"] or None
    if "default_payment_method" in given:
        kept["default_payment_method"] = _card(shop, kept, given["default_payment_method"])
    _set_collection(kept, given)
    if "payment_settings" in given:
        supported(given["payment_settings"], {"save_default_payment_method"})
        kept["payment_settings"] = {**kept["payment_settings"], **given["payment_settings"]}
    if "trial_settings" in given:
        _set_trial(kept, given["trial_settings"])
    _set_end(shop, kept, given)


def _card(shop: Shop, kept: Document, name: str) -> str | None:
    if not name:
        return None
    method = resolved(shop.account, name)
    if method["customer"] != kept["customer"]:
        message = f"The customer does not have a payment method with the ID {name}. "
        advice = "The payment method must be attached to the customer."
        raise Refused(message + advice, code="resource_missing", param="default_payment_method")
    return str(method["id"])


def _set_collection(kept: Document, given: dict[str, Any]) -> None:
    method = given.get("collection_method", kept["collection_method"])
    if method not in {bills.CHARGE, bills.SEND}:
        raise Refused("Invalid collection_method", param="collection_method")
    kept["collection_method"] = method
    if method == bills.CHARGE:
        kept["days_until_due"] = None
        if "days_until_due" in given:
            message = "You can only specify days_until_due with collection_method send_invoice."
            raise Refused(message, param="days_until_due")
        return
    kept["days_until_due"] = given.get("days_until_due", kept["days_until_due"])
    if kept["days_until_due"] is None:
        message = "You must specify days_until_due with collection_method send_invoice."
        raise Refused(message, code="parameter_missing", param="days_until_due")


def _set_trial(kept: Document, given: dict[str, Any]) -> None:
    behavior = given["end_behavior"]["missing_payment_method"]
    if behavior not in _MISSING:
        raise Refused("Invalid missing_payment_method", param="trial_settings")
    kept["trial_settings"] = {"end_behavior": {"missing_payment_method": behavior}}


def _set_end(shop: Shop, kept: Document, given: dict[str, Any]) -> None:
    """Plan the end of a subscription, or take the plan back."""
    details = given.get("cancellation_details") or {}
    said = {name: value or None for name, value in details.items()}
    kept["cancellation_details"] = {**kept["cancellation_details"], **said}
    asked = {"cancel_at", "cancel_at_period_end"} & given.keys()
    if not asked:
        return
    if len(asked) > 1:
        message = "You may only specify one of cancel_at and cancel_at_period_end."
        raise Refused(message, param="cancel_at")
    if kept["schedule"] is not None:
        message = f"The subscription is managed by the subscription schedule `{kept['schedule']}`, "
        advice = "and updating any cancelation behavior directly is not allowed."
        raise Refused(message + advice + " Please update the schedule instead.")
    whole = given.get("cancel_at_period_end", False)
    at = _end(shop, kept, given, whole=whole)
    again = kept["cancel_at"] is not None and at is not None
    kept |= {"cancel_at": at, "cancel_at_period_end": whole}
    kept["canceled_at"] = at and (kept["canceled_at"] if again else shop.now())
    reason = "cancellation_requested" if at else None
    kept["cancellation_details"] = {**kept["cancellation_details"], "reason": reason}


def _end(shop: Shop, kept: Document, given: dict[str, Any], *, whole: bool) -> int | None:
    ends = [item["current_period_end"] for item in kept["items"]]
    if whole:
        return int(min(ends))
    wanted = given.get("cancel_at") or None
    if wanted is None:
        return None
    if wanted in _ENDINGS:
        return int(_ENDINGS[wanted](ends))
    # The package's type is a number or any text, so a number arrives as a text.
    if not str(wanted).isdecimal() or int(wanted) <= shop.now():
        raise Refused("Invalid timestamp: cancel_at must be in the future.", param="cancel_at")
    return int(wanted)


def follow_period(kept: Document) -> None:
    """Move the end of a subscription that ends with its period when the period moves."""
    if kept["cancel_at_period_end"] and kept["status"] not in standing.ENDED:
        kept["cancel_at"] = min(item["current_period_end"] for item in kept["items"])
