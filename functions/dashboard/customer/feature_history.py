"""What became of a balance over time, as the page of a feature lists it under its graph."""

from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.customer.tabs import Place
from dashboard.figures import number

type View = Mapping[str, Any]

#: What stands where there is no number.
_NONE = "\N{EN DASH}"

#: The words for marks, and which of the four kinds of lines they are in the graph.
_MARKS = {
    "reset": ("Reset", "reset"),
    "expiry": ("Expired", "reset"),
    "edit": ("Edit", "edit"),
    "edit_end": ("Edit ended", "edit"),
    "recalculate": ("Recalculated", "edit"),
    "undo": ("Undone", "edit"),
    "grant": ("Grant", "grant"),
    "delete": ("Balance deleted", "grant"),
    "plan_change": ("Plan change", "plan"),
    "entity_change": ("Entity change", "plan"),
}
_WHO = {"stripe": "Stripe", "api_key": "API key", "job": "Job"}
_FIGURES = {"granted": "limit", "remaining": "left", "usage": "used"}


def bars(found: View) -> list[dict[str, Any]]:
    """Return the bins, the newest first: as numbers for the graph and as words for the table."""
    return [_bar(one, found["start"]) for one in reversed(found["list"])]


def marks(found: View, place: Place) -> list[dict[str, Any]]:
    """Return what changed the balance, the newest first."""
    return [_mark(one, place) for one in reversed(found["marks"])]


def summary(found: View) -> dict[str, Any]:
    """Return what there is to see at all, for the head of the graph."""
    rows = found["list"]
    used = sum(one["used"] or 0 for one in rows)
    return {
        "used": number(round(used, 12)),
        "is_used": any(one["used"] for one in rows),
        "is_known": any(one["remaining"] is not None for one in rows),
        "is_unlimited": bool(rows) and bool(rows[-1]["unlimited"]),
    }


def _bar(one: View, start: int) -> dict[str, Any]:
    limited = one["remaining"] is not None and not one["unlimited"]
    return {
        "at": max(one["period"], start),
        "period": one["period"],
        "until": one["until"],
        "used": one["used"],
        "left": one["remaining"] if limited else None,
        "limit": one["granted"] if limited else None,
        "used_text": _NONE if one["used"] is None else number(one["used"]),
        "left_text": _text(one, "remaining"),
        "limit_text": _text(one, "granted"),
    }


def _text(one: View, name: str) -> str:
    if one[name] is None:
        return _NONE
    return "Unlimited" if one["unlimited"] else number(one[name])


def _mark(one: View, place: Place) -> dict[str, Any]:
    kind = one["type"]
    word, line = _MARKS.get(kind, (kind.replace("_", " ").capitalize(), "plan"))
    actor = one["actor"]
    # What time did, nobody did.
    by_itself = actor["type"] == "time"
    who = "" if by_itself else " ".join(filter(None, (_WHO.get(actor["type"]), actor["name"])))
    return {
        "at": one["timestamp"],
        "what": word,
        "line": line,
        "who": who,
        "entity": one["entity_id"] or "",
        "why": one["reason"] or "",
        "reference": one["reference"] or "",
        "differences": list(_differences(one["before"], one["after"])),
        "address": place.to("changes", change=one["change_id"]),
    }


def _differences(before: View, after: View) -> Iterator[tuple[str, str, str]]:
    """What the change made of the limit, of what was left and of what was used."""
    for name, word in _FIGURES.items():
        if name in before or name in after:
            old, new = (number(side.get(name, 0)) for side in (before, after))
            yield word, old, new
