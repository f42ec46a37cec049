"""The page of a feature: what a customer has of it now, and what became of that, as a graph."""

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from orchard.domain.users import Role
from orchard.store import charted
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words
from tests.streams import recording

ADDRESS = "/dashboard/customers/user_1/features/messages"

type Look = Callable[..., Page]


@pytest.fixture
def viewer(signed: Sign) -> Browser:
    return signed(Role.VIEWER)


@pytest.fixture
def look(viewer: Browser) -> Look:
    """`look(range="7d")` is the page."""

    def read(status: int = 200, **query: str) -> Page:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        page = viewer.get(f"{ADDRESS}?{asked}".rstrip("?"))
        assert page.status == status
        return page

    return read


@pytest.fixture
def _ada(call: Call, clock: Clock, table: Table) -> None:
    """Forty days of somebody who uses messages, with a reset, an edit and a grant."""
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 1000))
    a_customer(call, name="Ada")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200
    whose = {"customer_id": "user_1", "feature_id": "messages"}
    for number in range(20):
        clock.advance(days=2)
        assert call("balances.track", {**whose, "value": 10 + number}).status == 200
        if number == 10:
            edit = {**whose, "add_to_balance": 300, "reason": "Outage <b>", "reference": "T-7"}
            assert call("balances.update", edit).status == 200
    a_grant(call, 50)
    recording.catch_up(table)


def rows(page: Page) -> list[list[str]]:
    """The numbers below the graph: from when, used, left and limit, the newest first."""
    found = re.findall(r"<tr data-at.*?</tr>", page.text, re.DOTALL)
    return [re.findall(r">([^<>]+)</t", row) for row in found]


def curls(page: Page) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'data-copy="(curl[^"]+)"', page.text)]


