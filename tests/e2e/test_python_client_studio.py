"""Workspaces, credits, limits and locks, told with the official Python client."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.vocabulary import Organization, eventually, refused

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def autumn(stack: Stack) -> Iterator[Any]:
    """Return a client of a studio: workspaces that write drafts and summaries with credits."""
    studio = Organization.on(stack, "python-studio")
    studio.offer_workspaces()
    with studio.client() as client:
        yield client


def subscribe(autumn: Any, customer_id: str, *workspaces: str) -> dict[str, str]:
    """Give a new customer the studio plan and workspaces; return how calls name the customer."""
    whose = {"customer_id": customer_id}
    autumn.customers.get_or_create(**whose)
    autumn.billing.attach(**whose, plan_id="studio")
    for entity_id in workspaces:
        autumn.entities.create(**whose, entity_id=entity_id, feature_id="workspaces")
    return whose


def left(autumn: Any, feature_id: str, **whose: str) -> float:
    return float(autumn.check(**whose, feature_id=feature_id).balance.remaining)


def test_a_use_is_paid_from_its_own_balance_and_then_in_credits(autumn: Any) -> None:
    ada = subscribe(autumn, "ada")
    autumn.billing.attach(**ada, plan_id="boost")

    tracked = autumn.track(**ada, feature_id="summaries", value=70)

    assert [(one.feature_id, one.value) for one in tracked.deductions] == [
        ("summaries", 50),
        ("credits", 10),
    ]
    assert {name: one.remaining for name, one in tracked.balances.items()} == {
        "summaries": 0,
        "credits": 90,
    }
    # A draft costs four credits.
    asked = {**ada, "feature_id": "drafts"}
    assert autumn.check(**asked, required_balance=22.5).allowed
    assert not autumn.check(**asked, required_balance=22.6).allowed
    used = autumn.check(**asked, required_balance=20, send_event=True)
    assert used.balances["credits"].remaining == 10


def test_a_workspace_uses_its_own_first_and_leaves_that_of_the_others_alone(autumn: Any) -> None:
    bob = subscribe(autumn, "bob", "sales", "support")
    sales, support = ({**bob, "entity_id": one} for one in ("sales", "support"))

    made = autumn.entities.create(
        **bob, entity_id="research", feature_id="workspaces", name="Research"
    )
    tracked = autumn.track(**sales, feature_id="drafts", value=12)

    assert (made.name, made.customer_id, made.feature_id) == ("Research", "bob", "workspaces")
    assert (made.balances["drafts"].granted, made.balances["credits"].remaining) == (10, 100)
    assert [(one.feature_id, one.value) for one in tracked.deductions] == [
        ("drafts", 10),
        ("credits", 8),
    ]
    # A check shows what the next use would be taken from.
    next_source = autumn.check(**sales, feature_id="drafts").balance
    assert (next_source.feature_id, next_source.remaining) == ("credits", 92)
    assert left(autumn, "drafts", **support) == 10
    found = autumn.customers.get(**bob, expand=["entities"])
    assert sorted(one.id for one in found.entities) == ["research", "sales", "support"]
    drafts, workspaces = found.balances["drafts"], found.balances["workspaces"]
    assert (drafts.granted, drafts.remaining, drafts.usage) == (30, 20, 10)
    assert (workspaces.granted, workspaces.remaining, workspaces.usage) == (3, 0, 3)
    listed = autumn.balances.list(**bob, feature_id="drafts").list
    assert {one.entity_id: one.remaining for one in listed} == {
        "sales": 0,
        "support": 10,
        "research": 10,
    }


def test_a_plan_of_one_workspace_is_not_seen_by_another(autumn: Any) -> None:
    cleo = subscribe(autumn, "cleo", "sales", "support")

    autumn.billing.attach(**cleo, entity_id="sales", plan_id="boost")

    sales = autumn.entities.get(**cleo, entity_id="sales")
    support = autumn.entities.get(**cleo, entity_id="support")
    assert sorted((one.plan_id, one.scope) for one in sales.subscriptions) == [
        ("boost", "entity"),
        ("studio", "customer"),
    ]
    assert sales.balances["summaries"].remaining == 50
    assert [one.plan_id for one in support.subscriptions] == ["studio"]
    assert "summaries" not in support.balances
    with_boost = autumn.entities.list(**cleo, plans=[{"id": "boost"}]).list
    assert [one.id for one in with_boost] == ["sales"]


def test_a_deleted_workspace_makes_room_for_the_next(autumn: Any) -> None:
    dan = subscribe(autumn, "dan", "sales", "support")
    autumn.track(**dan, entity_id="sales", feature_id="drafts", value=9)
    assert left(autumn, "workspaces", **dan) == 1

    assert autumn.entities.delete(**dan, entity_id="sales").success

    assert left(autumn, "workspaces", **dan) == 2
    assert [one.id for one in autumn.entities.list(**dan).list] == ["support"]
    with refused(404, "entity_not_found", "Entity sales not found"):
        autumn.entities.get(**dan, entity_id="sales")
    again = autumn.entities.create(**dan, entity_id="sales", feature_id="workspaces")
    assert again.balances["drafts"].remaining == 10


def test_limits_hold_back_what_would_be_left(autumn: Any) -> None:
    eve = subscribe(autumn, "eve", "sales")
    limit = {"feature_id": "summaries", "limit": 20, "interval": "month"}
    asked = {**eve, "feature_id": "summaries"}

    autumn.customers.update(**eve, billing_controls={"usage_limits": [limit]})
    autumn.track(**asked, value=15)
    denied = autumn.check(**asked, required_balance=6, send_event=True)
    autumn.track(**asked, value=30)

    assert not denied.allowed
    # What goes beyond the limit is dropped: 20 summaries, 10 credits.
    assert left(autumn, "credits", **eve) == 90
    [shown] = autumn.customers.get(**eve).billing_controls.usage_limits
    assert (shown.limit, shown.usage, shown.source) == (20, 20, "customer")
    # A workspace with a limit of its own does not count for the customer's.
    sales = {**eve, "entity_id": "sales"}
    autumn.entities.update(**sales, billing_controls={"usage_limits": [{**limit, "limit": 4}]})
    autumn.track(**sales, feature_id="summaries", value=10)
    [shown] = autumn.entities.get(**sales).billing_controls.usage_limits
    assert (shown.limit, shown.usage) == (4, 4)
    assert left(autumn, "credits", **eve) == 88


def test_overage_goes_as_far_as_the_spend_limit(autumn: Any) -> None:
    fay = {"customer_id": "fay"}
    autumn.customers.get_or_create(
        **fay,
        billing_controls={
            "overage_allowed": [{"feature_id": "summaries", "enabled": True}],
            "spend_limits": [{"feature_id": "summaries", "enabled": True, "overage_limit": 5}],
        },
    )
    autumn.balances.create(**fay, feature_id="summaries", included_grant=10)

    allowed = [
        autumn.check(**fay, feature_id="summaries", required_balance=wanted).allowed
        for wanted in (15, 15.1)
    ]
    tracked = autumn.track(**fay, feature_id="summaries", value=40)

    assert allowed == [True, False]
    assert (tracked.balance.usage, tracked.balance.remaining) == (15, 0)
    assert not autumn.check(**fay, feature_id="summaries", required_balance=0.1).allowed


def test_a_lock_holds_units_until_it_is_finalized(autumn: Any) -> None:
    gus = subscribe(autumn, "gus", "sales")
    asked = {**gus, "entity_id": "sales", "feature_id": "drafts"}

    def lock(lock_id: str, wanted: float) -> Any:
        lock = {"lock_id": lock_id, "enabled": True}
        return autumn.check(**asked, required_balance=wanted, lock=lock)

    held = lock("gus-1", 20)
    too_much = lock("gus-2", 15.1)
    rest = lock("gus-3", 15)

    # Ten drafts of the workspace, and forty credits for the others.
    assert (held.allowed, held.balances["drafts"].remaining) == (True, 0)
    assert held.balances["credits"].remaining == 60
    assert (too_much.allowed, rest.allowed) == (False, True)
    assert left(autumn, "credits", **gus) == 0
    assert autumn.balances.finalize(lock_id="gus-3", action="release").success
    assert left(autumn, "credits", **gus) == 60
    assert autumn.balances.finalize(lock_id="gus-1", action="confirm", override_value=4).success
    sales = autumn.entities.get(**gus, entity_id="sales")
    assert (sales.balances["drafts"].remaining, sales.balances["credits"].remaining) == (6, 100)
    with refused(400, "invalid_request", "Lock not found for ID: gus-1"):
        autumn.balances.finalize(lock_id="gus-1", action="confirm")


def test_tokens_are_priced_and_taken_from_credits(autumn: Any) -> None:
    hal = subscribe(autumn, "hal")
    # Five and fifteen dollars for a million tokens.
    use = {**hal, "model_id": "custom/writer", "input_tokens": 10_000, "output_tokens": 5000}

    tracked = autumn.track_tokens(**use)

    assert (tracked.value, tracked.balance.feature_id) == (0.125, "ai_credits")
    assert (tracked.balance.granted, tracked.balance.remaining) == (10, 9.875)
    message = (
        "Model custom/poet needs both input_cost and output_cost "
        "in the model_markups of the AI credit system"
    )
    with refused(400, "invalid_request", message):
        autumn.track_tokens(**{**use, "model_id": "custom/poet"})


def test_use_that_may_wait_arrives_soon(autumn: Any) -> None:
    ida = subscribe(autumn, "ida", "sales")
    sales = {**ida, "entity_id": "sales"}

    queued = autumn.track(**sales, feature_id="drafts", value=2, async_=True)
    batch = autumn.batch_track(
        request=[
            {**sales, "feature_id": "drafts", "value": 9},
            {**ida, "feature_id": "summaries", "value": 3},
        ]
    )
    priced = autumn.track_tokens(
        **ida, model_id="custom/writer", input_tokens=200_000, output_tokens=0, async_=True
    )

    assert (queued.value, queued.balance, batch.success) == (2, None, True)
    assert (priced.value, priced.balance) == (1, None)
    # One draft beyond the ten of the workspace, and three summaries.
    eventually(lambda: left(autumn, "credits", **ida), lambda seen: seen == 94.5)
    assert autumn.entities.get(**sales).balances["drafts"].usage == 10
    eventually(lambda: left(autumn, "ai_credits", **ida), lambda seen: seen == 9)


def test_a_balance_is_taken_away_with_or_without_its_usage(autumn: Any) -> None:
    jon = {"customer_id": "jon", "feature_id": "summaries"}
    autumn.customers.get_or_create(customer_id="jon")
    for balance_id, amount in [("welcome", 10), ("promo", 20), ("sorry", 40)]:
        autumn.balances.create(**jon, balance_id=balance_id, included_grant=amount)
    autumn.track(**jon, value=15)
    assert left(autumn, **jon) == 55

    assert autumn.balances.delete(**jon, balance_id="welcome").success
    assert left(autumn, **jon) == 55
    # Five of the promotion are used, which the last one has to bear.
    autumn.balances.delete(**jon, balance_id="promo", recalculate_balances=True)

    [last] = autumn.balances.list(**jon).list
    assert (last.id, last.included_grant, last.usage, last.remaining) == ("sorry", 40, 5, 35)
    autumn.balances.delete(**jon)
    assert autumn.check(**jon).balance is None
