"""Invoices, events and changes of a customer, as the page of a customer lists them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.figures import moment, money, number

type View = Mapping[str, Any]

_STATES = {
    "draft": ("Draft", "secondary"),
    "open": ("Open", "azure"),
    "paid": ("Paid", "green"),
    "void": ("Void", "secondary"),
    "uncollectible": ("Uncollectible", "red"),
}
_HOSTED, _PDF = "/invoices/hosted_invoice_url/", "/invoices/pdf/"
_WHO = {"stripe": "Stripe", "time": "Time", "api_key": "API key", "job": "Job"}
_WHAT = {
    "balances.create": "Balance granted",
    "balances.update": "Balance edited",
    "balances.delete": "Balance deleted",
    "balances.recalculate": "Balances recalculated",
    "balances.reset": "Balance reset",
    "customers.create": "Customer created",
    "customers.update": "Customer edited",
    "customers.claim": "Customer got an id",
    "customers.delete": "Customer deleted",
    "entities.create": "Entity created",
    "entities.update": "Entity edited",
    "entities.delete": "Entity deleted",
    "billing.attach": "Plan attached",
    "billing.auto_topup": "Topped up automatically",
    "billing.update": "Plan changed",
    "billing.seats": "Seats billed",
    "billing.sync": "Taken over from Stripe",
    "billing.unpaid": "Not paid in time",
    "plans.ended": "Plan ended",
    "subscriptions.changed": "Subscription changed at Stripe",
    "subscriptions.ended": "Subscription ended at Stripe",
    "rewards.redeem": "Reward redeemed",
    "coupons.add": "Coupon added",
    "coupons.remove": "Coupon removed",
    "changes.undo": "Change undone",
}
_LONGEST = 200


def invoice(one: View, plans: Mapping[str, str]) -> dict[str, Any]:
    """Return an invoice as it is listed; `plans` are names by id."""
    word, color = _STATES[one["status"]]
    refunded, currency, page = one["refunded_amount"], one["currency"], one["hosted_invoice_url"]
    paid = one["amount_paid"]
    return {
        "id": one["stripe_id"],
        "plans": [plans.get(plan_id, plan_id) for plan_id in one["plan_ids"]],
        "status": word,
        "color": color,
        "total": money(one["total"], currency),
        "paid": None if paid is None or paid == one["total"] else money(paid, currency),
        "refunded": money(refunded, currency) if refunded else None,
        "created_at": one["created_at"],
        "page": page,
        "pdf": page.replace(_HOSTED, _PDF) if page and _HOSTED in page else None,
    }


def event(one: View) -> dict[str, Any]:
    """Return an event as it is listed, with all that is known of it."""
    return {
        "id": one["id"],
        "at": one["timestamp"],
        "feature": one["feature_id"],
        "value": number(one["value"]),
        "paid": [
            f"{number(paid['value'])} from {paid['plan_id'] or 'a grant'}"
            + ("" if paid["feature_id"] == one["feature_id"] else f" ({paid['feature_id']})")
            for paid in one["deductions"] or ()
        ],
        "json": _pretty(one),
    }


def change(one: View) -> dict[str, Any]:
    """Return a change as it is listed: who did what, and what was different before."""
    actor = one["actor"]
    return {
        "id": one["id"],
        "at": one["timestamp"],
        "who": " ".join(filter(None, (_WHO.get(actor["type"]), actor["name"]))) or actor["type"],
        "what": _WHAT.get(one["action"], one["action"]),
        "differences": [*_differences("", one["before"], one["after"]), *_of_balances(one)],
        "why": one["reason"] or "",
        "reference": one["reference"] or "",
        "is_undone": one["undone_by"] is not None,
        "json": _pretty(one),
    }


def _of_balances(one: View) -> Iterator[tuple[str, str, str]]:
    for balance in one["balances"]:
        where = f"{balance['feature_id']}: "
        if balance["entity_id"]:
            where = f"{balance['feature_id']} of {balance['entity_id']}: "
        before, after = dict(balance["before"]), dict(balance["after"])
        old, new = before.pop("sources"), after.pop("sources")
        told = list(_differences(where, before, after))
        if not told:
            for source in dict.fromkeys([*old, *new]):
                told += _differences(where, old.get(source, {}), new.get(source, {}))
        yield from told


def _differences(where: str, before: View, after: View) -> Iterator[tuple[str, str, str]]:
    """What is different, each with its name, the value before, and the value after."""
    for name in dict.fromkeys([*before, *after]):
        old, new = (_text(name, side.get(name)) for side in (before, after))
        if old != new:
            yield where + name.replace("_", " "), old, new


def _text(name: str, value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return moment(int(value)) if name.endswith("_at") else number(value)
    if name == "plans" and isinstance(value, list):
        return ", ".join(map(_plan, value))
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"


def _plan(one: View) -> str:
    """A plan as a change tells of it: `pro (active, ends 01 Oct 2026, 00:00 UTC)`."""
    named = {"trial_ends_at": "trial until", "canceled_at": "cancelled", "expires_at": "ends"}
    times = (f"{word} {moment(one[name])}" for name, word in named.items() if one.get(name))
    return f"{one['plan_id']} ({', '.join([one['status'], *times])})"


def _pretty(one: View) -> str:
    return json.dumps(one, ensure_ascii=False, indent=2)
