"""What to tell whoever is denied a feature: why, and which plans would give more of it."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain.billing.customizing import plan_of
from orchard.domain.catalog import BOOLEAN, Catalog, Feature, Plan
from orchard.domain.customer import SCHEDULED
from orchard.domain.decision import SPEND_LIMIT, USAGE_LIMIT
from orchard.domain.plan_eligibility import (
    DOWNGRADE,
    UPGRADE,
    Holder,
    eligibility,
    worth,
)
from orchard.domain.quantity import ZERO, total

#: The subject has something of the feature, which does not suffice; or it has nothing.
OUT_OF_BALANCE, NOT_GRANTED = "usage_limit", "feature_flag"
_ENDLESS = Decimal("Infinity")

#: What can pay for a feature, itself included, and what one unit takes of each.
type Costs = Mapping[str, Decimal]


class Lack(NamedTuple):
    """What a denied check found of the feature.

    `granted`: the subject has a source of it. `remaining` is in units of what would have paid;
    `limit` is what stood against the use, if that is known.
    """

    feature: Feature
    granted: bool
    remaining: Decimal
    limit: str | None = None


class Offer(NamedTuple):
    """A plan that would give more, and what attaching it would be for the customer."""

    plan: Plan
    scenario: str
    trial_available: bool


class Gain(NamedTuple):
    """What a plan gives of a feature at once: included, and for sale beyond; in its units."""

    included: Decimal = ZERO
    purchasable: Decimal = ZERO

    def exceeds(self, other: "Gain") -> bool:
        """Whether there is more than the other gives, in any way."""
        return self.included > other.included or self.purchasable > other.purchasable


class Texts(NamedTuple):
    """What to show to people."""

    title: str
    message: str


_NOTHING = Gain()
_ALL = Gain(_ENDLESS, _ENDLESS)


def scenario(lack: Lack) -> str:
    """Return why the feature is denied, as callers read it."""
    return OUT_OF_BALANCE if lack.granted else NOT_GRANTED


def offers(
    catalog: Catalog, costs: Costs, holder: Holder, held: Collection[str]
) -> tuple[Offer, ...]:
    """Return the plans that would give more of a feature, the cheapest first.

    `holder` has the plans that a new one may take the place of; `held` are the ids of all plans
    that count for the subject, of which only add-ons can be had once more.
    """
    found = [
        plan
        for plan in catalog.current_plans()
        if not plan.archived
        and (plan.add_on or plan.id not in held)
        and _gain(plan, catalog, costs).exceeds(_given_up(plan, catalog, costs, holder))
    ]
    ranked = sorted(found, key=lambda plan: (worth(plan), plan.created_at, plan.id))
    return tuple(_offer(plan, holder, catalog) for plan in ranked)


def texts(lack: Lack, found: Sequence[Offer]) -> Texts:
    """Return a title that says what is lacking, and a message that says what would help."""
    name = lack.feature.name
    if not lack.granted:
        return Texts(f"You do not have {name}", _helpful(found, "includes it", "include it"))
    message = _helpful(found, "gives more", "give more")
    if lack.limit in (SPEND_LIMIT, USAGE_LIMIT):
        return Texts(f"This would exceed your limit of {name}", message)
    if lack.remaining > 0:
        return Texts(f"You have not enough {name} left", message)
    return Texts(f"You have used up {name}", message)


def _helpful(found: Sequence[Offer], of_one: str, of_many: str) -> str:
    if not found:
        return f"No other plan {of_one}."
    first, others = found[0].plan.name, len(found) - 1
    if not others:
        return f"{first} {of_one}."
    return f"{first} and {others} other {'plan' if others == 1 else 'plans'} {of_many}."


def _gain(plan: Plan, catalog: Catalog, costs: Costs) -> Gain:
    gains = [
        _of_item(item, catalog.features[item["feature_id"]], costs[item["feature_id"]])
        for item in plan.items
        if item["feature_id"] in costs
    ]
    return Gain(total(one.included for one in gains), total(one.purchasable for one in gains))


def _given_up(plan: Plan, catalog: Catalog, costs: Costs, holder: Holder) -> Gain:
    """What the plan that this one takes the place of gives, in the version that is held."""
    current = holder.replaced_by(plan)
    if current is None:
        return _NOTHING
    bought = plan_of(current, catalog)
    return _NOTHING if bought is None else _gain(bought, catalog, costs)


def _of_item(item: Mapping[str, Any], feature: Feature, cost: Decimal) -> Gain:
    # Of credits that a unit takes nothing of, any amount is enough.
    if feature.type == BOOLEAN or item.get("unlimited") or not cost:
        return _ALL
    included, price = Decimal(item.get("included") or 0) / cost, item.get("price")
    if not price:
        return Gain(included)
    most = price.get("max_purchase")
    return Gain(included, _ENDLESS if most is None else Decimal(most) / cost)


def _offer(plan: Plan, holder: Holder, catalog: Catalog) -> Offer:
    view = eligibility(plan, holder, catalog)
    return Offer(plan, _scenario(view), view["trial_available"])


def _scenario(view: Mapping[str, Any]) -> str:
    if view.get("status") == SCHEDULED:
        return SCHEDULED
    if view.get("canceling"):
        return "renew"
    action: str = view["attach_action"]
    return action if action in (UPGRADE, DOWNGRADE) else "new"
