"""Many writers of the catalogue at once, and customers who come while a plan changes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from tests.builders import a_feature, a_plan, monthly
from tests.conftest import Call
from tests.harness import Response

pytestmark = pytest.mark.concurrency

WRITERS = 8


def at_once(work: Iterable[Callable[[], Response]]) -> list[Response]:
    """Call all in as many threads, started together; again when told to wait."""
    jobs = list(work)
    barrier = Barrier(len(jobs))

    def run(ask: Callable[[], Response]) -> Response:
        barrier.wait()
        for _ in range(20):
            answered = ask()
            if answered.status != 503:
                return answered
        return answered

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def statuses(answers: Iterable[Response]) -> list[int]:
    return sorted(answered.status for answered in answers)


def versions(call: Call, plan_id: str = "free") -> list[dict[str, Any]]:
    plans = call("plans.list", {"all_versions": True}).body["list"]
    return [plan for plan in plans if plan["id"] == plan_id]


def test_of_many_features_or_plans_with_one_id_exactly_one_is_made(call: Call) -> None:
    feature = {"feature_id": "messages", "type": "metered", "consumable": True}
    plan = {"plan_id": "free"}

    features = at_once(
        partial(call, "features.create", {**feature, "name": f"{number}"})
        for number in range(WRITERS)
    )
    plans = at_once(
        partial(call, "plans.create", {**plan, "name": f"{number}"}) for number in range(WRITERS)
    )

    assert statuses(features) == [200, *[409] * (WRITERS - 1)]
    assert {one.body.get("code") for one in features} == {None, "duplicate_feature_id"}
    assert statuses(plans) == [200, *[400] * (WRITERS - 1)]
    assert {one.body.get("code") for one in plans} == {None, "product_already_exists"}
    winner = next(one.body for one in plans if one.status == 200)
    assert call("plans.get", plan).body == winner


def test_different_features_are_all_made(call: Call) -> None:
    body = {"name": "F", "type": "boolean"}

    made = at_once(
        partial(call, "features.create", {**body, "feature_id": f"f{number}"})
        for number in range(WRITERS)
    )

    assert statuses(made) == [200] * WRITERS
    assert len(call("features.list", {}).body["list"]) == WRITERS


def test_no_version_is_lost_when_many_are_made(call: Call) -> None:
    a_feature(call)
    a_plan(call)

    made = at_once(
        partial(
            call,
            "plans.update",
            {"plan_id": "free", "items": [monthly("messages", number)], "force_version": True},
        )
        for number in range(WRITERS)
    )

    assert sorted(one.body["version"] for one in made) == list(range(2, WRITERS + 2))
    stored = {one["version"]: one["items"][0]["included"] for one in versions(call)}
    assert stored == {1: 100} | {
        one.body["version"]: one.body["items"][0]["included"] for one in made
    }


def test_changes_of_different_fields_all_stay(call: Call) -> None:
    a_feature(call)
    a_plan(call)
    changes: list[dict[str, Any]] = [
        {"name": "Starter"},
        {"description": "For all"},
        {"group": "main"},
        {"metadata": {"a": 1}},
        {"add_on": True},
    ]

    made = at_once(partial(call, "plans.update", {"plan_id": "free", **one}) for one in changes)

    assert statuses(made) == [200] * len(changes)
    plan = call("plans.get", {"plan_id": "free"}).body
    for change in changes:
        assert plan.items() >= change.items()


def test_a_group_gets_one_default_plan_however_many_are_made_at_once(call: Call) -> None:
    a_feature(call)

    made = at_once(
        partial(
            call,
            "plans.create",
            {"plan_id": f"plan{number}", "name": "P", "auto_enable": True},
        )
        for number in range(WRITERS)
    )

    assert statuses(made) == [200, *[400] * (WRITERS - 1)]


def test_a_feature_is_not_removed_under_a_plan_that_is_being_made(call: Call) -> None:
    for number in range(5):
        feature_id = f"f{number}"
        a_feature(call, feature_id)
        body = {"plan_id": f"p{number}", "name": "P", "items": [monthly(feature_id, 1)]}

        removed, made = at_once(
            [
                partial(call, "features.delete", {"feature_id": feature_id}),
                partial(call, "plans.create", body),
            ]
        )

        assert (removed.status, made.status) in {(200, 404), (409, 200)}


def test_the_first_customers_mark_a_plan_without_getting_in_each_others_way(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", auto_enable=True)

    made = at_once(
        partial(call, "customers.get_or_create", {"customer_id": f"user_{number}"})
        for number in range(WRITERS)
    )

    assert statuses(made) == [200] * WRITERS
    assert {one.body["balances"]["messages"]["granted"] for one in made} == {100}
    assert call("plans.delete", {"plan_id": "free"}).status == 400


def test_the_first_customer_has_what_the_version_it_holds_gives(call: Call) -> None:
    """Whether the change or the customer comes first: what is held is what that version says."""
    a_feature(call)
    for number in range(8):
        plan_id, user = f"plan{number}", f"user_{number}"
        a_plan(call, plan_id, auto_enable=True, group=plan_id)

        changed, created = at_once(
            [
                partial(
                    call,
                    "plans.update",
                    {"plan_id": plan_id, "items": [monthly("messages", 200)]},
                ),
                partial(call, "customers.get_or_create", {"customer_id": user}),
            ]
        )

        assert (changed.status, created.status) == (200, 200)
        assert granted(call, user, plan_id) == promised(call, user, plan_id)


def granted(call: Call, customer_id: str, plan_id: str) -> list[float]:
    """What the customer got through the plan."""
    customer = call("customers.get", {"customer_id": customer_id}).body
    rows = customer["balances"]["messages"]["breakdown"]
    return [row["included_grant"] for row in rows if row["plan_id"] == plan_id]


def promised(call: Call, customer_id: str, plan_id: str) -> list[float]:
    """What the version that the customer holds gives."""
    body = {"customer_id": customer_id, "expand": ["subscriptions.plan"]}
    customer = call("customers.get", body).body
    held = (one for one in customer["subscriptions"] if one["plan_id"] == plan_id)
    return [item["included"] for one in held for item in one["plan"]["items"]]


def test_a_plan_is_deleted_or_attached_but_not_both(call: Call) -> None:
    a_feature(call)
    for number in range(6):
        plan_id, user = f"plan{number}", f"user_{number}"
        a_plan(call, plan_id)
        call("customers.get_or_create", {"customer_id": user})

        deleted, attached = at_once(
            [
                partial(call, "plans.delete", {"plan_id": plan_id}),
                partial(call, "billing.attach", {"customer_id": user, "plan_id": plan_id}),
            ]
        )

        assert (deleted.status, attached.status) in {(200, 404), (400, 200)}
