"""The phases of a schedule: what each says of a subscription, and how one begins."""

import copy
from typing import Any

import stripe

from local.stripe import discounts, periods, prices, subscription_items
from local.stripe.account import Account, Document
from local.stripe.coupons import merged
from local.stripe.failures import Refused
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.shop import Shop
from local.stripe.subscription_view import shown

_KNOWN = {
    *("billing_cycle_anchor", "discounts", "duration", "end_date", "items", "metadata"),
    *("proration_behavior", "start_date"),
}
_ITEM = {"price", "price_data", "quantity", "metadata"}
_WAYS = ("coupon", "discount", "promotion_code")


def of(kept: Document) -> Document:
    """Return the phase that a subscription is in as it is now."""
    items = kept["items"]
    return _phase(
        currency=kept["currency"],
        discounts=[_way({"discount": one}) for one in kept["discounts"]],
        end_date=kept["cancel_at"] or min(item["current_period_end"] for item in items),
        items=[_item(one["price"]["id"], one["quantity"], one["metadata"]) for one in items],
        metadata=dict(kept["metadata"]),
        start_date=max(item["current_period_start"] for item in items),
        trial_end=kept["trial_end"],
    )


def planned(
    shop: Shop, kept: Document, asked: list[dict[str, Any]], present: Document
) -> list[Document]:
    """Return the phases that a call plans; the first is the present one. Errors: `Refused`."""
    found: list[Document] = []
    for place, one in enumerate(asked):
        at = f"phases[{place}]"
        supported(one, _KNOWN)
        start = one.get("start_date", found[-1]["end_date"] if found else None)
        expected = found[-1]["end_date"] if found else present["start_date"]
        if start != expected:
            message = f"The phase must have a start_date and begin at {expected}, where the one "
            raise Refused(message + "before it ends or the present one began.", param=at)
        found.append(_planned(shop, kept, one, start, at))
    if not found or found[0]["end_date"] <= shop.now():
        raise Refused("You must pass the present phase, which ends later.", param="phases")
    _refuse_present(kept, found[0])
    return found


def keep_discounts(shop: Shop, kept: Document, phase: Document) -> None:
    """Give a subscription the discounts of its present phase: those not named there are lost."""
    before = list(kept["discounts"])
    after = _discounts(shop, kept, phase)
    if after != before:
        previous = copy.deepcopy(shown(kept))
        kept["discounts"] = after
        discounts.report_given(shop, after, before)
        _report(shop, kept, previous)
        phase["discounts"] = [_way({"discount": one}) for one in after]


def enter(shop: Shop, kept: Document, phase: Document) -> None:
    """Make a subscription what a phase says. What begins a period now is billed by the renewal."""
    previous = copy.deepcopy(shown(kept))
    before = list(kept["discounts"])
    kept["items"] = _entered(shop, kept, phase)
    kept["metadata"] = merged(kept["metadata"], phase["metadata"])
    kept["discounts"] = _discounts(shop, kept, phase)
    discounts.report_given(shop, kept["discounts"], before)
    _report(shop, kept, previous)


def _planned(shop: Shop, kept: Document, one: dict[str, Any], start: int, at: str) -> Document:
    items = []
    for place, item in enumerate(one["items"]):
        supported(item, _ITEM)
        price = subscription_items.recurring(shop.account, item, f"{at}[items][{place}]")
        if price["currency"] != kept["currency"]:
            raise Refused("The price is in another currency.", param=f"{at}[items][{place}]")
        items.append(_item(price["id"], item.get("quantity", 1), item.get("metadata") or {}))
    asked = one.get("discounts") or []
    discounts.check(shop, asked, kept["customer"], kept["currency"])
    if start > shop.now() and one.get("proration_behavior") != "none":
        message = "The double does not prorate: pass proration_behavior=none with each phase"
        raise Refused(message, param=f"{at}[proration_behavior]")
    return _phase(
        billing_cycle_anchor=one.get("billing_cycle_anchor"),
        currency=kept["currency"],
        discounts=[_way(way) for way in asked],
        end_date=_end(shop.account, one, items, start, at),
        items=items,
        metadata=merged(None, one.get("metadata") or {}),
        proration_behavior=one.get("proration_behavior", "create_prorations"),
        start_date=start,
    )


