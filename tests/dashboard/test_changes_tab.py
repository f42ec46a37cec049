"""The tab of changes: filters in the address, one change alone, and how far a look goes back."""

import html
import re
from urllib.parse import urlencode

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from orchard.usecases import changes
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import ADDRESS, words
from tests.dashboard.test_events_tab import link
from tests.streams import recording


@pytest.fixture
def viewer(signed: Sign) -> Browser:
    return signed(Role.VIEWER)


@pytest.fixture(autouse=True)
def _ada(call: Call, clock: Clock) -> None:
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 1000))
    a_customer(call, name="Ada")
    clock.advance(seconds=1)
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200


def edit(call: Call, remaining: float, **fields: object) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages", "remaining": remaining, **fields}
    assert call("balances.update", body).status == 200


def listed(viewer: Browser, **query: str) -> Page:
    return viewer.get(f"{ADDRESS}?{urlencode({'tab': 'changes'} | query)}")


def told(page: Page) -> list[str]:
    """What was done, change by change."""
    return [name.strip() for name in re.findall(r'data-label="What"><div>([^<]+)', page.text)]


def test_changes_are_narrowed_by_what_who_and_when(
    call: Call, clock: Clock, table: Table, signed: Sign
) -> None:
    clock.advance(days=10)
    edit(call, 1250)
    clock.advance(seconds=60)
    assert call("customers.update", {"customer_id": "user_1", "name": "Bob"}).status == 200
    recording.catch_up(table)
    viewer = signed(Role.VIEWER)
    first = ["Plan attached", "Customer created"]
    last = ["Customer edited", "Balance edited"]

    assert told(listed(viewer)) == [*last, *first]
    assert told(listed(viewer, what="balance")) == ["Balance edited"]
    assert told(listed(viewer, what="customer")) == ["Customer edited", "Customer created"]
    assert told(listed(viewer, what="plan")) == ["Plan attached"]
    assert told(listed(viewer, feature="messages", what="balance")) == ["Balance edited"]
    assert told(listed(viewer, who="api_key", name="tests")) == [*last, *first]
    assert "No such changes" in words(listed(viewer, who="stripe"))
    assert told(listed(viewer, since="24h")) == last
    assert told(listed(viewer, since="custom", to="2026-09-01")) == first


def test_entities_and_controls_are_told_in_words(call: Call, table: Table, viewer: Browser) -> None:
    a_feature(call, "seats", name="Seats", consumable=False)
    seat = {"customer_id": "user_1", "entity_id": "seat_1", "feature_id": "seats"}
    assert call("entities.create", {**seat, "name": "Desk"}).status == 200
    controls = {"overage_allowed": [{"feature_id": "messages", "enabled": True}]}
    body = {"customer_id": "user_1", "billing_controls": controls}
    assert call("customers.update", body).status == 200
    recording.catch_up(table)

    text = words(listed(viewer))

    assert "entity id none → seat_1 entity feature id none → Seats entity name none → Desk" in text
    assert "billing controls none → Messages may be used beyond its balance" in text


def test_one_change_has_an_address(call: Call, table: Table, viewer: Browser) -> None:
    edit(call, 1250, reason="An apology", reference="ticket-7")
    recording.catch_up(table)
    row = re.search(r'<tr id="(chg_\w+)">', listed(viewer, what="balance").text)
    assert row is not None
    address = f"{ADDRESS}?tab=changes&change={row[1]}"
    pages: list[Page] = []

    verbs = cost_of(table, lambda: pages.append(viewer.get(address))).verbs

    assert len(verbs) < 5, verbs
    assert told(pages[0]) == ["Balance edited"]
    assert "Messages: left 1,000 → 1,250" in words(pages[0])
    assert "An apology ticket-7" in words(pages[0])
    assert "<details open>" in pages[0].text
    assert f'href="{html.escape(address)}"' in listed(viewer).text
    assert viewer.get(f"{ADDRESS}?tab=changes&change=chg_unknown").status == 404


def test_rare_changes_are_looked_for_a_part_at_a_time(
    call: Call, clock: Clock, table: Table, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for remaining in range(30):
        clock.advance(seconds=1)
        edit(call, remaining)
    recording.catch_up(table)
    for name in ("_LOOKED_THROUGH", "_LINES_OF_A_PAGE"):
        monkeypatch.setattr(changes, name, 20)
    listed(viewer)
    pages: list[Page] = []

    verbs = cost_of(table, lambda: pages.append(listed(viewer, what="plan"))).verbs
    looked = [pages[0]]
    while 'rel="next"' in looked[-1].text:
        looked.append(viewer.get(link(looked[-1], "next")))

    assert len(verbs) < 5, verbs
    assert "No such changes so far" in words(pages[0])
    assert "Looked back to 01 Sep 2026, 00:00 UTC . Search further" in words(pages[0])
    assert [one for page in looked for one in told(page)] == ["Plan attached"]
    assert len(looked) > 1


def test_all_changes_are_found_page_by_page_though_each_has_several_lines(
    call: Call, clock: Clock, table: Table, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        clock.advance(seconds=1)
        edit(call, number)
    recording.catch_up(table)
    whole = told(listed(viewer))
    monkeypatch.setattr(changes, "_LINES_OF_A_PAGE", 1)
    monkeypatch.setattr("dashboard.customer.calls.PAGE", 3)

    looked = [listed(viewer)]
    while 'rel="next"' in looked[-1].text:
        looked.append(viewer.get(link(looked[-1], "next")))

    assert len(whole) == 14
    assert [one for page in looked for one in told(page)] == whole
