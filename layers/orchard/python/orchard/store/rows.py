"""Rows and billing controls as parts of a balance item: without what has its usual value."""

from decimal import Decimal
from typing import Any

from orchard.domain.holding import (
    NO_CONTROLS,
    Alert,
    Controls,
    SpendLimit,
    UsageLimit,
)
from orchard.domain.row import Rollover, RolloverRule, Row, Rows, Unbilled, Withheld
from orchard.store.statements import Item

_WHOLE = {
    *("created_at", "interval_count", "next_reset_at", "resets"),
    *("expires_at", "ends_at", "trial_ends_at"),
}
_LIMIT_TIMES = {"resets_at", "anchor_at"}
_DEFAULTS = Row._field_defaults


def dump(rows: Rows) -> list[Item]:
    """Return rows in the form in which an item holds them."""
    return [_row_to_item(row) for row in rows]


def load(items: list[Item]) -> Rows:
    """Return rows from the form in which an item holds them."""
    return tuple(_row_from_item(item) for item in items)


def fields(item: Item) -> dict[str, Any]:
    """Return the fields of a row that an item holds, be it all of them or a few."""
    found: dict[str, Any] = {
        name: int(value) if name in _WHOLE and value is not None else value
        for name, value in item.items()
    }
    rule = found.get("rollover")
    if rule is not None:
        months = None if rule["months"] is None else int(rule["months"])
        found["rollover"] = RolloverRule(rule["max"], rule["max_percentage"], months)
    if "rollovers" in found:
        found["rollovers"] = tuple(_rollover(one) for one in found["rollovers"])
    if "withheld" in found:
        found["withheld"] = tuple(_withheld(one) for one in found["withheld"])
    if "unbilled" in found:
        found["unbilled"] = tuple(_unbilled(one) for one in found["unbilled"])
    return found


def dump_controls(controls: Controls) -> Item:
    """Return controls in the form in which an item holds them; empty where nothing is set."""
    item: Item = {}
    if controls.overage_allowed is not None:
        item["overage_allowed"] = controls.overage_allowed
    if controls.spend_limit is not None:
        item["spend_limit"] = controls.spend_limit._asdict()
    if controls.usage_limits:
        item["usage_limits"] = [_limit_to_item(limit) for limit in controls.usage_limits]
    if controls.alerts:
        item["alerts"] = [alert._asdict() for alert in controls.alerts]
    if controls.top_up is not None:
        item["top_up"] = controls.top_up
    return item


def load_controls(item: Item | None) -> Controls:
    """Return controls from the form in which an item holds them."""
    if not item:
        return NO_CONTROLS
    spend = item.get("spend_limit")
    return Controls(
        overage_allowed=item.get("overage_allowed"),
        spend_limit=None if spend is None else SpendLimit(**spend),
        usage_limits=tuple(_limit_from_item(limit) for limit in item.get("usage_limits", ())),
        alerts=tuple(Alert(**alert) for alert in item.get("alerts", ())),
        top_up=item.get("top_up"),
    )


def _limit_to_item(limit: UsageLimit) -> Item:
    return {**limit._asdict(), "filter": [list(pair) for pair in limit.filter]}


def _limit_from_item(item: Item) -> UsageLimit:
    fields: dict[str, Any] = {
        name: int(value) if name in _LIMIT_TIMES and value is not None else value
        for name, value in item.items()
    }
    fields["filter"] = tuple((name, text) for name, text in item["filter"])
    return UsageLimit(**fields)


def _row_to_item(row: Row) -> Item:
    fields = {
        name: value
        for name, value in row._asdict().items()
        if value != _DEFAULTS.get(name, _DEFAULTS)
    }
    if row.rollover is not None:
        fields["rollover"] = row.rollover._asdict()
    if row.rollovers:
        fields["rollovers"] = [rollover._asdict() for rollover in row.rollovers]
    if row.withheld:
        fields["withheld"] = [one._asdict() for one in row.withheld]
    if row.unbilled:
        fields["unbilled"] = [one._asdict() for one in row.unbilled]
    return fields


def _row_from_item(item: Item) -> Row:
    return Row(**fields(item))


def _rollover(item: Item) -> Rollover:
    expires_at = None if item["expires_at"] is None else int(item["expires_at"])
    balance: Decimal = item["balance"]
    return Rollover(item["id"], balance, item["usage"], expires_at)


def _withheld(item: Item) -> Withheld:
    return Withheld(item["id"], item["amount"], int(item["starts_at"]), int(item["ends_at"]))


def _unbilled(item: Item) -> Unbilled:
    end, invoice, price = int(item["period_end"]), item.get("invoice"), item.get("price")
    return Unbilled(end, item["quantity"], invoice, price)
