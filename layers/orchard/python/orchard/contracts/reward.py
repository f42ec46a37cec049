"""Rewards as callers see them."""

from collections.abc import Iterable
from typing import Any

from orchard.contracts.numbers import plain
from orchard.domain.rewards import Code, Grant, Reward


def reward(one: Reward) -> dict[str, Any]:
    """Return a reward under the name of its kind."""
    return {"coupon": _coupon(one)} if one.terms else {"feature_grant": _feature_grant(one)}


def rewards(some: Iterable[Reward]) -> dict[str, Any]:
    """Return rewards by their kinds."""
    known = list(some)
    return {
        "coupons": [_coupon(one) for one in known if one.terms],
        "feature_grants": [_feature_grant(one) for one in known if not one.terms],
    }


def redeemed(one: Reward) -> dict[str, Any]:
    """Return the answer to who got a reward: what was granted of features that are counted."""
    amounts = (grant for grant in one.grants if grant.included is not None)
    granted = [{"feature_id": grant.feature_id, "balance": grant.included} for grant in amounts]
    return {"reward_id": one.id, "entitlements_granted": plain(granted)}


def _coupon(one: Reward) -> dict[str, Any]:
    terms = one.terms
    if terms is None:
        raise ValueError
    return {
        "id": one.id,
        "name": one.name,
        "type": terms.type,
        "value": plain(terms.value),
        "duration": {"type": terms.duration, "length": terms.length},
        "plan_ids": None if terms.plan_ids is None else list(terms.plan_ids),
        "promo_codes": [_coupon_code(code) for code in one.codes],
        "created_at": one.created_at,
    }


def _coupon_code(code: Code) -> dict[str, Any]:
    optional = {"global_max_redemption": code.uses, "first_time_transaction": code.first_time}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"code": code.code, **given}


def _feature_grant(one: Reward) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "grants": [_grant(grant) for grant in one.grants],
        "promo_codes": [{"code": code.code, "max_uses": code.uses} for code in one.codes],
        "created_at": one.created_at,
    }


def _grant(grant: Grant) -> dict[str, Any]:
    expiry = {"type": grant.every, "length": grant.length} if grant.every else None
    return {
        "feature_id": grant.feature_id,
        "included": plain(grant.included),
        "expiry": expiry,
    }
