"""The tab of events: filters in the address, who paid, and how far a look goes back."""

import html
import re
from urllib.parse import urlencode

import pytest

from orchard.domain.users import Role
from orchard.store import ledger
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases import events
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import ADDRESS, words
from tests.streams import recording


@pytest.fixture
def viewer(signed: Sign) -> Browser:
    return signed(Role.VIEWER)


@pytest.fixture(autouse=True)
def _ada(call: Call) -> None:
    a_feature(call)
    a_feature(call, "chat", name="Live chat")
    a_plan(call, "pro", monthly("messages", 1000))
    a_customer(call, name="Ada")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200


def track(call: Call, value: float, feature_id: str = "messages", **fields: object) -> None:
    body = {"customer_id": "user_1", "feature_id": feature_id, "value": value, **fields}
    assert call("balances.track", body).status == 200


def values(page: Page) -> list[str]:
    """The values of the events on a page, as they are shown."""
    return re.findall(r'data-label="Value">([^<]+)', page.text)


def listed(viewer: Browser, **query: str) -> Page:
    return viewer.get(f"{ADDRESS}?{urlencode({'tab': 'events'} | query)}")


def link(page: Page, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


def test_events_are_narrowed_by_feature_time_and_property(
    call: Call, clock: Clock, table: Table, signed: Sign
) -> None:
    track(call, 1, properties={"region": "North"})
    clock.advance(days=10)
    track(call, 2, properties={"region": "south"})
    clock.advance(seconds=1)
    track(call, 3, "chat")
    clock.advance(seconds=7200)
    track(call, 4, properties={"region": "NORTH"})
    recording.catch_up(table)
    viewer = signed(Role.VIEWER)

    north = listed(viewer, feature="messages", property="region", value="north")

    assert values(listed(viewer)) == ["4", "3", "2", "1"]
    assert values(north) == ["4", "1"]
    assert values(listed(viewer, since="24h")) == ["4", "3", "2"]
    assert values(listed(viewer, since="30d", feature="chat")) == ["3"]
    assert values(listed(viewer, since="custom", to="2026-09-10")) == ["1"]
    assert values(listed(viewer, **{"from": "2026-09-11T01:00"})) == ["4"]
    assert 'name="property" value="region"' in north.text
    assert '"filter_by": {"region": "north"}' in html.unescape(north.text)
    assert f'href="{ADDRESS}?tab=events">Clear' in north.text
    assert "No such events" in words(listed(viewer, property="region", value="west"))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"from": "tomorrow"}, "From: tomorrow is no time"),
        ({"from": "2026-09-10", "to": "2026-09-09"}, "later than the time to look to"),
        ({"property": "not a key", "value": "x"}, "a property's key has"),
    ],
)
def test_what_cannot_be_asked_is_explained_and_stays_in_the_form(
    viewer: Browser, query: dict[str, str], told: str
) -> None:
    page = listed(viewer, **query)

    assert page.status == 400
    assert told in words(page)
    assert all(f'name="{name}" ' in page.text for name in query)


def test_each_event_says_which_plans_paid_and_how_it_came_in(
    call: Call, table: Table, viewer: Browser
) -> None:
    a_grant(call, 500)
    track(call, 1200, idempotency_key="order-7", properties={"model": "small"})
    recording.catch_up(table)

    text = words(listed(viewer))

    assert "1,000 from Pro 200 from a grant" in text
    assert "Idempotency key order-7" in text
    assert '"model": "small"' in text
    assert re.search(r"Id evt_\w+", text)


def test_lists_are_paged_forth_and_back(
    call: Call, clock: Clock, table: Table, viewer: Browser
) -> None:
    for number in range(60):
        clock.advance(seconds=1)
        track(call, number)
    recording.catch_up(table)

    first = listed(viewer, feature="messages")
    second = viewer.get(link(first, "next"))
    third = viewer.get(link(second, "next"))

    assert [len(values(page)) for page in (first, second, third)] == [25, 25, 10]
    assert 'rel="next"' not in third.text
    assert values(viewer.get(link(third, "prev"))) == values(second)
    assert values(viewer.get(link(second, "prev"))) == values(first)
    assert values(viewer.get(link(third, "first"))) == values(first)


def test_a_rare_feature_is_looked_for_a_part_at_a_time(
    call: Call, table: Table, session: Session, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(call, 7, "chat")
    track(call, 1)
    recording.catch_up(table)
    found = call("events.list", {"customer_id": "user_1", "feature_id": "messages"}).body["list"]
    internal_id = call("customers.get", {"customer_id": "user_1", "with_autumn_id": True}).body
    # Both were tracked in the same moment: either may be the newest.
    tracked = ledger.events(session, internal_id["autumn_id"], ledger.Selection())
    usual = next(one for one in tracked if one.feature_id == "messages")
    copies = (
        usual._replace(id=f"evt_{number:03}", timestamp=found[0]["timestamp"] + number)
        for number in range(2, 60)
    )
    table.put_many([ledger.event_item(session.tenant, one, 30) for one in copies])
    monkeypatch.setattr(events, "_PASSED_OVER", 20)
    listed(viewer)
    pages: list[Page] = []

    verbs = cost_of(table, lambda: pages.append(listed(viewer, feature="chat"))).verbs
    further = viewer.get(link(pages[0], "next"))

    assert len(verbs) < 5, verbs
    assert "No such events so far" in words(pages[0])
    assert "Looked back to 01 Sep 2026, 00:00 UTC . Search further" in words(pages[0])
    assert values(further) == ["7"]
    assert "Search further" not in further.text
    assert call("events.list", {"customer_id": "user_1", "feature_id": "chat"}).body["list"]


def test_a_search_goes_on_with_the_day_on_which_a_rare_feature_was_used_last(
    call: Call, table: Table, signed: Sign, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(call, 7, "chat")
    for number in range(12):
        clock.advance(days=1)
        track(call, number)
    recording.catch_up(table)
    clock.advance(seconds=3600)
    monkeypatch.setattr(events, "_PASSED_OVER", 2)
    viewer = signed(Role.VIEWER)
    first = listed(viewer, feature="chat")
    pages: list[Page] = []

    verbs = cost_of(table, lambda: pages.append(viewer.get(link(first, "next")))).verbs

    assert len(verbs) < 5, verbs
    assert values(pages[0]) == ["7"]
    assert "No such events so far" in words(first)
    never = listed(viewer, feature="sso")
    assert "No such events" in words(viewer.get(link(never, "next")))
    assert "Search further" not in words(viewer.get(link(never, "next")))
