"""Prepaid units that change: which count at once, and which wait for the next cycle."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import amendment
from orchard.domain.billing import quantities
from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.interval import ONE_OFF
from orchard.errors import Invalid

type Quantities = Mapping[str, Decimal]

#: What an item says about when a change is billed: with the next invoice, in part or whole.
_PRORATED_LATER, _WHOLE_LATER = "prorate_next_cycle", "bill_next_cycle"
_NO_CREDIT = ("none", "no_prorations")


class Portions(NamedTuple):
    """The units of a plan from now on, and those that another number follows in the next cycle.

    Of the features `prorated` and `whole` the change is billed with the next invoice: for the rest
    of the cycle, or as for a whole one.
    """

    now: Quantities
    upcoming: Quantities
    prorated: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

    @property
    def coming(self) -> Quantities:
        """The units of the next cycle."""
        return {**self.now, **self.upcoming}


def portions(
    held: CustomerPlan, after: Plan, asked: Quantities, *, may_wait: bool = True
) -> Portions:
    """Return what becomes of the units of a plan when so many are asked for of some features.

    Unless something `may_wait`, all is at once. Errors: `InvalidInputs`, `Invalid` for units that
    the plan does not sell, and for fewer of what is bought once.
    """
    present = amendment.wanted_quantities(held, after, {})
    wanted = {**amendment.wanted_quantities(held, after, asked), **_announced(held, present, asked)}
    later: dict[str, set[str]] = {}
    for item in quantities.prepaid_items(after):
        name = item["feature_id"]
        had = held.quantities.get(name, present[name])
        if wanted[name] < had and item["price"]["interval"] == ONE_OFF:
            raise Invalid(f"Units of feature {name} are bought for good: there can't be fewer")
        if wanted[name] != had and may_wait:
            later.setdefault(_manner(item, is_more=wanted[name] > had), set()).add(name)
    waiting = later.get("upcoming", set())
    return Portions(
        now={name: present[name] if name in waiting else units for name, units in wanted.items()},
        upcoming={name: units for name, units in wanted.items() if name in waiting},
        prorated=frozenset(later.get("prorated", ())),
        whole=frozenset(later.get("whole", ())),
    )


def _announced(held: CustomerPlan, present: Quantities, asked: Quantities) -> dict[str, Decimal]:
    """The fewer units that the next cycle was to have already."""
    return {
        name: units
        for name, units in held.upcoming_quantities.items()
        if name in present and name not in asked
    }


def _manner(item: Mapping[str, Any], *, is_more: bool) -> str:
    set_so = item.get("proration") or {}
    if item["price"]["interval"] == ONE_OFF:
        return "at once"
    how = set_so.get("on_increase" if is_more else "on_decrease")
    if not is_more and how in _NO_CREDIT:
        return "upcoming"
    return {_PRORATED_LATER: "prorated", _WHOLE_LATER: "whole"}.get(str(how), "at once")
