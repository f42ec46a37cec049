"""Which plans may be: how items, prices and trial go together, and who comes by itself."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from orchard.domain.catalog import Catalog, Plan
from orchard.domain.interval import MONTHS, ONE_OFF
from orchard.domain.plan_items import PREPAID
from orchard.errors import Invalid, InvalidInputs


def check(plan: Plan) -> None:
    """Require that the parts of a plan go together. Errors: `InvalidInputs`, `Invalid`."""
    _check_repetition(plan.items)
    _check_packs(plan.items)
    intervals = {price["interval"] for price in prices(plan)}
    if "week" in intervals and intervals & MONTHS.keys():
        raise InvalidInputs("A plan cannot have both weekly and monthly prices")
    if plan.free_trial is not None and intervals == {ONE_OFF}:
        raise Invalid("One-off products cannot have a free trial")
    if plan.auto_enable and not plan.is_free and not _has_open_trial(plan):
        raise Invalid("Cannot make a plan auto-enable if it has prices on it.")


def check_default(plan: Plan, catalog: Catalog, *, instead_of: str) -> None:
    """Require that no other plan of the group comes by itself: one free plan, one on trial.

    `instead_of` is the id the plan had before. Errors: `Invalid`.
    """
    if not plan.auto_enable or plan.archived:
        return
    for other in catalog.current_plans():
        rival = other.auto_enable and not other.archived and other.group == plan.group
        if rival and other.id != instead_of and _is_paid(other) == _is_paid(plan):
            raise Invalid(
                f"You have another default product ({other.id}): end its auto_enable first"
            )


def prices(plan: Plan) -> Iterator[Mapping[str, Any]]:
    """Yield the base price of a plan and the prices of its items."""
    if plan.price is not None:
        yield plan.price
    yield from (item["price"] for item in plan.items if item.get("price"))


def is_one_off(plan: Plan) -> bool:
    """Whether a plan has prices and all of them are paid once."""
    return {price["interval"] for price in prices(plan)} == {ONE_OFF}


def _has_open_trial(plan: Plan) -> bool:
    return plan.free_trial is not None and not plan.free_trial["card_required"]


def _is_paid(plan: Plan) -> bool:
    return not plan.is_free


def _check_packs(items: Iterable[Mapping[str, Any]]) -> None:
    for item in items:
        price = item.get("price") or {}
        size = Decimal(price.get("billing_units") or 1)
        if price.get("billing_method") == PREPAID and Decimal(item["included"]) % size:
            raise InvalidInputs(
                f"items: feature {item['feature_id']} is sold in packs of {size:f}: included has "
                "to be a multiple of that"
            )


def _check_repetition(items: Iterable[Mapping[str, Any]]) -> None:
    seen = set()
    for item in items:
        reset, price = item.get("reset") or {}, item.get("price") or {}
        key = (
            item["feature_id"],
            reset.get("interval", price.get("interval", ONE_OFF)),
            int(reset.get("interval_count", price.get("interval_count", 1))),
            price.get("billing_method"),
            item.get("entity_feature_id"),
        )
        if key in seen:
            raise InvalidInputs(
                f"items: feature {item['feature_id']} is listed twice with the same interval"
            )
        seen.add(key)
