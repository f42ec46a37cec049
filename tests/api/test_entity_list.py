"""entities.list: pages, filters and the customers that entities belong to."""

from typing import Any

import pytest

from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import Call, Clock
from tests.pretended_stripe import Stripe, linked


@pytest.fixture(autouse=True)
def _entities(call: Call, clock: Clock) -> None:
    """Two customers: Ada with `a1` and `a2`, and Bob, on the plan, with `b1`."""
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_plan(call, "free")
    a_customer(call, "ada", name="Workspace lover")
    a_customer(call, "bob")
    call("billing.attach", {"customer_id": "bob", "plan_id": "free"})
    for customer_id, entity_id, name in (
        ("ada", "a1", "Sales"),
        ("bob", "b1", "Support"),
        ("ada", "a2", None),
    ):
        clock.advance(seconds=1)
        body = {"customer_id": customer_id, "entity_id": entity_id, "feature_id": "seats"}
        assert call("entities.create", {**body, "name": name}).status == 200


def listed(call: Call, **body: Any) -> list[str]:
    answered = call("entities.list", body)
    assert answered.status == 200, answered
    return [one["id"] for one in answered.body["list"]]


def test_entities_of_all_customers_come_newest_first(call: Call) -> None:
    assert listed(call) == ["a2", "b1", "a1"]


def test_f8_entities_of_one_customer_are_listed_alone(call: Call) -> None:
    assert listed(call, customer_id="ada") == ["a2", "a1"]


def test_f8_an_unknown_customer_has_none(call: Call) -> None:
    answered = call("entities.list", {"customer_id": "nobody"})

    assert (answered.status, answered.body) == (200, {"list": [], "next_cursor": None})


@pytest.mark.parametrize("customer", [{}, {"customer_id": "ada"}])
def test_pages_follow_one_another(call: Call, customer: dict[str, str]) -> None:
    found, start = [], ""
    while start is not None:
        page = call("entities.list", {**customer, "limit": 1, "start_cursor": start}).body
        found += [one["id"] for one in page["list"]]
        start = page["next_cursor"]

    assert found == listed(call, **customer)


def test_entities_of_the_same_moment_are_all_listed(call: Call) -> None:
    for customer_id in ("ada", "bob"):
        for entity_id in ("x", "y"):
            body = {"customer_id": customer_id, "entity_id": entity_id, "feature_id": "seats"}
            assert call("entities.create", body).status == 200

    first = call("entities.list", {"limit": 3}).body
    rest = call("entities.list", {"limit": 3, "start_cursor": first["next_cursor"]}).body

    shown = [(one["id"], one["customer_id"]) for one in first["list"] + rest["list"]]
    assert sorted(shown[:4]) == [("x", "ada"), ("x", "bob"), ("y", "ada"), ("y", "bob")]
    assert [entity_id for entity_id, _customer in shown[:4]] == ["y", "y", "x", "x"]


@pytest.mark.parametrize("customer", [{}, {"customer_id": "ada"}])
def test_f8_search_looks_at_id_and_name_of_the_entity_alone(
    call: Call, customer: dict[str, str]
) -> None:
    assert listed(call, search="SAL", **customer) == ["a1"]
    assert listed(call, search="a2", **customer) == ["a2"]
    assert listed(call, search="workspace", **customer) == []


@pytest.mark.parametrize("customer", [{}, {"customer_id": "bob"}])
def test_f8_a_plan_of_the_customer_counts_for_its_entities(
    call: Call, customer: dict[str, str]
) -> None:
    assert listed(call, plans=[{"id": "free"}], **customer) == ["b1"]
    assert listed(call, plans=[{"id": "free", "versions": [1]}], **customer) == ["b1"]
    assert listed(call, plans=[{"id": "free", "versions": [2]}], **customer) == []
    assert listed(call, subscription_status="active", **customer) == ["b1"]
    assert listed(call, subscription_status="scheduled", **customer) == []


@pytest.mark.parametrize("customer", [{}, {"customer_id": "ada"}])
def test_processors_are_those_of_the_customer(
    call: Call, customer: dict[str, str], stripe: Stripe
) -> None:
    assert listed(call, processors=["stripe"], **customer) == []
    linked(call, stripe, "ada")

    assert listed(call, processors=["stripe"], **customer) == ["a2", "a1"]
    assert listed(call, processors=["vercel"], **customer) == []


def test_a_list_shows_what_the_entity_has_and_its_own_controls(call: Call) -> None:
    allowed = {"overage_allowed": [{"feature_id": "messages", "enabled": True}]}
    call("customers.update", {"customer_id": "bob", "billing_controls": allowed})
    call("entities.update", {"entity_id": "a1", "billing_controls": allowed})

    found = {one["id"]: one for one in call("entities.list", {}).body["list"]}

    assert found["b1"]["balances"]["messages"]["remaining"] == 100
    assert [plan["plan_id"] for plan in found["b1"]["subscriptions"]] == ["free"]
    assert "billing_controls" not in found["b1"]
    assert found["a1"]["billing_controls"] == allowed


def test_a_limit_that_is_too_high_is_refused(call: Call) -> None:
    assert call("entities.list", {"limit": 1001}).status == 400


def test_a_cursor_that_is_none_is_refused(call: Call) -> None:
    answered = call("entities.list", {"start_cursor": "x"})

    assert (answered.status, answered.body["code"]) == (400, "invalid_cursor")
