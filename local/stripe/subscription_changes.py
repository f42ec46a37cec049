"""Changes of a subscription: items, discounts, trial, billing cycle, settings."""

import copy
from typing import Any

from stripe import params

from local.stripe import (
    cycles,
    discounts,
    schedules,
    standing,
    starting,
    subscription_items,
    subscription_settings,
)
from local.stripe.account import Document
from local.stripe.failures import Refused
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop
from local.stripe.subscription_view import shown
from local.stripe.subscriptions import payment_behavior

_CHANGED = subscription_settings.NAMES | {
    *("add_invoice_items", "billing_cycle_anchor", "discounts", "items", "off_session"),
    *("payment_behavior", "proration_behavior", "trial_end", "expand"),
}
#: Changes that Stripe prorates unless it is told not to.
_PRORATED = {"items", "billing_cycle_anchor", "trial_end"}
_AFTER_END = {"cancellation_details", "metadata", "expand"}
_NOW = {"type": "now"}
_UPDATED = "customer.subscription.updated"


def update(call: Call) -> Document:
    """Change a subscription; a new billing cycle is billed at once."""
    given = call.params
    supported(given, _CHANGED)
    kept = call.account.get("subscription", call.ids["id"])
    _refuse_wrong(kept, given)
    return shown(change(call.shop, kept["id"], given))


def change(shop: Shop, subscription_id: str, given: dict[str, Any]) -> Document:
    """Change a subscription with the parameters of the API; return it as it is kept.

    Errors: `Refused`, nothing was done then; a card that does not pay is one only with
    `payment_behavior` `error_if_incomplete`.
    """
    behavior = payment_behavior(given)
    strict = behavior == "error_if_incomplete"
    with shop.account.undoing():
        kept = shop.account.get("subscription", subscription_id)
        invoice = _change(shop, kept, given)
        if invoice is not None and strict:
            cycles.settle(shop, kept, invoice, behavior=behavior)
    if invoice is not None and not strict:
        cycles.settle(shop, kept, invoice, behavior=behavior)
    return kept


def put_items(shop: Shop, kept: Document, items: list[Document]) -> None:
    """Give a subscription its items after a change, each with a period.

    New ones join the cycle that others of the same interval are in. Those of another interval
    count from the subscription's anchor, as it does for all of them, if an item stays.
    """
    stays = any(subscription_items.is_placed(one) for one in items)
    for item in items:
        item["subscription"] = kept["id"]
        if subscription_items.is_placed(item):
            continue
        # Those that leave in the same change are in the cycle as well.
        there = [*items, *kept.get("items", [])]
        other = next((one for one in there if _keeps_time(one, item)), None)
        if kept["status"] == standing.TRIALING:
            subscription_items.until(item, shop.now(), kept["trial_end"])
        elif other is not None:
            subscription_items.begin(item, other["_anchor"], other["current_period_start"])
        elif stays:
            subscription_items.begin(item, kept["billing_cycle_anchor"], shop.now())
    kept["items"] = items


def _change(shop: Shop, kept: Document, given: dict[str, Any]) -> Document | None:
    """Change a subscription and report it; return the invoice that it made."""
    before = copy.deepcopy(shown(kept))
    discounted = list(kept["discounts"])
    if "items" in given:
        items = subscription_items.changed(shop.account, kept["items"], given["items"])
        put_items(shop, kept, items)
    if "discounts" in given:
        asked, owner = given["discounts"] or [], ("subscription", kept)
        chosen = discounts.given(shop, asked, owner, currency=kept["currency"])
        kept["discounts"] = chosen
    starts_over = _set_time(shop, kept, given)
    _refuse_unplaced(kept)
    subscription_settings.follow_period(kept)
    subscription_settings.apply(shop, kept, given)
    cycles.add_extras(shop, kept, given.get("add_invoice_items", []))
    invoice = None
    if starts_over:
        lines = [cycles.line(shop, kept, item) for item in kept["items"]]
        invoice = cycles.draft(shop, kept, "subscription_update", lines)
    if invoice is not None:
        kept["latest_invoice"] = invoice["id"]
    discounts.report_given(shop, kept["discounts"], discounted)
    _report(shop, kept, before)
    schedules.follow(shop, kept)
    return None if invoice is None else cycles.keep(shop, kept, invoice)


def _set_time(shop: Shop, kept: Document, given: dict[str, Any]) -> bool:
    """Begin, move or end a trial, or begin a new cycle; return whether one began now."""
    trying, now = kept["status"] == standing.TRIALING, shop.now()
    if given.get("trial_end", "now") != "now":
        _try_until(kept, starting.trial_end(given, now), now)
        return False
    ends_trial = given.get("trial_end") == "now" and trying
    if _begins_cycle(given) and trying and not ends_trial:
        message = "The double can't reset the billing cycle of a trial; end it: trial_end=now"
        raise Refused(message, param="billing_cycle_anchor")
    if ends_trial:
        kept |= {"status": standing.ACTIVE, "trial_end": now}
    if ends_trial or _begins_cycle(given):
        kept["billing_cycle_anchor"] = now
        for item in kept["items"]:
            subscription_items.begin(item, now, now)
        return True
    return False


def _begins_cycle(given: dict[str, Any]) -> bool:
    return bool(given.get("billing_cycle_anchor") == _NOW)


def _try_until(kept: Document, end: int | None, now: int) -> None:
    if end is None:
        return
    begun = kept["trial_start"] if kept["status"] == standing.TRIALING else now
    kept |= {"status": standing.TRIALING, "trial_start": begun, "trial_end": end}
    kept["billing_cycle_anchor"] = end
    for item in kept["items"]:
        subscription_items.until(item, begun, end)


def _report(shop: Shop, kept: Document, before: Document) -> None:
    after = shown(kept)
    previous = {name: value for name, value in before.items() if after[name] != value}
    if previous:
        shop.outbox.report(_UPDATED, after, previous)


def _keeps_time(one: Document, item: Document) -> bool:
    """Whether an item is in a period that another of its interval can join."""
    return (
        one is not item
        and subscription_items.is_placed(one)
        and one["price"]["recurring"]["interval"] == item["price"]["recurring"]["interval"]
        and one["price"]["recurring"]["interval_count"]
        == item["price"]["recurring"]["interval_count"]
    )


def _refuse_unplaced(kept: Document) -> None:
    if not all(subscription_items.is_placed(item) for item in kept["items"]):
        message = "The double bills all items at another interval only from a new cycle: pass "
        raise Refused(message + "billing_cycle_anchor[type]=now", param="billing_cycle_anchor")


def _refuse_wrong(kept: Document, given: dict[str, Any]) -> None:
    if kept["status"] in standing.ENDED and given.keys() - _AFTER_END:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise Refused(message, param=min(given.keys() - _AFTER_END))
    if _PRORATED & given.keys() and given.get("proration_behavior") != "none":
        message = "The double does not prorate: pass proration_behavior=none"
        raise Refused(message, param="proration_behavior")
    if given.get("proration_behavior", "none") != "none":
        raise Refused("The double does not prorate", param="proration_behavior")
    if given.get("billing_cycle_anchor", _NOW)["type"] not in {"now", "unchanged"}:
        raise Refused("Invalid billing_cycle_anchor", param="billing_cycle_anchor")


ROUTES = [
    Route("POST", "/v1/subscriptions/{id}", update, params.SubscriptionUpdateParams),
]
