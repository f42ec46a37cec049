"""What one customer has instead of parts of a plan."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain.billing import customizing
from orchard.domain.billing.customizing import Changes, ItemFilter
from orchard.domain.catalog import BOOLEAN, METERED, Feature, Plan, catalog
from orchard.domain.customer import CustomerPlan
from orchard.errors import FeatureNotFound, Invalid, InvalidInputs

MONTH = {"interval": "month"}
WORDS = {
    "feature_id": "words",
    "included": Decimal(100),
    "unlimited": False,
    "reset": MONTH,
    "price": None,
}
PRICE = {"amount": Decimal(1), "interval": "month", "billing_method": "usage_based"}
METERED_WORDS = {**WORDS, "included": Decimal(0), "price": PRICE}
SEATS = {
    **WORDS,
    "feature_id": "seats",
    "reset": None,
    "price": {"amount": Decimal(9), "interval": "year", "billing_method": "prepaid"},
}
SSO = {"feature_id": "sso", "included": 0, "unlimited": False, "reset": None, "price": None}
PRO = Plan(
    "pro",
    2,
    "Pro",
    1,
    price={"amount": Decimal(20), "interval": "month"},
    items=(WORDS, METERED_WORDS, SEATS),
    free_trial={"duration_length": 7, "duration_type": "day", "card_required": True},
    billing_controls={"overage_allowed": [{"feature_id": "words", "enabled": True}]},
)
KNOWN = catalog(
    [
        Feature("words", "Words", METERED, consumable=True, created_at=1),
        Feature("seats", "Seats", METERED, consumable=False, created_at=1),
        Feature("sso", "SSO", BOOLEAN, consumable=False, created_at=1),
    ],
    [PRO._replace(version=1, price=None), PRO],
)
HELD = CustomerPlan("held", "pro", 2, 1)


def customized(**changes: Any) -> Plan:
    return customizing.customized(PRO, Changes(**changes), KNOWN)


def test_a_custom_plan_keeps_the_id_and_the_version() -> None:
    price = {"amount": Decimal(15), "interval": "month"}

    plan = customized(parts={"price": price})

    assert plan == PRO._replace(price=price)
    assert (plan.id, plan.version) == ("pro", 2)


def test_null_removes_the_price_and_the_trial() -> None:
    plan = customized(parts={"price": None, "free_trial": None})

    assert (plan.price, plan.free_trial) == (None, None)


def test_only_lists_of_controls_that_are_sent_replace_those_of_the_plan() -> None:
    limits = [{"feature_id": "words", "overage_limit": Decimal(5)}]

    plan = customized(parts={"billing_controls": {"spend_limits": limits}})

    assert plan.billing_controls == {**(PRO.billing_controls or {}), "spend_limits": limits}


def test_items_replace_all_of_the_plan() -> None:
    assert customized(items=[SSO]).items == (SSO,)
    assert customized(items=[]).items == ()


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ([ItemFilter("words")], [SEATS]),
        ([ItemFilter("words", "usage_based")], [WORDS, SEATS]),
        ([ItemFilter(billing_method="prepaid")], [WORDS, METERED_WORDS]),
        ([ItemFilter(interval="month")], [SEATS]),
        ([ItemFilter(interval="year", interval_count=1)], [WORDS, METERED_WORDS]),
        ([ItemFilter("seats"), ItemFilter("words", "usage_based")], [WORDS]),
    ],
)
def test_items_that_have_all_that_a_filter_says_go(
    filters: list[ItemFilter], left: list[dict[str, Any]]
) -> None:
    assert list(customized(removed=filters).items) == left


def test_what_comes_may_be_like_what_goes() -> None:
    more = {**WORDS, "included": Decimal(300)}

    plan = customized(removed=[ItemFilter("words", None, "month")], added=[more])

    assert plan.items == (SEATS, more)


def test_items_are_kept_in_the_form_that_suits_their_feature() -> None:
    sent = {**SSO, "included": Decimal(3), "reset": MONTH}

    assert customized(added=[sent]).items[-1] == SSO


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"added": [{**WORDS, "feature_id": "nothing"}]}, FeatureNotFound, "nothing not found"),
        ({"added": [WORDS]}, InvalidInputs, "listed twice"),
        ({"removed": [ItemFilter("sso")]}, InvalidInputs, "no item with feature_id sso"),
        (
            {"removed": [ItemFilter("words", "prepaid")]},
            InvalidInputs,
            "no item with feature_id words, billing_method prepaid",
        ),
        ({"added": [{**SSO, "price": PRICE}]}, Invalid, "boolean feature has no price"),
        (
            {"parts": {"price": {"amount": Decimal(1), "interval": "week"}}},
            InvalidInputs,
            "both weekly and monthly",
        ),
        (
            {"parts": {"price": {"amount": Decimal(1), "interval": "one_off"}}, "items": []},
            Invalid,
            "One-off products cannot have a free trial",
        ),
        ({"added": [{**SSO, "entity_feature_id": "words"}]}, None, ""),
        ({"added": [{**SSO, "entity_feature_id": "sso"}]}, Invalid, "own entities"),
    ],
)
def test_the_rules_of_plans_hold_for_custom_ones(
    changes: dict[str, Any], error: type[Exception] | None, message: str
) -> None:
    if error is None:
        customized(**changes)
        return
    with pytest.raises(error, match=message):
        customized(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        Changes({"price": PRO.price}),
        Changes({"billing_controls": PRO.billing_controls}),
        Changes(items=[SEATS, METERED_WORDS, WORDS]),
        Changes(removed=[ItemFilter("seats")], added=[SEATS]),
    ],
)
def test_changes_that_change_nothing_are_refused_where_they_must_change_something(
    changes: Changes,
) -> None:
    with pytest.raises(Invalid, match="as it is"):
        customizing.customized(PRO, changes, KNOWN)

    same = customizing.customized(PRO, changes, KNOWN, must_differ=False)
    assert customizing.snapshot(same, KNOWN) is None


def test_a_plan_that_comes_by_itself_may_have_a_price_for_one_customer() -> None:
    free = PRO._replace(price=None, items=(WORDS,), free_trial=None, auto_enable=True)
    price = {"amount": Decimal(1), "interval": "month"}

    assert customizing.customized(free, Changes({"price": price}), KNOWN).price == price


def test_only_what_differs_from_the_version_is_kept_with_the_customer() -> None:
    plan = customized(parts={"free_trial": None}, removed=[ItemFilter("seats")])

    own = customizing.snapshot(plan, KNOWN)

    assert own == {"items": [WORDS, METERED_WORDS], "free_trial": None}
    assert customizing.plan_of(HELD._replace(custom=own), KNOWN) == plan


def test_a_held_plan_is_its_version_with_the_customers_own_parts() -> None:
    price = {"amount": Decimal(5), "interval": "month"}
    changed = catalog(KNOWN.features.values(), [PRO._replace(items=(SSO,))])

    assert customizing.plan_of(HELD, KNOWN) == PRO
    assert customizing.plan_of(HELD._replace(plan_version=1), KNOWN) == KNOWN.plan("pro", 1)
    assert customizing.plan_of(HELD._replace(custom={"price": None}), KNOWN) == PRO._replace(
        price=None
    )
    # What is not the customer's own follows the version, even where that was changed in place.
    assert customizing.plan_of(HELD._replace(custom={"price": price}), changed) == PRO._replace(
        price=price, items=(SSO,)
    )


def test_a_plan_that_is_gone_is_no_plan() -> None:
    assert customizing.plan_of(HELD._replace(plan_version=9), KNOWN) is None
    assert (
        customizing.plan_of(HELD._replace(plan_id="other", custom={"price": None}), KNOWN) is None
    )


def test_features_that_only_the_custom_plan_names_are_told_apart() -> None:
    assert customizing.added_features(customized(added=[SSO]), KNOWN) == {"sso"}
    assert customizing.added_features(PRO, KNOWN) == frozenset()
