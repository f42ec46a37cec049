"""The rows of a form that make a plan another one for this customer: its price and its items."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from dashboard import forms
from dashboard.billing.plan_rows import (
    PARTS,
    PRICES,
    Row,
    edited,
    every,
    first_of,
    parts_of,
    with_choice,
)
from dashboard.figures import number
from orchard.errors import Conflict, InvalidInputs

type View = Mapping[str, Any]

#: So many rows are there for items that the plan does not have.
NEW = 2
_PRICE = ("price", "price_every")


class Overtaken(Conflict):
    """The plan was changed since the form was opened; `fresh` are the fields as it is now."""

    def __init__(self, fresh: Mapping[str, str]) -> None:
        super().__init__(
            "The plan was changed while you were here. What follows is how it is now: look again,"
            " then go on"
        )
        self.fresh = fresh


def names(plan: View) -> list[str]:
    """Return the names of the fields for a plan."""
    rows = range(len(plan["items"]) + NEW)
    return ["base", *_PRICE, *(f"row{row}_{part}" for row in rows for part in PARTS)]


def first(plan: View) -> dict[str, str]:
    """Return the fields as they are opened: the plan as it is."""
    values = {"base": digest(plan), **_first_price(plan)}
    for place in range(len(plan["items"]) + NEW):
        row = _item_row(plan, place)
        values |= {f"row{place}_{part}": text for part, text in row.items()}
    return values


def rows(plan: View, features: View, values: View) -> list[Row]:
    """Return the rows as they are shown."""
    shown = []
    for place in range(len(plan["items"]) + NEW):
        item = plan["items"][place] if place < len(plan["items"]) else None
        shown.append(Row.of(f"row{place}", item, features, values))
    return shown


def intervals(plan: View) -> View:
    """Return the choices of how often the base price is billed."""
    return with_choice(PRICES, _first_price(plan)["price_every"])


def digest(plan: View) -> str:
    """Return what tells whether a plan is still the one that the form was opened on."""
    told = json.dumps([plan["version"], plan["price"], plan["items"]], default=str, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def is_touched(plan: View, values: View) -> bool:
    """Whether anything differs from the plan as it is."""
    before = first(plan)
    return any(values[name] != before[name] for name in names(plan) if name != "base")


def customize(plan: View, features: View, values: View) -> dict[str, Any]:
    """Return what is to be different, as `customize` of the API; empty if nothing is.

    Errors: `InvalidInputs`, beside the field; `Overtaken`.
    """
    if values["base"] != digest(plan):
        raise Overtaken(first(plan))
    given: dict[str, Any] = {}
    if {name: values[name] for name in _PRICE} != _first_price(plan):
        given["price"] = _price(values)
    items = list(_items(plan, features, values))
    if items != [parts_of(item) for item in plan["items"]]:
        given["items"] = items
    return given


def sold_ahead(plan: View, values: View) -> dict[str, str]:
    """Return the features that are bought in advance, with the field that says how many.

    "" where no row says it.
    """
    found: dict[str, str] = {}
    for place in range(len(plan["items"]) + NEW):
        prefix = f"row{place}"
        typed = {part: values[f"{prefix}_{part}"] for part in PARTS}
        feature_id = typed["feature"] or _feature_id(plan, place)
        if feature_id and typed["way"] == "prepaid" and not typed["drop"]:
            found[feature_id] = f"{prefix}_quantity" if typed["quantity"] else ""
    return found


def explained(error: InvalidInputs, given: View, features: View) -> str:
    """Return a refusal of the API with the item named that it is about."""
    where, _, told = error.message.partition(": ")
    parts = where.split(".")
    if parts[:2] != ["customize", "items"] or len(parts) < 3 or not parts[2].isdigit():
        return error.message.removeprefix("customize.")
    items = given.get("items") or []
    place = int(parts[2])
    if place >= len(items):
        return error.message
    feature_id = items[place]["feature_id"]
    called = features.get(feature_id, {"name": feature_id})["name"]
    return ": ".join(filter(None, (str(called), " ".join(parts[3:]), told)))


def _items(plan: View, features: View, values: View) -> Iterable[dict[str, Any]]:
    for place in range(len(plan["items"]) + NEW):
        prefix = f"row{place}"
        typed = {part: values[f"{prefix}_{part}"] for part in PARTS}
        before = plan["items"][place] if place < len(plan["items"]) else None
        if typed["drop"] or (before is None and not typed["feature"]):
            continue
        if before is not None and _same(typed, first_of(before)):
            yield parts_of(before)
            continue
        feature_id = typed["feature"] if before is None else before["feature_id"]
        if feature_id not in features:
            raise InvalidInputs(f"{prefix}_feature: there is no feature {feature_id}")
        kept = parts_of(before) if before is not None else {"feature_id": feature_id}
        yield edited(prefix, kept, typed, features[feature_id])


def _same(typed: View, before: View) -> bool:
    return all(typed[part] == before[part] for part in before if part != "quantity")


def _item_row(plan: View, place: int) -> dict[str, str]:
    if place < len(plan["items"]):
        return first_of(plan["items"][place])
    return first_of(None)


def _feature_id(plan: View, place: int) -> str:
    return str(plan["items"][place]["feature_id"]) if place < len(plan["items"]) else ""


def _first_price(plan: View) -> dict[str, str]:
    price = plan["price"]
    if price is None:
        return {"price": "", "price_every": "month:1"}
    return {"price": number(price["amount"]).replace(",", ""), "price_every": every(price)}


def _price(values: View) -> dict[str, Any] | None:
    if not values["price"]:
        return None
    interval, _, count = values["price_every"].partition(":")
    amount = forms.number(values["price"], "price")
    return {"amount": amount, "interval": interval, "interval_count": int(count or 1)}