def body(curl: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(curl.rpartition("-d '")[2].removesuffix("'"))
    return found


@pytest.mark.usefixtures("_ada")
def test_numbers_are_those_of_history_with_what_was_used(call: Call, look: Look) -> None:
    page = look()
    now, past = curls(page)
    told = call("balances.history", body(past)).body["list"]

    assert "v1/customers.get" in now
    assert "v1/balances.history" in past
    shown = rows(page)
    assert [left for _, _, left, _ in shown] == [f"{one['remaining']:,}" for one in told[::-1]]
    assert shown[0] == ["11 Oct 2026, 00:00 UTC", "29", "891", "1,050"]
    assert shown[10] == ["01 Oct 2026, 00:00 UTC", "24", "976", "1,000"]
    assert shown[18] == ["23 Sep 2026, 00:00 UTC", "20", "1,135", "1,000"]
    assert len(shown) == 31
    text = words(page)
    assert "Customers Ada Messages" in text
    assert "Used 159 Limit 1,050 Left 891 Next reset 01 Nov 2026, 00:00 UTC" in text
    assert "159 used, 841 left of 1,000 included" in text
    assert "344 used, 3 changes." in text


@pytest.mark.usefixtures("_ada")
def test_marks_say_who_what_and_why_and_lead_to_the_change(look: Look, viewer: Browser) -> None:
    page = look()
    text = words(page)

    assert "Edit in the list of changes 23 Sep 2026, 00:00 UTC by API key tests" in text
    assert "Left 835 → 1,135, used 165 → -135 Outage <b> T-7" in text
    assert "Reset in the list of changes 01 Oct 2026, 00:00 UTC Left 1,069 → 1,000" in text
    assert "Grant in the list of changes 11 Oct 2026, 00:00 UTC by API key tests" in text
    assert re.findall(r'data-line="(\w+)"', page.text) == ["grant", "reset", "edit"]
    links = re.findall(r'href="([^"]+;change=[^"]+)"', page.text)
    assert len(links) == 3
    assert viewer.get(html.unescape(links[2])).status == 200


@pytest.mark.usefixtures("_ada")
def test_the_address_says_the_time_and_the_length_of_a_bar(look: Look) -> None:
    cases = [
        ({"range": "24h"}, "hour", 25),
        ({"range": "7d"}, "day", 8),
        ({"range": "7d", "by": "hour"}, "hour", 169),
        ({"range": "30d", "by": "hour"}, "day", 31),
        ({"range": "90d", "by": "month"}, "month", 4),
        ({"range": "period"}, "day", 11),
        ({"range": "custom", "from": "2026-09-05", "to": "2026-09-09"}, "day", 5),
        ({"range": "custom", "from": "2026-10-11"}, "hour", 1),
        ({"range": "never", "by": "second"}, "day", 31),
    ]
    for asked, size, count in cases:
        page = look(**asked)
        told = (len(rows(page)), body(curls(page)[1])["bin_size"])

        assert told == (count, size), asked
        assert f'data-size="{size}"' in page.text


@pytest.mark.usefixtures("_ada")
def test_a_time_that_cannot_be_drawn_is_explained_with_a_way_on(look: Look) -> None:
    cases = [
        {"from": "soon"},
        {"from": "2026-10-12"},
        {"from": "2026-10-09", "to": "2026-10-08"},
        {"from": "2020-01-01"},
    ]
    for asked in cases:
        page = look(400, range="custom", **asked)

        assert "This could not be shown" in page.text
        assert f'href="{ADDRESS}">30 days' in page.text
        assert f'value="{asked["from"]}"' in page.text
        # What there is now is shown all the same.
        assert "Used 159" in words(page)


@pytest.mark.usefixtures("_ada")
def test_an_entity_has_a_graph_of_its_own(
    call: Call, clock: Clock, table: Table, look: Look
) -> None:
    a_feature(call, "seats", consumable=False)
    entity = {"customer_id": "user_1", "entity_id": "team", "feature_id": "seats"}
    assert call("entities.create", {**entity, "name": "The team"}).status == 200
    grant = {"customer_id": "user_1", "entity_id": "team", "feature_id": "messages"}
    assert call("balances.create", {**grant, "included_grant": 40}).status == 200
    call("balances.track", {**grant, "value": 8})
    clock.advance(seconds=5)
    recording.catch_up(table)

    page = look(entity="team", range="24h")

    assert '<option value="team" selected>The team</option>' in page.text
    assert "Used 167 Limit 1,090 Left 923" in words(page)
    # What it shares with its customer counts for both.
    assert rows(page)[0][1] == "37"
    assert [body(curl)["entity_id"] for curl in curls(page)] == ["team", "team"]
    assert f'href="{ADDRESS}?entity=team&amp;range=7d"' in page.text
    assert look(404, entity="nobody").status == 404


def test_unlimited_features_have_no_limit_and_never_reset(
    call: Call, table: Table, look: Look
) -> None:
    a_feature(call)
    a_customer(call)
    whose = {"customer_id": "user_1", "feature_id": "messages"}
    assert call("balances.create", {**whose, "unlimited": True}).status == 200
    call("balances.track", {**whose, "value": 12})
    recording.catch_up(table)

    page = look(range="period")

    assert "Used 12 Limit Unlimited Next reset Never" in words(page)
    assert rows(page)[0][1:] == ["12", "Unlimited", "Unlimited"]
    assert "data-limit" not in page.text
    assert "This period" not in page.text


def test_credits_are_used_by_what_they_pay_for(call: Call, viewer: Browser, table: Table) -> None:
    a_feature(call)
    schema = [{"metered_feature_id": "messages", "credit_cost": 2}]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_customer(call)
    a_grant(call, 100, feature_id="credits")
    call("balances.track", {"customer_id": "user_1", "feature_id": "messages", "value": 7})
    recording.catch_up(table)

    page = viewer.get(ADDRESS.replace("messages", "credits"))

    assert rows(page)[0][1:] == ["14", "86", "100"]


@pytest.mark.usefixtures("_ada")
def test_a_time_without_usage_says_so(look: Look) -> None:
    before = look(range="custom", **{"from": "2026-08-01", "to": "2026-08-20"})

    assert "No usage in this time There was no balance" in words(before)
    assert "<canvas" not in before.text


def test_a_feature_without_a_balance_says_so_and_an_unknown_one_is_not_found(
    call: Call, look: Look, viewer: Browser
) -> None:
    a_feature(call)
    a_customer(call)

    assert "No balance now" in words(look())
    assert viewer.get(ADDRESS.replace("messages", "other")).status == 404
    assert viewer.get(ADDRESS.replace("user_1", "nobody")).status == 404
    assert viewer.get(ADDRESS.replace("user_1", "no%20body")).status == 404


@pytest.mark.usefixtures("_ada")
def test_the_page_costs_fewer_than_five_requests_and_only_it_loads_the_charts(
    clock: Clock, table: Table, look: Look, viewer: Browser
) -> None:
    look()
    pages: list[Page] = []

    warm = cost_of(table, lambda: pages.append(viewer.get(f"{ADDRESS}?range=90d"))).verbs
    clock.advance(seconds=40)
    cold = cost_of(table, lambda: pages.append(viewer.get(ADDRESS))).verbs

    assert warm == ("BatchGetItem", "Query", "Query", "Query")
    # And the catalogue, which is read every half minute.
    assert len(cold) == 5
    list_ = viewer.get("/dashboard/customers/user_1?tab=features").text
    assert f'href="{ADDRESS}"' in list_
    for name in ("chart.umd.min.js", "chartjs-plugin-annotation.min.js", "graph.js"):
        assert name in pages[0].text
        assert name not in list_
    assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=", pages[0].text)


@pytest.mark.usefixtures("_ada")
def test_a_balance_that_was_written_very_often_is_known_from_some_time_on(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One request brings 2,000 of them; here it brings two.
    whole = rows(look())
    monkeypatch.setattr(charted, "_MOST_LINES", 2)

    page = look()

    assert "This balance was written very often: what follows is known from" in words(page)
    assert rows(page)[:5] == whole[:5]
    assert rows(page)[-1][1:] == ["\N{EN DASH}"] * 3


@pytest.mark.usefixtures("_ada")
def test_only_who_may_grant_is_led_to_edit_the_balance(look: Look, signed: Sign) -> None:
    assert "Edit balance" not in look().text
    assert f'href="{ADDRESS}/edit?from=graph"' in signed(Role.OWNER).get(ADDRESS).text
