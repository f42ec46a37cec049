"""The catalogue: versions, default plans, and the rows that items give."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import plan_versions
from orchard.domain.catalog import (
    BOOLEAN,
    METERED,
    Attachment,
    Feature,
    Plan,
    catalog,
    default_plans,
    grant,
)
from orchard.domain.interval import DAY_MS
from orchard.domain.plan_versions import Change
from orchard.domain.row import ALLOCATED, NO_OVERAGE, PRICED, Row
from orchard.errors import FeatureNotFound, PlanNotFound

MESSAGES = Feature("messages", "Messages", METERED, consumable=True, created_at=1)
SEATS = Feature("seats", "Seats", METERED, consumable=False, created_at=2)
SSO = Feature("sso", "SSO", BOOLEAN, consumable=False, created_at=0)
PRICE = {"amount": Decimal(5), "interval": "month"}
TRIAL = {"duration_length": Decimal(7), "duration_type": "day", "card_required": False}


def plan(plan_id: str = "free", version: int = 1, **fields: Any) -> Plan:
    return Plan(id=plan_id, version=version, name=plan_id, **{"created_at": 0, **fields})


def row(item: dict[str, Any], feature: Feature = MESSAGES, quantity: int = 1) -> Row:
    moment = Attachment(DAY_MS, "cus_prod_1", "cus_ent_1", quantity=quantity)
    return grant(plan(), {"feature_id": feature.id, **item}, feature, moment)


def test_the_newest_version_is_the_plan() -> None:
    known = catalog([], [plan(version=2), plan(version=10), plan(version=1)])

    assert known.plan("free").version == 10
    assert known.plan("free", 2).version == 2
    assert [one.version for one in known.plans["free"]] == [1, 2, 10]
    assert [one.version for one in known.current_plans()] == [10]


def test_what_is_unknown_is_not_found() -> None:
    known = catalog([MESSAGES], [plan()])

    with pytest.raises(PlanNotFound, match="Plan pro not found"):
        known.plan("pro")
    with pytest.raises(PlanNotFound, match="Plan free not found"):
        known.plan("free", 2)
    with pytest.raises(FeatureNotFound, match="Feature seats not found"):
        known.feature("seats")


def test_features_are_in_the_order_of_their_age() -> None:
    known = catalog([SEATS, MESSAGES, SSO], [])

    assert list(known.features) == ["sso", "messages", "seats"]


def test_features_listen_to_their_events() -> None:
    listening = MESSAGES._replace(event_names=("sent", "received"))

    assert catalog([listening, SEATS], []).listening("sent") == (listening,)
    assert catalog([listening, SEATS], []).listening("other") == ()


def test_a_new_customer_gets_one_default_plan_of_each_group() -> None:
    plans = [
        plan("free", auto_enable=True),
        plan("later", auto_enable=True, created_at=5),
        plan("storage", auto_enable=True, group="storage"),
        plan("pro"),
        plan("old", auto_enable=True, archived=True, group="old"),
    ]

    assert [one.id for one in default_plans(plans)] == ["free", "storage"]


def test_a_default_plan_on_trial_goes_before_a_free_one() -> None:
    trial = plan("trial", auto_enable=True, price=PRICE, free_trial=TRIAL, created_at=9)

    assert default_plans([plan(auto_enable=True), trial]) == (trial,)


def test_a_plan_is_free_when_nothing_in_it_has_a_price() -> None:
    assert plan(items=({"price": None}, {})).is_free
    assert not plan(price=PRICE).is_free
    assert not plan(items=({"price": None}, {"price": PRICE})).is_free


def test_an_item_without_a_reset_gives_a_balance_for_good() -> None:
    given = row({"included": Decimal(5), "reset": None})

    assert given.allowance == given.balance == 5
    assert (given.interval, given.next_reset_at) == ("one_off", None)
    assert given.overage == NO_OVERAGE


def test_a_quantity_multiplies_what_is_included() -> None:
    assert row({"included": Decimal(5)}, quantity=3).balance == 15


def test_a_reset_starts_with_the_plan() -> None:
    reset = {"interval": "day", "interval_count": Decimal(2)}

    given = row({"included": Decimal(5), "reset": reset})

    assert (given.interval_count, given.next_reset_at) == (2, 3 * DAY_MS)


def test_a_price_per_use_lets_the_balance_go_below_zero() -> None:
    price = {**PRICE, "billing_method": "usage_based"}

    assert row({"price": {**price, "max_purchase": None}}).overage_limit is None
    capped = row({"price": {**price, "max_purchase": Decimal(9)}})
    assert capped.overage == PRICED
    assert capped.overage_limit == 9


def test_a_prepaid_price_does_not() -> None:
    given = row({"price": {**PRICE, "billing_method": "prepaid"}})

    assert given.overage == NO_OVERAGE


def test_seats_never_reset_and_may_be_exceeded() -> None:
    given = row({"included": Decimal(2), "reset": {"interval": "month"}}, SEATS)

    assert (given.continuous, given.next_reset_at) == (True, None)
    assert (given.overage, given.overage_limit) == (ALLOCATED, None)


def test_unlimited_items_never_reset() -> None:
    given = row({"unlimited": True, "reset": {"interval": "month"}})

    assert (given.unlimited, given.next_reset_at) == (True, None)


def test_a_boolean_feature_gives_a_flag() -> None:
    assert row({"included": Decimal(0)}, SSO).boolean


@pytest.mark.parametrize(
    ("rule", "months"),
    [
        ({"expiry_duration_type": "forever", "max": None}, None),
        ({"expiry_duration_type": "month", "max": Decimal(9)}, 1),
        ({"expiry_duration_type": "month", "expiry_duration_length": Decimal(3)}, 3),
    ],
)
def test_a_rollover_rule_goes_with_the_row(rule: dict[str, Any], months: int | None) -> None:
    given = row({"included": Decimal(5), "rollover": rule, "reset": {"interval": "month"}})

    assert given.rollover is not None
    assert (given.rollover.months, given.rollover.max) == (months, rule.get("max"))


def test_the_order_of_items_is_not_what_customers_rely_on() -> None:
    items = ({"feature_id": "a"}, {"feature_id": "b"}, {"feature_id": "b"})
    one = plan(items=items)

    assert not plan_versions.alters(one, Change({"items": items[::-1]}))
    assert plan_versions.alters(one, Change({"items": items[:2]}))
    assert plan_versions.alters(one, Change({"items": (*items[:2], items[0])}))


def test_a_new_version_takes_the_place_of_the_default() -> None:
    versions = (plan(auto_enable=True), plan(version=2, auto_enable=True))

    after = plan_versions.succeeded(versions, 1, Change({"price": PRICE, "name": "N"}), now=7)

    assert [one.auto_enable for one in after] == [False, False, True]
    assert [one.price for one in after] == [None, None, PRICE]
    assert [one.name for one in after] == ["N", "free", "N"]
    assert [one.created_at for one in after] == [0, 0, 7]


def test_a_new_version_is_not_used_yet() -> None:
    used = plan(used=True, used_by="cus_1")

    after = plan_versions.succeeded((used,), 1, Change(), now=7)

    assert [one.used for one in after] == [True, False]


def test_a_change_everywhere_leaves_one_default_version() -> None:
    versions = (plan(), plan(version=2))

    after = plan_versions.everywhere(versions, Change({"auto_enable": True, "name": "N"}))

    assert [one.auto_enable for one in after] == [False, True]
    assert [one.name for one in after] == ["N", "N"]
