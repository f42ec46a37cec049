"""What a denied check tells when asked: why, and which plans would give more."""

from typing import Any

import pytest

from orchard.contracts.checking import CheckRequest
from orchard.contracts.request import parse
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases import checking
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, lifetime, monthly
from tests.conftest import Call

MONTHLY = {"amount": 20, "interval": "month"}


@pytest.fixture(autouse=True)
def _feature(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)


def attach(call: Call, plan_id: str, **fields: Any) -> None:
    answered = call("billing.attach", {"customer_id": "user_1", "plan_id": plan_id, **fields})
    assert answered.status == 200, answered


def asked(call: Call, required: float = 1, feature_id: str = "messages", **fields: Any) -> Any:
    body = {"customer_id": "user_1", "feature_id": feature_id, "required_balance": required}
    answered = call("balances.check", {**body, "with_preview": True, **fields})
    assert answered.status == 200, answered
    assert not answered.body["allowed"]
    return answered.body["preview"]


def offered(call: Call, required: float = 1, **fields: Any) -> list[tuple[str, str]]:
    products = asked(call, required, **fields)["products"]
    return [(one["id"], one["scenario"]) for one in products]


def only(call: Call, **fields: Any) -> Any:
    (product,) = asked(call, **fields)["products"]
    return product


def test_who_has_none_of_it_is_told_who_gives_it(call: Call) -> None:
    a_customer(call)
    a_plan(call, "free")

    preview = asked(call)

    assert preview["scenario"] == "feature_flag"
    assert (preview["feature_id"], preview["feature_name"]) == ("messages", "Messages")
    assert preview["title"] == "You do not have Messages"
    assert preview["message"] == "Free includes it."
    assert [one["id"] for one in preview["products"]] == ["free"]


def test_who_used_it_up_is_told_who_gives_more(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_plan(call, "pro", monthly("messages", 500), price=MONTHLY)
    a_plan(call, "team", monthly("messages", 900), price={**MONTHLY, "amount": 50})
    a_customer(call)
    call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 100})

    preview = asked(call)

    assert preview["scenario"] == "usage_limit"
    assert preview["title"] == "You have used up Messages"
    assert preview["message"] == "Pro and 1 other plan give more."
    assert offered(call) == [("pro", "upgrade"), ("team", "upgrade")]


def test_what_is_left_but_not_enough_is_not_called_used_up(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)

    preview = asked(call, 101)

    assert preview["scenario"] == "usage_limit"
    assert preview["title"] == "You have not enough Messages left"
    assert preview["message"] == "No other plan gives more."
    assert preview["products"] == []


