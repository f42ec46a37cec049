"""Invoices, events and changes of a customer, as the page of a customer lists them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dashboard.customer import controls as customer_controls
from dashboard.figures import moment, money, number
from orchard.usecases.naming import Names

type View = Mapping[str, Any]
#: What is different, what it was and what it is.
type Difference = tuple[str, str, str]

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
#: What says nothing to people; it is in the details.
_INTERNAL = {"customer_plan_id"}


def invoice(one: View, names: Names) -> dict[str, Any]:
    """Return an invoice as it is listed."""
    word, color = _STATES[one["status"]]
    refunded, currency, page = one["refunded_amount"], one["currency"], one["hosted_invoice_url"]
    paid = one["amount_paid"]
    return {
        "id": one["stripe_id"],
        "number": one["number"] or "",
        "plans": [names.plan(plan_id) for plan_id in one["plan_ids"]],
        "status": word,
        "color": color,
        "total": money(one["total"], currency),
        "paid": None if paid is None or paid == one["total"] else money(paid, currency),
        "refunded": money(refunded, currency) if refunded else None,
        "refund": _refund(refunded, one["total"]),
        "created_at": one["created_at"],
        "due_at": one["due_at"],
        "page": page,
        "pdf": page.replace(_HOSTED, _PDF) if page and _HOSTED in page else None,
    }


def _refund(refunded: float, total: float) -> str:
    """How much of an invoice was paid back, in words."""
    if not refunded:
        return ""
    return "Refunded" if refunded >= total else "Partly refunded"


def event(one: View, names: Names) -> dict[str, Any]:
    """Return an event as it is listed, with all that is known of it."""
    return {
        "id": one["id"],
        "at": one["timestamp"],
        "feature": one["feature_id"],
        "called": names.feature(one["feature_id"]),
        "entity": one["entity_id"] or "",
        "value": number(one["value"]),
        "paid": [_paid(paid, one, names) for paid in one["deductions"] or ()],
        "recorded_at": one["recorded_at"],
        "idempotency_key": one["idempotency_key"] or "",
        "request_id": one["request_id"] or "",
        "json": _pretty(one),
    }


def _paid(paid: View, one: View, names: Names) -> str:
    """What one source paid for an event: `12 from Pro (Credits)`."""
    source = "a grant" if paid["plan_id"] is None else names.plan(paid["plan_id"])
    is_other = paid["feature_id"] != one["feature_id"]
    of = f" ({names.feature(paid['feature_id'])})" if is_other else ""
    return f"{number(paid['value'])} from {source}{of}"


def change(one: View, names: Names) -> dict[str, Any]:
    """Return a change as it is listed: who did what, and what was different before."""
    actor = one["actor"]
    return {
        "id": one["id"],
        "at": one["timestamp"],
        "who": " ".join(filter(None, (_WHO.get(actor["type"]), actor["name"]))) or actor["type"],
        "what": _WHAT.get(one["action"], one["action"]),
        "differences": list(_told(one, names)),
        "why": one["reason"] or "",
        "asked_by": str(one["details"].get("asked_by", "")).removeprefix("user:"),
        "reference": one["reference"] or "",
        "is_undone": one["undone_by"] is not None,
        "is_undoable": one["undoable"],
        "undone_by": one["undone_by"] or "",
        "undoes": one["undoes"] or "",
        "json": _pretty(one),
    }


def of_undo(undone: View, names: Names) -> list[Difference]:
    """Return what an undo makes of the customer and of its balances."""
    return list(_told({**undone["customer"], "balances": undone["balances"]}, names))


def _told(one: View, names: Names) -> Iterator[Difference]:
    """What a change made of the customer, then of its balances."""
    yield from _differences("", one["before"], one["after"], names)
    for balance in one["balances"]:
        where = f"{names.feature(balance['feature_id'])}: "
        if balance["entity_id"]:
            where = f"{names.feature(balance['feature_id'])} of {balance['entity_id']}: "
        before, after = dict(balance["before"]), dict(balance["after"])
        old, new = before.pop("sources"), after.pop("sources")
        told = list(_differences(where, before, after, names))
        if not told:
            for source in dict.fromkeys([*old, *new]):
                told += _differences(where, old.get(source, {}), new.get(source, {}), names)
        yield from told


def _differences(where: str, before: View, after: View, names: Names) -> Iterator[Difference]:
    """What is different, each with its name, the value before, and the value after."""
    for name in dict.fromkeys([*before, *after]):
        if name in _INTERNAL:
            continue
        if name == "entity":
            was, is_ = before.get(name) or {}, after.get(name) or {}
            yield from _differences("entity ", was, is_, names)
            continue
        old, new = (_text(name, side.get(name), names) for side in (before, after))
        if old != new:
            yield where + _CALLED.get(name, name.replace("_", " ")), old, new


def _text(name: str, value: Any, names: Names) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return moment(int(value)) if name.endswith("_at") else number(value)
    if name in _WORDS:
        return _WORDS[name](value, names)
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"


def _controls(value: View, names: Names) -> str:
    told = customer_controls.controls({"billing_controls": value}, names)
    return "; ".join(one.text if one.is_on else f"{one.text} (off)" for one in told) or "none"


def _plan(one: View, names: Names) -> str:
    """A plan as a change tells of it: `Pro (active, ends 01 Oct 2026, 00:00 UTC)`."""
    named = {"trial_ends_at": "trial until", "canceled_at": "cancelled", "expires_at": "ends"}
    times = (f"{word} {moment(one[name])}" for name, word in named.items() if one.get(name))
    return f"{names.plan(one['plan_id'])} ({', '.join([one['status'], *times])})"


#: What people call the figures of a balance.
_CALLED = {"remaining": "left", "usage": "used", "granted": "limit"}
_WORDS: dict[str, Callable[[Any, Names], str]] = {
    "plans": lambda value, names: ", ".join(_plan(one, names) for one in value),
    "billing_controls": _controls,
    "coupons": lambda value, _names: ", ".join(one["coupon"]["name"] for one in value),
    "feature_id": lambda value, names: names.feature(value),
}


def _pretty(one: View) -> str:
    return json.dumps(one, ensure_ascii=False, indent=2)
