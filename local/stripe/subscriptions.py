"""Subscriptions: create, retrieve, list, cancel; changes are in subscription_changes.py."""

from typing import Any

import stripe
from stripe import params

from local.stripe import (
    bills,
    collecting,
    cycles,
    discounts,
    prices,
    standing,
    subscription_items,
    subscription_settings,
)
from local.stripe.account import Document, new_id
from local.stripe.failures import Refused, missing
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop
from local.stripe.starting import Start, started
from local.stripe.subscription_view import shown

_CREATED = {
    *("add_invoice_items", "backdate_start_date", "billing_cycle_anchor", "billing_mode"),
    *("cancel_at", "cancel_at_period_end", "collection_method", "currency", "customer"),
    *("days_until_due", "default_payment_method", "description", "discounts", "items"),
    *("metadata", "off_session", "payment_behavior", "payment_settings", "proration_behavior"),
    *("trial_end", "trial_period_days", "trial_settings", "expand"),
}
BEHAVIORS = {"allow_incomplete", "default_incomplete", "error_if_incomplete"}


def create(call: Call) -> Document:
    """Create a subscription and collect its first invoice."""
    return shown(begin(call.shop, call.params))


def begin(shop: Shop, given: dict[str, Any]) -> Document:
    """Create a subscription with the parameters of the API; return it as it is kept.

    Errors: `Refused`; with `payment_behavior` `error_if_incomplete` also when the card does not
    pay, and nothing was done then.
    """
    supported(given, _CREATED)
    behavior = payment_behavior(given)
    strict = behavior == "error_if_incomplete"
    with shop.account.undoing():
        kept, invoice = _made(shop, given, behavior)
        if invoice is not None and strict:
            cycles.settle(shop, kept, invoice, behavior=behavior)
    if invoice is not None and not strict:
        cycles.settle(shop, kept, invoice, behavior=behavior)
    return kept


def payment_behavior(given: dict[str, Any]) -> str:
    """Return what becomes of a subscription whose invoice is not paid."""
    behavior: str = given.get("payment_behavior", "allow_incomplete")
    if behavior not in BEHAVIORS:
        message = f"The double does not support payment_behavior {behavior}"
        raise Refused(message, param="payment_behavior")
    return behavior


def retrieve(call: Call) -> Document:
    """Return a subscription, also one that has ended."""
    supported(call.params, {"expand"})
    return shown(call.account.get("subscription", call.ids["id"]))


def list_(call: Call) -> Document:
    """List subscriptions, newest first; those that were canceled only when asked for."""
    given = call.params
    same = {"customer", "collection_method"}
    paging = {"created", "limit", "starting_after", "ending_before", "expand"}
    supported(given, same | paging | {"status", "price"})
    found = [
        shown(one)
        for one in call.account.objects("subscription").values()
        if all(one[name] == given[name] for name in same & given.keys())
        and _has_status(one, given.get("status"))
        and given.get("price") in (None, *(item["price"]["id"] for item in one["items"]))
        and created_within(one, given.get("created"))
    ]
    return page(newest_first(found), given, "/v1/subscriptions")


def cancel(call: Call) -> Document:
    """End a subscription now, without a last invoice and without money back."""
    given = call.params
    supported(given, {"cancellation_details", "invoice_now", "prorate", "expand"})
    for name in ("invoice_now", "prorate"):
        if given.get(name):
            raise Refused(f"The double does not support {name}=true", param=name)
    kept = call.account.get("subscription", call.ids["id"])
    if kept["status"] in standing.ENDED:
        raise missing("subscription", kept["id"])
    details = given.get("cancellation_details")
    standing.end(call.shop, kept, "cancellation_requested", details)
    return shown(kept)


def _has_status(one: Document, wanted: str | None) -> bool:
    if wanted == "all":
        return True
    if wanted == "ended":
        return one["status"] in standing.ENDED
    if wanted is None:
        return bool(one["status"] != standing.CANCELED)
    return bool(one["status"] == wanted)


