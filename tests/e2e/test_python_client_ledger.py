"""What happened to a customer, and taking it back: told with the official Python client.

What the client has no method for is asked without it.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.vocabulary import DAY, Organization, eventually, refused

pytestmark = pytest.mark.e2e

HOUR = 3_600_000


@pytest.fixture(scope="module")
def studio(stack: Stack) -> Organization:
    studio = Organization.on(stack, "python-ledger")
    studio.offer_workspaces()
    return studio


@pytest.fixture(scope="module")
def autumn(studio: Organization) -> Iterator[Any]:
    with studio.client() as client:
        yield client


def subscribe(autumn: Any, customer_id: str) -> dict[str, str]:
    """Give a new customer the studio plan; return how calls name the customer."""
    whose = {"customer_id": customer_id}
    autumn.customers.get_or_create(**whose)
    autumn.billing.attach(**whose, plan_id="studio")
    return whose


def now() -> int:
    return int(time.time() * 1000)


def changes(studio: Organization, **wanted: Any) -> list[Any]:
    return list(studio.get_done("changes.list", **wanted)["list"])


def test_usage_is_summed_by_day_and_by_what_events_say(autumn: Any) -> None:
    ada = subscribe(autumn, "ada")
    today = now() - now() % DAY
    used = [(0, 3, "small"), (1, 4, "large"), (1, 5, "small"), (2, 1, "tiny")]
    for days, value, model in used:
        autumn.track(
            **ada,
            feature_id="drafts",
            value=value,
            timestamp=min(today - days * DAY + HOUR, now() - 1),
            properties={"model": model},
        )
    asked = {**ada, "feature_id": "drafts", "range": "7d"}

    summed = eventually(
        lambda: autumn.events.aggregate(**asked), lambda seen: seen.total["drafts"].count == 4
    )
    grouped = autumn.events.aggregate(**asked, group_by="properties.model", max_groups=2)

    assert summed.total["drafts"].sum == 13
    by_day = {one.period: one.values["drafts"] for one in summed.list}
    assert len(by_day) == 8
    assert [by_day[today - number * DAY] for number in (0, 1, 2, 3)] == [3, 9, 1, 0]
    groups: dict[str, float] = {}
    for one in grouped.list:
        for name, value in one.grouped_values["drafts"].items():
            groups[name] = groups.get(name, 0) + value
    assert groups == {"small": 8, "large": 4, "Other": 1}


def test_what_a_use_took_from_each_balance_is_summed(autumn: Any) -> None:
    bob = subscribe(autumn, "bob")
    autumn.billing.attach(**bob, plan_id="boost")
    autumn.track(**bob, feature_id="summaries", value=70)

    seen = eventually(
        lambda: autumn.events.aggregate(
            **bob, feature_id="summaries", range="24h", aggregate_on="deducted"
        ),
        lambda seen: seen.total["summaries"].count == 1,
    )

    [owners] = [one.values for one in seen.deductions if one.values]
    assert {name: owner.deducted for name, owner in owners.items()} == {
        "summaries": 50,
        "credits": 10,
    }
    assert owners["credits"].feature_type == "credit_system"
    assert owners["credits"].balances[0].credit_cost == 0.5
    with refused(400, "invalid_request", "aggregate_on needs customer_id"):
        autumn.events.aggregate(feature_id="summaries", aggregate_on="deducted")


def test_everybodys_usage_is_listed_and_summed(autumn: Any) -> None:
    start = now() - 2
    for name in ("cleo", "dan", "eve"):
        autumn.track(**subscribe(autumn, name), feature_id="credits", value=2)
    between = {"start": start, "end": start + HOUR}

    summed = eventually(
        lambda: autumn.events.aggregate(
            feature_id="credits", custom_range=between, group_by="$customer_id"
        ),
        lambda seen: seen.total["credits"].count == 3,
    )
    pages, cursor = [], ""
    while cursor is not None:
        page = autumn.events.list(
            feature_id="credits", custom_range=between, limit=2, start_cursor=cursor
        )
        pages.append([one.customer_id for one in page.list])
        cursor = page.next_cursor

    assert summed.total["credits"].sum == 6
    [groups] = [one.grouped_values["credits"] for one in summed.list if one.values["credits"]]
    assert groups == {"cleo": 2, "dan": 2, "eve": 2}
    assert pages == [["eve", "dan"], ["cleo"]]


def test_an_edit_is_shown_before_explained_after_and_taken_back(
    autumn: Any, studio: Organization
) -> None:
    gus = subscribe(autumn, "gus")
    edit = {**gus, "feature_id": "credits", "add_to_balance": 50}

    preview = studio.get_done("balances.preview_update", **edit)
    why = {"x-orchard-reason": "Goodwill after the outage", "x-orchard-reference": "T-9"}
    autumn.balances.update(**edit, http_headers=why)
    autumn.track(**gus, feature_id="credits", value=120)
    [change] = eventually(
        lambda: changes(studio, **gus, action="balances.update"), lambda found: len(found) == 1
    )

    assert preview["after"]["balance"]["remaining"] == 150
    assert (change["reason"], change["reference"]) == ("Goodwill after the outage", "T-9")
    assert change["actor"] == {"type": "api_key", "name": "e2e"}
    [balance] = change["balances"]
    assert (balance["before"]["remaining"], balance["after"]["remaining"]) == (100, 150)
    assert autumn.check(**gus, feature_id="credits").balance.remaining == 30

    undone = studio.get_done("changes.undo", **gus, change_id=change["id"], reason="Twice")

    # What was used since stays used: 20 more than there is without the gift.
    assert autumn.check(**gus, feature_id="credits").balance.usage == 120
    again = studio.post("changes.undo", **gus, change_id=change["id"])
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")
    eventually(
        lambda: studio.post("changes.undo", **gus, change_id=undone["change_id"]).status_code,
        lambda status: status == 200,
    )
    assert autumn.check(**gus, feature_id="credits").balance.remaining == 30


def test_what_a_balance_was_and_why_it_blocks_is_told(autumn: Any, studio: Organization) -> None:
    hal = subscribe(autumn, "hal")
    autumn.track(**hal, feature_id="credits", value=30)
    time.sleep(0.05)
    then = now()
    time.sleep(0.05)
    autumn.track(**hal, feature_id="credits", value=60)
    whose = {**hal, "feature_id": "credits"}

    past = eventually(
        lambda: studio.get_done("balances.history", **whose, at=then),
        lambda seen: seen["usage"] == 30,
    )
    explained = studio.get_done("balances.explain", **whose, required_balance=11)
    denied = studio.get_done("balances.check", **whose, required_balance=11)
    later = studio.get_done("balances.explain", **hal, check_id=denied["check_id"])

    assert (past["granted"], past["remaining"]) == (100, 70)
    assert not explained["allowed"]
    assert explained["summary"]
    assert (later["allowed"], later["sources"]) == (False, explained["sources"])
    assert not autumn.check(**whose, required_balance=11).allowed


def test_what_is_given_for_a_while_is_listed_and_ends_early(
    autumn: Any, studio: Organization
) -> None:
    ivy = subscribe(autumn, "ivy")
    edit = {**ivy, "feature_id": "credits", "add_to_balance": 500}
    made = studio.get_done(
        "balances.update", **edit, ends_at=now() + DAY, reason="Until the launch"
    )

    [listed] = eventually(
        lambda: studio.get_done("overrides.list", **ivy)["list"], lambda found: len(found) == 1
    )
    before = autumn.check(**ivy, feature_id="credits").balance.remaining
    eventually(
        lambda: studio.post("changes.undo", **ivy, change_id=made["change_id"]).status_code,
        lambda status: status == 200,
    )

    assert (listed["amount"], listed["feature_id"]) == (500, "credits")
    assert (before, autumn.check(**ivy, feature_id="credits").balance.remaining) == (600, 100)
    eventually(lambda: studio.get_done("overrides.list", **ivy)["list"], lambda found: not found)


def test_what_the_ledger_cannot_read_waits_for_a_replay(stack: Stack) -> None:
    table = {"TableName": stack.physical_id("Table")}
    key = {"pk": {"S": "python-ledger/sandbox#CUSTOMER#ghost"}, "sk": {"S": "0#BALANCE#credits"}}
    database = stack.client("dynamodb")
    database.put_item(**table, Item={**key, "internal_id": {"S": "cus_ghost"}})
    today = datetime.now(UTC).date().isoformat()

    told = eventually(
        lambda: stack.invoke("ReplayParked", {"day": today}), lambda seen: seen["failed"] == 1
    )

    assert [one["item"][1] for one in told["failures"]] == ["0#BALANCE#credits"]
    database.delete_item(**table, Key=key)
