"""What limits a customer, warns of it or buys more, in words."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dashboard.figures import number
from orchard.usecases.naming import Names

type View = Mapping[str, Any]


class Control(NamedTuple):
    """One control: what it is, what it says, whether it is on, who set it."""

    kind: str
    text: str
    is_on: bool
    by: str


def controls(customer: View, names: Names) -> list[Control]:
    """Return the controls of a customer, those of its plans among them."""
    held = customer["billing_controls"]
    return [
        Control(kind, in_words(entry, names), _is_on(name, entry), _by(entry))
        for name, (kind, in_words) in _KINDS.items()
        for entry in held.get(name) or ()
    ]


def _is_on(name: str, entry: View) -> bool:
    # What may be used beyond a balance is told in the words for it.
    return name == "overage_allowed" or bool(entry.get("enabled", True))


def _by(entry: View) -> str:
    return "by a plan" if entry.get("source") == "plan" else "for this customer"


def _of(entry: View, names: Names) -> str:
    feature_id = entry.get("feature_id")
    return "Every feature" if feature_id is None else names.feature(feature_id)


def _spend(entry: View, names: Names) -> str:
    limit, of = entry.get("overage_limit"), _of(entry, names)
    unit = " % of what is granted" if entry.get("limit_type") == "usage_percentage" else ""
    told = [] if limit is None else [f"at most {number(limit)}{unit} beyond the balance"]
    if entry.get("skip_overage_billing"):
        told.append("what is used beyond it is not billed")
    return f"{of}: {'; '.join(told) or 'no limit beyond the balance'}"


def _usage(entry: View, names: Names) -> str:
    used = entry.get("usage")
    so_far = "" if used is None else f", {number(used)} used so far"
    return (
        f"{_of(entry, names)}: at most {number(entry['limit'])} each {entry['interval']}"
        f"{_only_where(entry)}{so_far}"
    )


def _only_where(entry: View) -> str:
    """Which events count: `, where model is small`."""
    wanted = (entry.get("filter") or {}).get("properties") or {}
    told = " and ".join(f"{name} is {value}" for name, value in wanted.items())
    return f", where {told}" if told else ""


def _alert(entry: View, names: Names) -> str:
    kind, _, share = entry["threshold_type"].partition("_")
    amount = f"{number(entry['threshold'])}{' %' if share else ''}"
    what = "use reaches" if kind == "usage" else "what is left falls to"
    called = f" ({entry['name']})" if entry.get("name") else ""
    return f"{_of(entry, names)}: tells when {what} {amount}{called}"


def _overage(entry: View, names: Names) -> str:
    may = "may" if entry["enabled"] else "may not"
    return f"{_of(entry, names)} {may} be used beyond its balance"


def _top_up(entry: View, names: Names) -> str:
    more, left = number(entry["quantity"]), number(entry["threshold"])
    told = [f"{_of(entry, names)}: buys {more} more when {left} are left"]
    told += _most(entry.get("purchase_limit"))
    told += ["by invoice"] if entry.get("invoice_mode") else []
    return ", ".join(told)


def _most(limit: View | None) -> Iterator[str]:
    """How often at most: `at most 5 times a month`."""
    if limit is None:
        return
    times = "once" if limit["limit"] == 1 else f"{number(limit['limit'])} times"
    count, unit = limit.get("interval_count") or 1, limit["interval"]
    span = f"in a {unit}" if count == 1 else f"in {number(count)} {unit}s"
    yield f"at most {times} {span.replace('a hour', 'an hour')}"


_KINDS = {
    "spend_limits": ("Spend limit", _spend),
    "usage_limits": ("Usage limit", _usage),
    "overage_allowed": ("Beyond the balance", _overage),
    "usage_alerts": ("Alert", _alert),
    "auto_topups": ("Automatic top-up", _top_up),
}
