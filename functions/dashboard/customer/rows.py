"""The rows of the customers list, and what is said below them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dashboard.customers.listing import Filters
from dashboard.figures import number
from dashboard.frame.visits import HOME
from orchard.domain.customer import CANCELLING, PAST_DUE, SCHEDULED, TRIAL, CustomerPlan
from orchard.domain.summary import Summary
from orchard.usecases.directory import Choices, Found, Held, Row

#: What is said of a plan first, and its colour.
_WORDS = (
    (PAST_DUE, "Past due", "red"),
    (SCHEDULED, "Scheduled", "azure"),
    (CANCELLING, "Cancelling", "orange"),
    (TRIAL, "Trial", "purple"),
)
#: From which share used on a bar has which colour.
_LEVELS = ((0.9, "red"), (0.75, "orange"), (0.5, "yellow"), (0.0, "green"))


def shown(found: Found, filters: Filters, choices: Choices, now: int) -> dict[str, Any]:
    """Return a page as its template takes it."""
    return {
        "rows": [_row(one, filters, choices, now) for one in found.rows],
        "following": filters.after(found.following) if found.following else "",
        "previous": filters.ahead(found.previous) if found.previous else "",
        "looked_at": found.looked_at,
    }


def _row(one: Row, filters: Filters, choices: Choices, now: int) -> dict[str, Any]:
    customer = one.customer
    return {
        "id": customer.id or "",
        "address": f"{HOME}/{quote(customer.hot_id, safe='')}",
        "name": customer.name or "",
        "email": customer.email or "",
        "called": customer.name or customer.id or customer.email or customer.internal_id,
        "created_at": customer.created_at,
        "is_going": customer.deleting_since is not None,
        "products": [_product(plan, choices.plans, now) for plan in one.plans],
        "more": one.more,
        "cells": [_cell(name, one.held[name], choices.features) for name in filters.shown],
    }


def _product(plan: CustomerPlan, names: Mapping[str, str], now: int) -> dict[str, str]:
    word, color = _status(plan, now)
    return {"name": names.get(plan.plan_id, plan.plan_id), "status": word, "color": color}


def _status(plan: CustomerPlan, now: int) -> tuple[str, str]:
    if plan.one_off:
        return "Bought", "secondary"
    statuses = plan.statuses(now)
    said = ((word, color) for status, word, color in _WORDS if status in statuses)
    return next(said, ("Active", "green"))


def _cell(feature_id: str, held: Held, names: Mapping[str, str]) -> dict[str, Any]:
    told = {"name": names.get(feature_id, feature_id), "at_entities": held.at_entities}
    balance = held.balance
    if balance is None:
        return {**told, "has": False}
    beyond = balance.usage - balance.granted
    return {
        **told,
        "has": True,
        "unlimited": balance.unlimited,
        "used": number(balance.usage),
        "left": number(balance.remaining),
        "limit": number(balance.granted),
        "over": number(beyond) if beyond > 0 and balance.remaining <= 0 else "",
        "bar": _bar(balance),
    }


def _bar(balance: Summary) -> dict[str, Any] | None:
    """The share that is used; None where there is no limit to compare with."""
    if balance.unlimited or balance.granted <= 0:
        return None
    share = min(max(float(balance.usage / balance.granted), 0), 1)
    color = next(color for least, color in _LEVELS if share >= least)
    return {"percent": round(share * 100), "color": color}
