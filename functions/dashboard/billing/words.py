"""What a change of billing does, as `billing.preview_*` tells it, in words and figures."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from dashboard.figures import money, number

type View = Mapping[str, Any]

CHECKOUT, CONFIRMED = "stripe_checkout", "autumn_checkout"


def in_words(preview: View, names: Mapping[str, str], now: int) -> dict[str, Any]:
    """Return what the preview of a form shows; `names` are those of plans, by id."""
    currency = preview["currency"]
    cycle = preview.get("next_cycle")
    return {
        "events": list(_events(preview, names, now)),
        "lines": [_line(one, currency) for one in preview["line_items"]],
        "sums": list(_sums(preview, currency)),
        "due": money(preview["total"], currency),
        "is_owed": preview["total"] != 0,
        "page": preview.get("checkout_type") or "",
        "cycle": _cycle(cycle, currency) if cycle else None,
        "refund": _refund(preview.get("refund")),
    }


def waits(preview: View, now: int) -> bool:
    """Whether all that comes, comes later."""
    coming = preview["incoming"]
    return bool(coming) and all(_is_later(one, now) for one in coming)


def _events(preview: View, names: Mapping[str, str], now: int) -> Iterable[tuple[str, int | None]]:
    """What becomes of plans, with the time if it is later: `Pro ends`."""
    coming = {one["plan_id"] for one in preview["incoming"]}
    going = {one["plan_id"] for one in preview["outgoing"] if not _is_later(one, now)}
    goes_on = preview.get("intent") == "uncancel"
    for one in preview["incoming"]:
        units = _quantities(one)
        told = names.get(one["plan_id"], one["plan_id"]) + (f" ({units})" if units else "")
        if _is_later(one, now):
            yield f"{told} begins", one["effective_at"]
        else:
            is_changed = one["plan_id"] in going
            way = "changes now" if is_changed else "goes on" if goes_on else "begins now"
            yield f"{told} {way}", None
        if one["expires_at"]:
            yield f"{told} ends", one["expires_at"]
    yield from _ends(preview["outgoing"], coming, names, now)


def _ends(
    outgoing: Iterable[View], coming: Collection[str], names: Mapping[str, str], now: int
) -> Iterable[tuple[str, int | None]]:
    for one in outgoing:
        called = names.get(one["plan_id"], one["plan_id"])
        if one["effective_at"] is None:
            yield f"{called} does not begin after all", None
        elif _is_later(one, now):
            yield f"{called} ends", one["effective_at"]
        elif one["plan_id"] not in coming:
            yield f"{called} ends now", None


def _quantities(party: View) -> str:
    units = party["feature_quantities"]
    return ", ".join(f"{number(one['quantity'])} {one['feature_id']}" for one in units)


def _is_later(party: View, now: int) -> bool:
    return party["effective_at"] is not None and party["effective_at"] > now


def _line(line: View, currency: str) -> dict[str, Any]:
    return {
        "text": line["description"],
        "amount": money(line["subtotal"], currency),
        "discounts": [
            (one.get("reward_name") or one["reward_id"], money(-one["amount_off"], currency))
            for one in line["discounts"]
        ],
    }


def _sums(preview: View, currency: str) -> Iterable[tuple[str, str]]:
    off = preview["total"] - preview["subtotal"]
    if off:
        yield "Subtotal", money(preview["subtotal"], currency)
        yield "Discounts", money(off, currency)


def _cycle(cycle: View, currency: str) -> dict[str, Any]:
    usage = dict.fromkeys(one["display_name"] for one in cycle["usage_line_items"])
    return {
        "at": cycle["starts_at"],
        "total": money(cycle["total"], currency),
        "usage": ", ".join(usage),
        "lines": [_line(one, currency) for one in cycle["line_items"]],
    }


def _refund(refund: View | None) -> str:
    if refund is None:
        return ""
    invoice = refund["invoice"]
    amount, total = (
        money(one, invoice["currency"]) for one in (refund["amount"], invoice["total"])
    )
    return f"{amount} of {total} (invoice {invoice['stripe_id']})"
