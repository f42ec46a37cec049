"""Texts that show a plan to people: what an item gives, what it costs."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchard.domain.catalog import BOOLEAN, Feature
from orchard.domain.interval import ONE_OFF
from orchard.domain.quantity import ZERO

_INTERVALS = {"semi_annual": "half year"}


def price(base: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of a base price: `$20`, `per month`."""
    texts = {"primary_text": money(Decimal(base["amount"]))}
    return {**texts, "secondary_text": _per(base["interval"], int(base.get("interval_count", 1)))}


def item(one: Mapping[str, Any], feature: Feature) -> dict[str, str]:
    """Return the texts of an item: `2 Seats`, `then $10 per seat`."""
    included = Decimal(one["included"])
    if feature.type == BOOLEAN:
        return {"primary_text": _capital(feature.name)}
    if one["unlimited"]:
        return {"primary_text": f"Unlimited {_called(feature, 2)}"}
    granted = f"{_number(included)} {_capital(_called(feature, included))}"
    cost = one.get("price")
    if cost is None:
        return {"primary_text": granted if included else _capital(_called(feature, 2))}
    amount, per = _amount(cost), f"per {_unit(cost, feature)}"
    if included:
        return {"primary_text": granted, "secondary_text": f"then {amount} {per}"}
    return {"primary_text": amount, "secondary_text": per}


def counted(feature: Feature, quantity: Decimal) -> str:
    """Return so many units in words: `1,500 API calls`."""
    return f"{_number(quantity)} {_called(feature, quantity)}"


def money(amount: Decimal) -> str:
    """Return an amount in the main currency: `$20`, `$0.10`, `$0.005`."""
    if amount == amount.to_integral_value():
        return f"${amount:,.0f}"
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"${amount:,.{places}f}"


def _per(interval: str, count: int) -> str:
    if interval == ONE_OFF:
        return "one-off"
    name = _INTERVALS.get(interval, interval)
    return f"per {name}" if count == 1 else f"per {count} {name}s"


def _amount(cost: Mapping[str, Any]) -> str:
    """The price of a unit; of tiers, those of the first and the last, or their fees alone."""
    if "amount" in cost:
        return money(Decimal(cost["amount"]))
    tiers = cost["tiers"]
    priced = "amount" if any(tier["amount"] for tier in tiers) else "flat_amount"
    ends = [money(Decimal(tier.get(priced) or ZERO)) for tier in (tiers[0], tiers[-1])]
    return ends[0] if len(tiers) == 1 or ends[0] == ends[1] else " - ".join(ends)


def _unit(cost: Mapping[str, Any], feature: Feature) -> str:
    units = Decimal(cost.get("billing_units", 1))
    name = _called(feature, units)
    return name if units == 1 else f"{_number(units)} {name}"


def _called(feature: Feature, units: Decimal | int) -> str:
    """What so many units are called, from the feature's own texts or else from its name."""
    display = feature.settings.get("display") or {}
    given = display.get("singular" if units == 1 else "plural")
    if given:
        return str(given)
    first, *rest = feature.name.split(" ")
    name = " ".join([first if first.isupper() else first[:1].lower() + first[1:], *rest])
    return _singular(name) if units == 1 else name


def _singular(name: str) -> str:
    if name.endswith("ies") and len(name) > 4:
        return name.removesuffix("ies") + "y"
    return name.removesuffix("s") if not name.endswith("ss") else name


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: Decimal) -> str:
    return f"{value:,.0f}" if value == value.to_integral_value() else f"{value.normalize():,f}"
