"""Rewards: coupons, which Stripe takes off invoices, and grants of features, redeemed by a code.

Money in major units of the organisation's currency, times in UTC milliseconds.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import interval, plan_rules
from orchard.domain.billing import stripe_prices
from orchard.domain.billing.coupons import FOREVER, ONCE, REPEATING, Coupon
from orchard.domain.billing.lines import Sale
from orchard.domain.billing.stripe_prices import ProductSpec
from orchard.domain.catalog import Catalog
from orchard.errors import Invalid, NotFound, PlanNotFound

PERCENTAGE, FIXED = "percentage_discount", "fixed_discount"
ONE_OFF, MONTHS = "one_off", "months"
#: Says at Stripe which of the rewards of one id an object belongs to.
CREATED = "orchard_reward_created"
_DURATIONS = {ONE_OFF: ONCE, MONTHS: REPEATING, "forever": FOREVER}


class RewardNotFound(NotFound):
    """There is no such reward."""

    code = "reward_not_found"

    def __init__(self, named: str) -> None:
        super().__init__(f"Reward {named} not found")


class Code(NamedTuple):
    """A word for a reward, good for so many uses in all (None: any number).

    `first_time` asks of who uses it that nothing was paid before; None: not said.
    """

    code: str
    uses: int | None = None
    first_time: bool | None = None

    @property
    def spelled(self) -> str:
        """The word as it is compared: as at Stripe, upper and lower case are the same."""
        return self.code.lower()


class Terms(NamedTuple):
    """What a coupon is worth, for how long, and for which plans; None: for everything."""

    type: str
    value: Decimal
    duration: str
    length: int | None = None
    plan_ids: tuple[str, ...] | None = None


class Grant(NamedTuple):
    """A feature that is granted: so much of it (None: switched on), for a time or for good."""

    feature_id: str
    included: Decimal | None = None
    every: str | None = None
    length: int | None = None

    def ends_at(self, now: int) -> int | None:
        """Return when a grant made now ends."""
        if self.every is None or self.length is None:
            return None
        return interval.after(now, self.every, self.length)


class Reward(NamedTuple):
    """A reward: a coupon (it has `terms`) or grants of features."""

    id: str
    name: str
    created_at: int
    codes: tuple[Code, ...] = ()
    terms: Terms | None = None
    grants: tuple[Grant, ...] = ()
    #: +1 at each change.
    revision: int = 1

    def noted(self, tenant: str) -> dict[str, str]:
        """What tells the reward's objects at Stripe from those of others, and of others before."""
        return {**named(tenant, self.id), CREATED: str(self.created_at)}


def named(tenant: str, reward_id: str) -> dict[str, str]:
    """Return what objects at Stripe of all rewards of this id bear, one after the other."""
    return {"orchard_tenant": tenant, "orchard_reward_id": reward_id}


def check_codes(reward: Reward, others: Iterable[Reward]) -> None:
    """Refuse a code that comes twice, or that another reward has. Errors: 400."""
    seen = {code.spelled: one.id for one in others if one.id != reward.id for code in one.codes}
    for code in reward.codes:
        if code.uses is not None and code.uses < 1:
            raise Invalid(f"Code {code.code} must allow at least one use", "invalid_reward")
        if code.spelled in seen:
            whose = seen[code.spelled]
            where = "comes twice" if whose == reward.id else f"belongs to reward {whose}"
            raise Invalid(f"Code {code.code} {where}", "duplicate_promo_code")
        seen[code.spelled] = reward.id


def check_grants(reward: Reward, known: Catalog) -> None:
    """Refuse grants that make no sense. Errors: `FeatureNotFound`, 400 `invalid_reward`."""
    named = [grant.feature_id for grant in reward.grants]
    for grant in reward.grants:
        is_flag = known.feature(grant.feature_id).type == "boolean"
        if named.count(grant.feature_id) > 1:
            raise Invalid(f"Feature {grant.feature_id} is granted twice", "invalid_reward")
        if is_flag and grant.included is not None:
            fault = f"Feature {grant.feature_id} is boolean: included must be null"
            raise Invalid(fault, "invalid_reward")
        if not is_flag and not grant.included:
            fault = f"Feature {grant.feature_id} needs an amount above 0 as included"
            raise Invalid(fault, "invalid_reward")


def products(terms: Terms, known: Catalog, sale: Sale) -> tuple[ProductSpec, ...]:
    """Return the products at Stripe that a coupon is for; none: it is for everything.

    Errors: `PlanNotFound`; 400 `product_not_in_stripe` for a plan that costs nothing.
    """
    found: dict[str, ProductSpec] = {}
    for plan_id in terms.plan_ids or ():
        if plan_id not in known.plans:
            raise PlanNotFound(plan_id)
        sold = [one for plan in known.plans[plan_id] for one in stripe_prices.products(plan, sale)]
        if not sold:
            sentence = f"Plan {plan_id} costs nothing: Stripe has no product for it"
            raise Invalid(sentence, "product_not_in_stripe")
        found |= {one.id: one for one in sold}
    return tuple(found.values())


def coupon(
    reward: Reward, terms: Terms, known: Catalog, sold: Iterable[ProductSpec], currency: str
) -> Coupon:
    """Return the coupon that a reward is at Stripe, for these products."""
    is_percent = terms.type == PERCENTAGE
    duration = ONCE if _is_for_purchases(terms.plan_ids, known) else _DURATIONS[terms.duration]
    return Coupon(
        id=reward.id,
        name=reward.name,
        percent_off=terms.value if is_percent else None,
        amount_off=None if is_percent else terms.value,
        currency=None if is_percent else currency,
        duration=duration,
        months=terms.length if duration == REPEATING else None,
        products=tuple(one.id for one in sold),
    )


def remaining(code: Code, used: int) -> int | None:
    """Return how often a code may still be used; None: any number of times."""
    return None if code.uses is None else max(0, code.uses - used)


def _is_for_purchases(plan_ids: Iterable[str] | None, known: Catalog) -> bool:
    """Whether all plans that a coupon is for are paid once: there is no second invoice then."""
    plans = [known.plan(plan_id) for plan_id in plan_ids or ()]
    return bool(plans) and all(plan_rules.is_one_off(plan) for plan in plans)