def test_a_limit_that_stands_against_it_is_named(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    limit = {"feature_id": "messages", "limit": 5, "interval": "day"}
    a_customer(call, billing_controls={"usage_limits": [limit]})

    assert asked(call, 6)["title"] == "This would exceed your limit of Messages"


def test_an_unsold_flag_is_told_as_such(call: Call) -> None:
    a_feature(call, "sso", type="boolean", name="Single sign-on")
    a_customer(call)

    preview = asked(call, feature_id="sso")

    assert preview["scenario"] == "feature_flag"
    assert preview["message"] == "No other plan includes it."


def test_a_grant_apart_from_plans_is_a_grant(call: Call) -> None:
    a_customer(call)
    a_grant(call, 5)

    assert asked(call, 6)["scenario"] == "usage_limit"


def test_what_allows_has_no_preview(call: Call, session: Session) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    body = {"customer_id": "user_1", "feature_id": "messages", "with_preview": True}

    # Null, which the published contract does not know: so past the harness that holds to it.
    answered = checking.check(session, parse(CheckRequest, body))

    assert answered["allowed"]
    assert answered["preview"] is None


def test_nobody_is_told_who_does_not_ask(call: Call) -> None:
    a_customer(call)
    body = {"customer_id": "user_1", "feature_id": "messages"}

    assert "preview" not in call("balances.check", body).body


@pytest.mark.parametrize("how", [{"send_event": True}, {"lock": {"enabled": True, "lock_id": "a"}}])
def test_a_refused_use_is_told_the_same(call: Call, how: dict[str, Any]) -> None:
    a_plan(call, "free", auto_enable=True)
    a_plan(call, "pro", monthly("messages", 500), price=MONTHLY)
    a_customer(call)

    assert asked(call, 101, **how) == asked(call, 101)


def test_a_preview_costs_one_read_and_only_when_it_is_denied(
    call: Call, table: Table, session: Session
) -> None:
    a_plan(call, "free", auto_enable=True)
    a_customer(call)
    body = {"customer_id": "user_1", "feature_id": "messages", "with_preview": True}

    def reads(required: int) -> tuple[str, ...]:
        request = parse(CheckRequest, {**body, "required_balance": required})
        return cost_of(table, lambda: checking.check(session, request)).verbs

    reads(1)
    assert reads(1) == ("GetItem",)
    assert reads(101) == ("GetItem", "Query")


def test_plans_that_do_not_give_it_are_left_out(call: Call) -> None:
    a_customer(call)
    a_plan(call, "seats", lifetime("seats", 5))
    a_plan(call, "none", lifetime("messages", 0))

    assert offered(call) == []


def test_archived_plans_and_older_versions_are_left_out(call: Call) -> None:
    a_customer(call)
    a_plan(call, "old")
    call("plans.update", {"plan_id": "old", "archived": True})
    a_plan(call, "pro")
    answered = call("plans.update", {"plan_id": "pro", "force_version": True})
    assert answered.body["version"] == 2

    assert [(one["id"], one["version"]) for one in asked(call)["products"]] == [("pro", 2)]


def test_a_plan_that_would_take_the_place_of_one_that_gives_as_much_is_left_out(
    call: Call,
) -> None:
    a_plan(call, "free", auto_enable=True)
    a_plan(call, "less", monthly("messages", 99), price=MONTHLY)
    a_plan(call, "same", monthly("messages", 100), price=MONTHLY)
    a_plan(call, "beside", monthly("messages", 1), group="others")
    a_customer(call)

    assert offered(call, 101) == [("beside", "new")]


def test_more_for_less_is_a_downgrade(call: Call) -> None:
    a_plan(call, "small", lifetime("messages", 1))
    a_plan(call, "large", lifetime("messages", 9))
    a_customer(call)
    attach(call, "small")
    dearer = {"plan_id": "small", "price": MONTHLY, "disable_version": True}
    assert call("plans.update", dearer).body["version"] == 1

    assert offered(call, 2) == [("large", "downgrade")]


def test_what_can_be_bought_beyond_is_more(call: Call) -> None:
    price = {"amount": 1, "interval": "month", "billing_method": "usage_based"}
    a_plan(call, "free", auto_enable=True)
    a_plan(call, "payg", {**monthly("messages", 10), "price": price})
    a_customer(call)

    assert offered(call, 101) == [("payg", "upgrade")]


def test_an_add_on_can_be_had_once_more_but_no_other_plan(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_plan(call, "extra", lifetime("messages", 10), add_on=True)
    a_customer(call)
    attach(call, "extra")

    assert offered(call, 200) == [("extra", "new")]


def test_plans_that_give_credits_for_it_count(call: Call) -> None:
    schema = [{"metered_feature_id": "messages", "credit_cost": 0.5}]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_plan(call, "free", auto_enable=True)
    # Worth 100 messages, and 102.
    a_plan(call, "coins", monthly("credits", 50), price=MONTHLY)
    a_plan(call, "gold", monthly("credits", 51), price=MONTHLY)
    a_customer(call)

    preview = asked(call, 101)

    assert preview["feature_id"] == "messages"
    assert [one["id"] for one in preview["products"]] == ["gold"]


def test_an_entity_is_told_of_what_would_help_it(call: Call) -> None:
    a_plan(call, "free", auto_enable=True)
    a_plan(call, "own", monthly("messages", 7))
    a_plan(call, "seat", lifetime("seats", 5), group="seats")
    a_customer(call)
    attach(call, "seat")
    entity = {"customer_id": "user_1", "entity_id": "ada", "feature_id": "seats"}
    assert call("entities.create", entity).status == 200

    assert offered(call, 101, entity_id="ada") == [("own", "new")]
    # For the customer itself it would take the place of a plan that gives more.
    assert offered(call, 101) == []

    attach(call, "own", entity_id="ada")
    assert offered(call, 200, entity_id="ada") == []


def test_a_product_is_the_plan_in_the_older_shape(call: Call) -> None:
    a_customer(call)
    trial = {"duration_length": 7, "duration_type": "day", "card_required": True}
    a_plan(call, "pro", price=MONTHLY, group="main", free_trial=trial)

    product = only(call)

    items = product.pop("items")
    assert product == {
        "id": "pro",
        "name": "Pro",
        "group": "main",
        "env": "sandbox",
        "is_add_on": False,
        "is_default": False,
        "archived": False,
        "version": 1,
        "created_at": product["created_at"],
        "free_trial": {
            "duration": "day",
            "length": 7,
            "unique_fingerprint": False,
            "card_required": True,
            "on_end": None,
            "trial_available": True,
        },
        "base_variant_id": None,
        "scenario": "new",
        "properties": {
            "is_free": False,
            "is_one_off": False,
            "interval_group": "month",
            "has_trial": True,
            "updateable": False,
        },
    }
    assert [(one["type"], one["feature_id"]) for one in items] == [
        ("price", None),
        ("feature", "messages"),
    ]
    assert (items[0]["price"], items[0]["interval"], items[0]["interval_count"]) == (20, "month", 1)
    assert items[0]["display"] == {"primary_text": "$20", "secondary_text": "per month"}
    assert (items[1]["included_usage"], items[1]["interval"]) == (100, "month")
    assert items[1]["display"] == {"primary_text": "100 Messages"}


def shown(call: Call, item: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Fields of the only item of the only product."""
    a_customer(call)
    a_plan(call, "pro", item)
    product = only(call, feature_id=item["feature_id"])
    (one,) = product["items"]
    return tuple(one[name] for name in names)


def test_a_prepaid_item_says_what_it_costs_and_how_it_changes(call: Call) -> None:
    tiers = [{"to": 500, "amount": 5}, {"to": "inf", "amount": 2.5}]
    price = {"tiers": tiers, "interval": "quarter", "billing_units": 100}
    item = {
        **monthly("messages", 100),
        "price": {**price, "billing_method": "prepaid", "tier_behavior": "volume"},
        "proration": {"on_increase": "prorate_immediately", "on_decrease": "none"},
        "rollover": {"max": 10, "expiry_duration_type": "month", "expiry_duration_length": 2},
    }
    names = ("type", "usage_model", "interval", "billing_units", "tier_behavior", "price", "tiers")

    found = shown(call, item, *names, "config")

    assert found[:6] == ("priced_feature", "prepaid", "quarter", 100, "volume", None)
    assert [(tier["to"], tier["amount"]) for tier in found[6]] == [(500, 5), ("inf", 2.5)]
    assert found[7] == {
        "on_increase": "prorate_immediately",
        "on_decrease": "none",
        "rollover": {"max": 10, "max_percentage": None, "duration": "month", "length": 2},
    }


def test_a_pay_per_use_item_has_its_price(call: Call) -> None:
    price = {"amount": 0.5, "interval": "month", "billing_method": "usage_based"}
    names = ("type", "usage_model", "price", "tiers", "included_usage", "feature_type")

    found = shown(call, {**monthly("messages", 0), "price": price}, *names)

    assert found == ("priced_feature", "pay_per_use", 0.5, None, 0, "single_use")


def test_features_are_told_apart_as_they_used_to_be(call: Call) -> None:
    a_feature(call, "sso", type="boolean")
    a_customer(call)
    items = [{"feature_id": "sso"}, lifetime("seats", 2), {"feature_id": "messages"}]
    a_plan(call, "all", *items[:2], {**items[2], "unlimited": True})

    product = only(call)

    assert [
        (one["feature_type"], one["included_usage"], one["interval"]) for one in product["items"]
    ] == [("boolean", None, None), ("continuous_use", 2, None), ("single_use", "inf", None)]
    assert product["properties"]["is_free"]
    assert product["properties"]["interval_group"] is None


def test_the_longest_interval_groups_a_product(call: Call) -> None:
    a_customer(call)
    a_plan(call, "pro", price={"amount": 9, "interval": "month", "interval_count": 3})

    assert only(call)["properties"]["interval_group"] == "3 months"


def test_a_plan_bought_once_is_told_so(call: Call) -> None:
    a_customer(call)
    price = {"amount": 9, "interval": "one_off", "billing_method": "prepaid"}
    a_plan(call, "pack", {**lifetime("messages", 0), "price": price})

    product = only(call)

    assert product["scenario"] == "new"
    assert product["properties"]["is_one_off"]
    assert product["properties"]["updateable"]


def test_controls_of_a_plan_come_along(call: Call) -> None:
    a_customer(call)
    controls = {"overage_allowed": [{"feature_id": "messages", "enabled": True}]}
    a_plan(call, "pro", billing_controls=controls)

    assert only(call)["billing_controls"] == controls


@pytest.mark.parametrize("feature", [{}, {"feature_id": "messages"}])
def test_a_check_of_a_plan_is_refused_with_a_word_on_features(
    call: Call, feature: dict[str, str]
) -> None:
    a_customer(call)

    answered = call("balances.check", {"customer_id": "user_1", "product_id": "pro", **feature})

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert "feature_id" in answered.body["message"]


def test_a_check_of_nothing_is_told_what_is_missing(call: Call) -> None:
    answered = call("balances.check", {"customer_id": "user_1"})

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert answered.body["message"] == "feature_id: is required"
