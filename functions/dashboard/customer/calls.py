"""The calls of the API that the tabs of the page of a customer are."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from dashboard import terminal
from dashboard.customer.tabs import LISTS, Place
from orchard.domain.interval import DAY_MS
from orchard.errors import Invalid

PAGE = 25
#: How far back a list goes, with the words for it; the last stands for two times of one's own.
SINCE = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "custom": "From … to"}
_DAYS = {"24h": 1, "7d": 7, "30d": 30}
#: Groups of changes: the words for each, and the actions that it has.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "balance": (
        "Balances",
        (
            *("balances.create", "balances.update", "balances.delete"),
            *("balances.recalculate", "balances.reset"),
        ),
    ),
    "customer": (
        "Customer",
        ("customers.create", "customers.update", "customers.claim", "customers.delete"),
    ),
    "plan": (
        "Plans",
        (
            *("billing.attach", "billing.update", "billing.seats", "billing.sync"),
            *("billing.unpaid", "billing.auto_topup", "plans.ended"),
            *("subscriptions.changed", "subscriptions.ended"),
        ),
    ),
    "coupon": ("Coupons and rewards", ("coupons.add", "coupons.remove", "rewards.redeem")),
    "entity": ("Entities", ("entities.create", "entities.update", "entities.delete")),
    "undo": ("Undone", ("changes.undo",)),
}
#: Who changes things.
WHO = {
    "api_key": "API key",
    "dashboard_user": "Dashboard user",
    "stripe": "Stripe",
    "job": "Job",
    "time": "Time",
}
STATES = {
    "draft": "Draft",
    "open": "Open",
    "paid": "Paid",
    "void": "Void",
    "uncollectible": "Uncollectible",
}
#: What filters can be set to, with the words for it.
WORDS = {
    "since": SINCE,
    "what": {name: word for name, (word, _actions) in GROUPS.items()},
    "who": WHO,
    "status": STATES,
}


def body(place: Place, now: int) -> dict[str, Any]:
    """Return the body of the call that lists what a tab shows. Errors: `Invalid`."""
    asked = {"customer_id": place.customer_id, "start_cursor": place.cursor, "limit": PAGE}
    asked |= _BODIES[place.tab](place, now)
    return {name: value for name, value in asked.items() if value}


def curl(place: Place, now: int) -> str:
    """Return the call that a tab equals, for a terminal; "" if what is asked for is no call."""
    if place.tab not in LISTS:
        return terminal.curl("customers.get", place.customer)
    try:
        return terminal.curl(LISTS[place.tab], body(place, now))
    except Invalid:
        return ""


def _entities(place: Place, _now: int) -> dict[str, Any]:
    return {"search": place.asks("search")}


def _invoices(place: Place, _now: int) -> dict[str, Any]:
    return {"status": [place.asks("status")] if place.asks("status") else []}


def _events(place: Place, now: int) -> dict[str, Any]:
    named, value = place.asks("property"), place.asks("value")
    return {
        "feature_id": place.asks("feature"),
        "filter_by": {named: value} if named else {},
        "custom_range": _range(place, now),
    }


def _changes(place: Place, now: int) -> dict[str, Any]:
    actor = {"type": place.asks("who"), "name": place.asks("name")}
    return {
        "feature_id": place.asks("feature"),
        "action": list(GROUPS.get(place.asks("what"), ("", ()))[1]),
        "actor": {name: value for name, value in actor.items() if value},
        "custom_range": _range(place, now),
    }


def _range(place: Place, now: int) -> dict[str, int]:
    """The times between which to look, in milliseconds; none where there is no bound."""
    days = _DAYS.get(place.asks("since"))
    if days is not None:
        return {"start": now - days * DAY_MS}
    start = _time(place.asks("from"), "From")
    end = _time(place.asks("to"), "To", is_end=True)
    if start is not None and end is not None and start > end:
        raise Invalid("The time to look from is later than the time to look to")
    bounds = {"start": start, "end": end}
    return {name: at for name, at in bounds.items() if at is not None}


def _time(text: str, called: str, *, is_end: bool = False) -> int | None:
    """The first millisecond that a text names, or the last; a day or a minute in UTC."""
    if not text:
        return None
    try:
        if len(text) == len("2026-09-30"):
            day, length = date.fromisoformat(text), timedelta(days=1)
            named = datetime.combine(day, time(), UTC)
        else:
            named, length = datetime.fromisoformat(text).replace(tzinfo=UTC), timedelta(minutes=1)
        at = (named + length) if is_end else named
        milliseconds = int(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Invalid(f"{called}: {text} is no time; 2026-09-30 is one") from None
    return max(0, milliseconds - is_end)


_BODIES = {
    "entities": _entities,
    "invoices": _invoices,
    "events": _events,
    "changes": _changes,
}