def _end(account: Account, one: dict[str, Any], items: list[Document], start: int, at: str) -> int:
    """When a phase ends: at a time, after a while, or after one period of its first price."""
    if not items or {"duration", "end_date"} <= one.keys() or one.get("end_date") == "now":
        raise Refused("A phase needs items and one end to come.", param=at)
    if "duration" in one:
        unit, count = one["duration"]["interval"], one["duration"].get("interval_count", 1)
    else:
        unit, count = prices.interval(account.get("price", items[0]["price"]))
    end = int(one.get("end_date", periods.later(start, unit, count)))
    if end <= start:
        raise Refused("A phase must end after it begins.", param=f"{at}[end_date]")
    return end


def _phase(**fields: Any) -> Document:
    lists = {"add_invoice_items": [], "default_tax_rates": [], "proration_behavior": "none"}
    return made(stripe.SubscriptionSchedule.Phase, **{**lists, **fields})


def _item(price: str, quantity: int, metadata: dict[str, str]) -> Document:
    return made(
        stripe.SubscriptionSchedule.Phase.Item,
        discounts=[],
        metadata=dict(metadata),
        plan=price,
        price=price,
        quantity=quantity,
        tax_rates=[],
    )


def _way(given: dict[str, Any]) -> Document:
    return {name: given.get(name) for name in _WAYS}


def _discounts(shop: Shop, kept: Document, phase: Document) -> list[str]:
    """The discounts of a subscription in a phase; those whose time has passed are gone."""
    asked = [{name: one[name] for name in _WAYS if one[name]} for one in phase["discounts"]]
    ended = [one for one in asked if _has_ended(shop, one.get("discount"))]
    alive = [one for one in asked if one not in ended]
    owner = ("subscription", kept)
    return discounts.given(shop, alive, owner, currency=kept["currency"], promised=True)


def _has_ended(shop: Shop, discount_id: str | None) -> bool:
    if discount_id is None:
        return False
    end = shop.account.get("discount", discount_id)["end"]
    return end is not None and end <= shop.now()


def _refuse_present(kept: Document, phase: Document) -> None:
    """Stripe changes the subscription with its present phase; the double asks for an update."""
    asked = {(item["price"], item["quantity"]) for item in phase["items"]}
    if asked != {(item["price"]["id"], item["quantity"]) for item in kept["items"]}:
        message = "The double changes items of the present phase only with the subscription"
        raise Refused(message, param="phases[0][items]")


def _entered(shop: Shop, kept: Document, phase: Document) -> list[Document]:
    held = {item["price"]["id"]: item for item in kept["items"]}
    items = []
    for one in phase["items"]:
        item = held.get(one["price"])
        price = shop.account.get("price", one["price"])
        found = dict(item) if item else subscription_items.made_of(shop.account, price)
        found |= {"quantity": one["quantity"], "subscription": kept["id"]}
        found["metadata"] = dict(one["metadata"])
        items.append(found)
    again = phase["billing_cycle_anchor"] == "phase_start"
    for item in items:
        if again or not subscription_items.is_placed(item):
            _begin(shop, kept, item, again=again)
    intervals = {tuple(item["_interval"]) for item in kept["items"]}
    if again or not any(tuple(item["_interval"]) in intervals for item in items):
        kept["billing_cycle_anchor"] = shop.now()
    return items


def _begin(shop: Shop, kept: Document, item: Document, *, again: bool) -> None:
    """Put a new item into a cycle: one that the subscription has already, or one from now on."""
    interval = list(prices.interval(item["price"]))
    other = next((one for one in kept["items"] if one["_interval"] == interval), None)
    if other is None or again:
        since = max(one["current_period_start"] for one in kept["items"])
        subscription_items.place(item, shop.now(), since, shop.now())
    else:
        since, end = other["current_period_start"], other["current_period_end"]
        subscription_items.place(item, other["_anchor"], since, end)


def _report(shop: Shop, kept: Document, before: Document) -> None:
    after = shown(kept)
    previous = {name: value for name, value in before.items() if after[name] != value}
    if previous:
        shop.outbox.report("customer.subscription.updated", after, previous)
