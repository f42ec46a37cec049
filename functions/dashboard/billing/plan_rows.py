"""One item of a plan as a row of a form: what of it can be edited, and what comes of it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from dashboard import forms
from dashboard.figures import number, rhythm
from orchard.errors import InvalidInputs
from orchard.triggers import http

type View = Mapping[str, Any]

#: What is typed for an item without a limit.
INCLUDED_ALL = "unlimited"
NEVER = ""
RESETS = {
    NEVER: "Never, or with the price",
    "hour:1": "Every hour",
    "day:1": "Every day",
    "week:1": "Every week",
    "month:1": "Every month",
    "quarter:1": "Every quarter",
    "semi_annual:1": "Every half year",
    "year:1": "Every year",
}
PRICES = {
    "week:1": "a week",
    "month:1": "a month",
    "quarter:1": "a quarter",
    "semi_annual:1": "half a year",
    "year:1": "a year",
    "one_off:1": "once",
}
WAYS = {"": "No price", "prepaid": "Bought in advance", "usage_based": "Paid by use"}
#: The fields of a row.
PARTS = ("drop", "feature", "included", "reset", "way", "amount", "units", "every", "quantity")
_BOOLEAN = "boolean"


class Row(NamedTuple):
    """A row as it is shown: `name` begins the names of its fields."""

    name: str
    #: What it is about; "" for a row that is still free.
    feature: str
    is_flag: bool
    resets: Mapping[str, str]
    intervals: Mapping[str, str]
    #: The words for a price by tiers.
    tiers: str
    dropped: bool

    @classmethod
    def of(cls, name: str, item: View | None, features: View, values: View) -> Self:
        """Return the row for an item of the plan; None: for a new one."""
        reset, cost = values[f"{name}_reset"], values[f"{name}_every"]
        known = features.get(item["feature_id"] if item else "", {})
        return cls(
            name=name,
            feature=known.get("name", item["feature_id"]) if item else "",
            is_flag=known.get("type") == _BOOLEAN,
            resets=with_choice(RESETS, reset),
            intervals=with_choice(PRICES, cost),
            tiers=_tiers(item),
            dropped=bool(values[f"{name}_drop"]),
        )


def first_of(item: View | None) -> dict[str, str]:
    """Return the fields of an item as it is; None: of a row that is still free."""
    blank = dict.fromkeys(PARTS, "") | {"reset": "month:1", "units": "1", "every": "month:1"}
    if item is None:
        return blank
    price = item["price"]
    values = blank | {
        "included": INCLUDED_ALL if item["unlimited"] else _typed(item["included"]),
        "reset": every(item["reset"]) if item["reset"] else NEVER,
    }
    if price is None:
        return values
    return values | {
        "way": price["billing_method"],
        "amount": _typed(price["amount"]) if "amount" in price else "",
        "units": _typed(price.get("billing_units", 1)),
        "every": every(price),
    }


def every(rhythmic: View) -> str:
    """Return how often something recurs, as a choice has it: `month:3`."""
    if rhythmic["interval"] == "one_off" and "billing_method" not in rhythmic:
        return "one_off:1" if "amount" in rhythmic else NEVER
    return f"{rhythmic['interval']}:{int(rhythmic.get('interval_count', 1))}"


def parts_of(item: View) -> dict[str, Any]:
    """Return an item as requests have it, its numbers exact."""
    sent = {name: value for name, value in item.items() if name != "display" and value is not None}
    exact: dict[str, Any] = http.json_value(json.dumps(sent).encode())
    return exact


def edited(prefix: str, before: View, typed: View, feature: View) -> dict[str, Any]:
    """Return an item with what was typed in it. Errors: `InvalidInputs`, beside the field."""
    item = dict(before)
    if feature["type"] == _BOOLEAN:
        return item
    is_all = typed["included"].casefold() == INCLUDED_ALL
    item["unlimited"] = is_all
    included = "0" if is_all or not typed["included"] else typed["included"]
    item["included"] = forms.number(included, f"{prefix}_included")
    _reset(item, typed, feature)
    price = _price(prefix, item.get("price") or {}, typed) if typed["way"] else None
    item["price"] = price
    if price is None:
        item.pop("proration", None)
    return {name: value for name, value in item.items() if value is not None}


def _reset(item: dict[str, Any], typed: View, feature: View) -> None:
    interval, _, count = typed["reset"].partition(":")
    before = item.get("reset")
    if before and every(before) == typed["reset"]:
        return
    lasts = feature["type"] == "metered" and not feature["consumable"]
    if not interval or lasts:
        item["reset"] = None
        item.pop("rollover", None)
    else:
        item["reset"] = {"interval": interval, "interval_count": int(count or 1)}


def _price(prefix: str, before: View, typed: View) -> dict[str, Any]:
    interval, _, count = typed["every"].partition(":")
    price = dict(before) | {
        "billing_method": typed["way"],
        "interval": interval,
        "interval_count": int(count or 1),
        "billing_units": forms.number(typed["units"] or "1", f"{prefix}_units"),
    }
    if typed["amount"]:
        amount = forms.number(typed["amount"], f"{prefix}_amount")
        if price.get("amount") != amount:
            # What it costs in other currencies was meant for the former price.
            for name in ("tiers", "tier_behavior", "additional_currencies"):
                price.pop(name, None)
        price["amount"] = amount
    elif "tiers" not in price:
        raise InvalidInputs(f"{prefix}_amount: type what it costs, or choose no price")
    return price


def _typed(value: float) -> str:
    return number(value).replace(",", "")


def with_choice(choices: Mapping[str, str], chosen: str) -> Mapping[str, str]:
    """Return choices, and one that is none of them but holds today."""
    interval, _, count = chosen.partition(":")
    if chosen in choices or not count.isdigit():
        return choices
    words = rhythm({"interval": interval, "interval_count": int(count)})
    return {**choices, chosen: words.capitalize() if NEVER in choices else words}


def _tiers(item: View | None) -> str:
    price = (item or {}).get("price") or {}
    if "tiers" not in price:
        return ""
    display = (item or {}).get("display", {})
    return f"{display.get('primary_text', '')} {display.get('secondary_text', '')}".strip()
