"""What a customer holds, as the page of a customer shows it."""

from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.customers.listing import status
from dashboard.figures import exact, number

type View = Mapping[str, Any]


def products(customer: View, now: int) -> list[dict[str, Any]]:
    """Return subscriptions, then what was bought once; `customer` is what `customers.get` says."""
    held = [
        _product(one, customer, status(one)) | {"dates": list(_dates(one, now))}
        for one in customer["subscriptions"]
    ]
    bought = [
        _product(one, customer, ("Bought", "secondary")) | {"dates": list(_bought(one))}
        for one in customer["purchases"]
    ]
    once = [one["plan_id"] for one in customer["purchases"] if one["scope"] == "customer"]
    for one in bought:
        # What was bought several times can't be told apart.
        one["address"] = one["id"] if once.count(one["id"]) == 1 else ""
    return held + bought


def names(customer: View) -> dict[str, str]:
    """Return the names of the plans that the customer holds, by id."""
    held = [*customer["subscriptions"], *customer["purchases"]]
    return {one["plan_id"]: _name(one) for one in held}


def _product(one: View, customer: View, told: tuple[str, str]) -> dict[str, Any]:
    plan = one.get("plan")
    word, color = told
    return {
        "id": one["plan_id"],
        "subscription_id": one.get("id", ""),
        "address": one.get("id", ""),
        "is_ending": bool(one.get("canceled_at")),
        "name": _name(one),
        "version": plan["version"] if plan else None,
        "is_add_on": bool(one.get("add_on")),
        "of_entity": one["scope"] == "entity",
        "status": word,
        "color": color,
        "price": price_of(plan) if plan else "",
        "items": [_item(item) for item in plan["items"]] if plan else [],
        "period": _period(one),
        "quantities": list(_quantities(one, customer)),
    }


def _name(one: View) -> str:
    plan = one.get("plan")
    return str((plan and plan["name"]) or one["plan_id"])


def price_of(plan: View) -> str:
    """Return the price in words: `$20 per month`."""
    if plan["price"] is not None:
        display = plan["price"]["display"]
        return f"{display['primary_text']} {display['secondary_text']}"
    return "No base price" if any(item["price"] for item in plan["items"]) else "Free"


def trial_of(plan: View) -> str:
    """Return how long a plan costs nothing at first: `14 days`; "" if it does not."""
    trial = plan.get("free_trial")
    if not trial:
        return ""
    length, unit = trial["duration_length"], trial["duration_type"]
    return f"{number(length)} {unit}{'' if length == 1 else 's'}"


def _item(item: View) -> str:
    display = item.get("display", {"primary_text": item["feature_id"]})
    return f"{display['primary_text']} {display.get('secondary_text', '')}".strip()


def _period(one: View) -> tuple[int, int] | None:
    start, end = one.get("current_period_start"), one.get("current_period_end")
    return None if start is None or end is None else (start, end)


def _dates(one: View, now: int) -> Iterable[tuple[str, int]]:
    """What happened to a subscription, and what is going to."""
    yield "Starts on" if one["started_at"] > now else "Started", one["started_at"]
    if one["trial_ends_at"]:
        yield "Trial ends", one["trial_ends_at"]
    if one["expires_at"]:
        yield "Cancels on" if one["canceled_at"] else "Ends on", one["expires_at"]
    elif one["canceled_at"]:
        yield "Cancelled", one["canceled_at"]


def _bought(one: View) -> Iterable[tuple[str, int]]:
    yield "Bought", one["started_at"]
    if one["expires_at"]:
        yield "Ends on", one["expires_at"]


def _quantities(one: View, customer: View) -> Iterable[str]:
    """How often the plan is held, and what was paid for in advance."""
    if one["quantity"] != 1:
        yield f"{number(one['quantity'])} times"
    for feature_id, balance in customer["balances"].items():
        sources = (line for line in balance["breakdown"] if line["plan_id"] == one["plan_id"])
        prepaid = sum(exact(line["prepaid_grant"]) for line in sources)
        if prepaid:
            called = balance.get("feature", {}).get("name") or feature_id
            yield f"{called}: {number(prepaid)} prepaid"
