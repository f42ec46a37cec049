"""Requests of `rewards.*`."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.fields import CustomerId, Id, PlanId, Quantity, fault
from orchard.contracts.request import Request
from orchard.contracts.reward_parts import (
    Amounts,
    CouponCodes,
    Duration,
    FeatureAmount,
    GrantCodes,
    Name,
    PlanIds,
    Strict,
)
from orchard.domain.rewards import PERCENTAGE, Grant, Reward, Terms


def _above_zero(value: Decimal) -> Decimal:
    if value <= 0:
        raise fault("must be above 0")
    return value


class NewCoupon(Strict):
    """A coupon: so many percent, or an amount in the organisation's currency."""

    id: PlanId
    name: Name
    type: Literal["percentage_discount", "fixed_discount"]
    value: Annotated[Quantity, AfterValidator(_above_zero)]
    duration: Duration
    plan_ids: PlanIds | None
    promo_codes: CouponCodes

    @model_validator(mode="after")
    def _is_a_part(self) -> Self:
        if self.type == PERCENTAGE and self.value > 100:
            raise fault("value: must be at most 100 percent")
        if -Decimal(self.value).as_tuple().exponent > 2:  # type: ignore[operator]  # never special
            raise fault("value: must have at most two digits after the point")
        return self

    def reward(self, now: int) -> Reward:
        """Return the reward that is asked for."""
        plan_ids = None if self.plan_ids is None else tuple(dict.fromkeys(self.plan_ids))
        terms = Terms(self.type, self.value, self.duration.type, self.duration.length, plan_ids)
        codes = tuple(one.meant for one in self.promo_codes)
        return Reward(self.id, self.name, now, codes, terms)


class NewFeatureGrant(Strict):
    """Features that somebody gets who names a code."""

    id: PlanId
    name: Name
    grants: Amounts
    promo_codes: GrantCodes

    def reward(self, now: int) -> Reward:
        """Return the reward that is asked for."""
        codes = tuple(one.meant for one in self.promo_codes)
        return Reward(self.id, self.name, now, codes, grants=tuple(_meant(self.grants)))


class CreateRewardRequest(Strict):
    """Define a reward: one of the two kinds."""

    coupon: NewCoupon | None = None
    feature_grant: NewFeatureGrant | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.coupon is None) == (self.feature_grant is None):
            raise fault("exactly one of coupon and feature_grant is required")
        return self

    def reward(self, now: int) -> Reward:
        """Return the reward that is asked for."""
        one = self.coupon or self.feature_grant
        if one is None:
            raise ValueError
        return one.reward(now)


class RewardRequest(Strict):
    """Name a reward."""

    reward_id: Id


class ListRewardsRequest(Request):
    """Return all rewards."""


class _Change(Strict):
    """What may change of a reward: what is absent stays, and null is a value for plans alone."""

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        for name in self.model_fields_set - {"plan_ids"}:
            if getattr(self, name) is None:
                raise fault(f"{name}: can't be null")
        return self


class CouponChange(_Change):
    """What may change of a coupon; `plan_ids` null: for everything from now on."""

    name: Name | None = None
    plan_ids: PlanIds | None = None
    promo_codes: CouponCodes | None = None


class GrantChange(_Change):
    """What may change of a grant of features."""

    name: Name | None = None
    grants: Amounts | None = None
    promo_codes: GrantCodes | None = None


class UpdateRewardRequest(Strict):
    """Change a reward: what is absent stays. Type, value and duration never change."""

    reward_id: Id
    coupon: CouponChange | None = None
    feature_grant: GrantChange | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.coupon is not None and self.feature_grant is not None:
            raise fault("only one of coupon and feature_grant may be sent")
        return self

    def changed(self, reward: Reward) -> Reward:
        """Return the reward as it is to be."""
        sent = self.coupon or self.feature_grant
        if sent is None:
            return reward
        if sent.name is not None:
            reward = reward._replace(name=sent.name)
        if sent.promo_codes is not None:
            reward = reward._replace(codes=tuple(one.meant for one in sent.promo_codes))
        if isinstance(sent, GrantChange):
            grants = reward.grants if sent.grants is None else tuple(_meant(sent.grants))
            return reward._replace(grants=grants)
        return _with_plans(reward, sent)


class RedeemRequest(AuditedRequest):
    """Let a customer have a grant of features."""

    code: Id
    customer_id: CustomerId


def _meant(amounts: Iterable[FeatureAmount]) -> Iterable[Grant]:
    return (one.meant for one in amounts)


def _with_plans(reward: Reward, sent: CouponChange) -> Reward:
    if reward.terms is None or "plan_ids" not in sent.model_fields_set:
        return reward
    plan_ids = None if sent.plan_ids is None else tuple(dict.fromkeys(sent.plan_ids))
    return reward._replace(terms=reward.terms._replace(plan_ids=plan_ids))
