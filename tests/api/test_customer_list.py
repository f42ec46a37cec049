"""customers.list: pages, search and filters."""

from typing import Any

import pytest

from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import START, Call, Clock


@pytest.fixture(autouse=True)
def _customers(call: Call, clock: Clock) -> None:
    """Seven customers a second apart; the even ones hold plan `free`, the first is linked."""
    a_feature(call)
    a_plan(call, "free")
    for number in range(7):
        fields: dict[str, Any] = {"stripe_id": "cus_stripe"} if number == 0 else {}
        if number % 2 == 0:
            fields["auto_enable_plan_id"] = "free"
        name = f"Name {number}"
        a_customer(call, f"user_{number}", name=name, email=f"E{number}@Example.com", **fields)
        clock.advance(seconds=1)


def listed(call: Call, **body: Any) -> list[str]:
    answered = call("customers.list", body)
    assert answered.status == 200, answered
    return [one["id"] for one in answered.body["list"]]


def walked(call: Call, **body: Any) -> list[str]:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = call("customers.list", {**body, "start_cursor": cursor}).body
        seen += [one["id"] for one in page["list"]]
        cursor = page["next_cursor"]
    return seen


def test_the_newest_come_first(call: Call) -> None:
    assert listed(call) == [f"user_{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    assert listed(call, sort_order="asc", limit=2) == ["user_0", "user_1"]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_walking_the_pages_meets_each_customer_once(call: Call, order: str, limit: int) -> None:
    assert walked(call, sort_order=order, limit=limit) == listed(call, sort_order=order)


def test_customers_of_the_same_moment_are_not_lost_between_pages(call: Call) -> None:
    for number in range(5):
        a_customer(call, f"same_{number}")

    assert sorted(walked(call, limit=2, search="same")) == [f"same_{n}" for n in range(5)]


@pytest.mark.parametrize("search", ["user_3", "NAME 3", "e3@example", "  name 3 "])
def test_search_finds_parts_of_id_name_and_email(call: Call, search: str) -> None:
    assert listed(call, search=search) == ["user_3"]


def test_search_that_finds_nothing_is_an_empty_page(call: Call) -> None:
    assert call("customers.list", {"search": "zzz"}).body == {"list": [], "next_cursor": None}


def test_filters(call: Call) -> None:
    even = ["user_6", "user_4", "user_2", "user_0"]

    assert listed(call, plans=[{"id": "free"}]) == even
    assert walked(call, plans=[{"id": "free"}], limit=1) == even
    assert listed(call, plans=[{"id": "free", "versions": [1]}]) == even
    assert listed(call, plans=[{"id": "free", "versions": [2]}]) == []
    assert listed(call, plans=[{"id": "other"}]) == []
    assert listed(call, subscription_status="active") == even
    assert listed(call, subscription_status="scheduled") == []
    assert listed(call, plans=[], subscription_status="scheduled") == []
    assert listed(call, plans=[{"id": "other", "versions": []}]) == []
    assert listed(call, processors=["stripe", "vercel"]) == ["user_0"]
    assert listed(call, processors=["revenuecat"]) == []


def test_a_plan_whose_trial_is_over_is_not_found(call: Call, clock: Clock) -> None:
    trial = {"duration_length": 7, "duration_type": "day", "card_required": False}
    a_plan(call, "trial", group="trials", free_trial=trial)
    a_customer(call, "trying", auto_enable_plan_id="trial")
    assert listed(call, plans=[{"id": "trial"}]) == ["trying"]

    clock.advance(days=7)
    assert listed(call, plans=[{"id": "trial"}]) == []


def test_a_search_of_the_older_path_is_always_text(call: Call) -> None:
    for text in ("true", "a,b"):
        answered = call("customers.list", "", route="GET /v1/customers", query={"search": text})
        assert answered.body["list"] == []


def test_the_range_of_creation_includes_both_ends(call: Call) -> None:
    span = {"start": START + 2000, "end": START + 4000}

    assert listed(call, created_at_range=span) == ["user_4", "user_3", "user_2"]
    assert walked(call, created_at_range=span, limit=1) == ["user_4", "user_3", "user_2"]
    assert listed(call, created_at_range={"end": START}) == ["user_0"]


def test_rows_show_the_customers_own_controls_only(call: Call) -> None:
    control = {"feature_id": "messages", "enabled": True}
    body = {"customer_id": "user_1", "billing_controls": {"overage_allowed": [control]}}
    call("customers.update", body)

    (row,) = call("customers.list", {"search": "user_1"}).body["list"]
    assert row["billing_controls"] == {"overage_allowed": [control]}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"limit": 0}, "invalid_inputs"),
        ({"limit": 5001}, "invalid_inputs"),
        ({"limit": 1001}, "invalid_request"),
        ({"start_cursor": "???"}, "invalid_cursor"),
        ({"start_cursor": "e30"}, "invalid_cursor"),
        ({"sort_order": "up"}, "invalid_inputs"),
        ({"subscription_status": "past_due"}, "invalid_inputs"),
        ({"created_at_range": {"start": 2, "end": 1}}, "invalid_inputs"),
        ({"plans": [{"id": ""}]}, "invalid_inputs"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(call: Call, body: dict[str, Any], code: str) -> None:
    answered = call("customers.list", body)

    assert (answered.status, answered.body["code"]) == (400, code)