def _made(shop: Shop, given: Document, behavior: str) -> tuple[Document, Document | None]:
    customer = _customer(shop, given)
    _refuse_classic(given)
    start = started(given, shop.now())
    items = subscription_items.all_new(shop.account, given.get("items", []))
    for item in items:
        start.place(item)
    kept = _blank(shop, given, start, items)
    if "currency" in given and given["currency"].lower() != kept["currency"]:
        message = f"The currency is not that of the prices: {kept['currency']}"
        raise Refused(message, param="currency")
    asked, owner = given.get("discounts") or [], ("subscription", kept)
    costs = sum(prices.cost(item["price"], item["quantity"]) for item in items)
    chosen = discounts.given(shop, asked, owner, currency=kept["currency"], amount=costs)
    kept["discounts"] = chosen
    cycles.add_extras(shop, kept, given.get("add_invoice_items", []))
    lines = [cycles.line(shop, kept, item, free=start.is_trial) for item in items]
    if start.is_stub:
        lines = []
    invoice = cycles.draft(shop, kept, standing.CREATION, lines)
    charged = kept["collection_method"] == bills.CHARGE
    if charged and invoice is not None and invoice["amount_due"]:
        _refuse_without_card(shop, kept, behavior)
        kept["status"] = standing.INCOMPLETE
    if invoice is not None:
        kept["latest_invoice"] = invoice["id"]
    shop.add("subscription", kept)
    customer["currency"] = kept["currency"]
    discounts.report_given(shop, chosen, [])
    shop.report("customer.subscription.created", kept, shown)
    if start.is_trial and start.anchor - start.now <= 3 * cycles.DAY:
        cycles.tell_trial_end(shop, kept)
    return kept, None if invoice is None else cycles.keep(shop, kept, invoice)


def _customer(shop: Shop, given: Document) -> Document:
    if "customer" not in given:
        message = "Missing required param: customer."
        raise Refused(message, code="parameter_missing", param="customer")
    customer = shop.account.get("customer", given["customer"], "customer")
    if customer.get("deleted"):
        raise missing("customer", given["customer"], "customer")
    return customer


def _refuse_classic(given: Document) -> None:
    mode = given.get("billing_mode", {"type": "flexible"})
    if mode != {"type": "flexible"}:
        raise Refused("The double bills in the mode flexible alone", param="billing_mode")


def _refuse_without_card(shop: Shop, kept: Document, behavior: str) -> None:
    card = kept["default_payment_method"] or collecting.customers_method(shop, kept["customer"])
    if card is None and behavior != "default_incomplete":
        message = "This customer has no attached payment source or default payment method. "
        advice = "Please consider adding a default payment method."
        raise Refused(message + advice, code="resource_missing")


def _blank(shop: Shop, given: Document, start: Start, items: list[Document]) -> Document:
    kept = made(
        stripe.Subscription,
        id=new_id("sub_"),
        object="subscription",
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None},
        billing_cycle_anchor=start.anchor,
        billing_mode={"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        cancel_at_period_end=False,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method=given.get("collection_method", bills.CHARGE),
        created=start.now,
        currency=items[0]["price"]["currency"],
        customer=given["customer"],
        default_tax_rates=[],
        discounts=[],
        invoice_settings={"account_tax_ids": None, "issuer": {"type": "self"}},
        items=items,
        livemode=False,
        metadata={},
        payment_settings={
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        start_date=given.get("backdate_start_date", start.now),
        status=standing.TRIALING if start.is_trial else standing.ACTIVE,
        trial_end=start.anchor if start.is_trial else None,
        trial_settings={"end_behavior": {"missing_payment_method": "create_invoice"}},
        trial_start=start.now if start.is_trial else None,
    )
    for item in items:
        item["subscription"] = kept["id"]
    subscription_settings.apply(shop, kept, given)
    return kept


ROUTES = [
    Route("POST", "/v1/subscriptions", create, params.SubscriptionCreateParams),
    Route("GET", "/v1/subscriptions", list_, params.SubscriptionListParams),
    Route("GET", "/v1/subscriptions/{id}", retrieve, params.SubscriptionRetrieveParams),
    Route("DELETE", "/v1/subscriptions/{id}", cancel, params.SubscriptionCancelParams),
]
