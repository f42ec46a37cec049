"""The tab of entities, the controls in words, and the customer as JSON."""

import html
import json
import re

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import ADDRESS, words

TAB = f"{ADDRESS}?tab=entities"


@pytest.fixture
def viewer(signed: Sign) -> Browser:
    return signed(Role.VIEWER)


@pytest.fixture(autouse=True)
def _ada(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", name="Seats", consumable=False)
    a_plan(call, "team", monthly("messages", 100), {"feature_id": "seats", "included": 100})
    a_plan(call, "extra", monthly("messages", 40), add_on=True)
    a_customer(call, name="Ada")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "team"}).status == 200


def seat(call: Call, entity_id: str, name: str) -> None:
    body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "seats", "name": name}
    assert call("entities.create", body).status == 200


def test_entities_are_listed_with_what_they_have_left(
    call: Call, clock: Clock, table: Table, viewer: Browser
) -> None:
    assert "Entities" not in words(viewer.get(ADDRESS))
    for number in range(26):
        clock.advance(seconds=1)
        seat(call, f"seat_{number}", f"<b>Seat</b> {number}")
    own = {"customer_id": "user_1", "entity_id": "seat_25", "plan_id": "extra"}
    assert call("billing.attach", own).status == 200
    used = {"customer_id": "user_1", "entity_id": "seat_25", "feature_id": "messages", "value": 30}
    assert call("balances.track", used).status == 200
    assert f'href="{TAB}">Entities</a>' in viewer.get(ADDRESS).text
    pages: list[Page] = []

    verbs = cost_of(table, lambda: pages.append(viewer.get(TAB))).verbs
    link = re.search(r'href="([^"]+)" rel="next"', pages[0].text)
    assert link is not None
    second = viewer.get(html.unescape(link[1]))

    assert len(verbs) < 5, verbs
    assert "<b>Seat" not in pages[0].text
    told = "<b>Seat</b> 25 seat_25 Seats Extra Messages 30 of 140 used, 110 left"
    assert told in words(pages[0])
    assert f'href="{ADDRESS}/features/messages?entity=seat_25"' in pages[0].text
    assert "seat_0" in words(second)
    assert "entities.list" in second.text
    assert "Seat</b> 3" in words(viewer.get(f"{TAB}&search=seat_3"))
    assert "No such entities" in words(viewer.get(f"{TAB}&search=desk"))


def test_controls_are_told_in_words(call: Call, viewer: Browser) -> None:
    of = {"feature_id": "messages"}
    windowed = {"interval": "month", "limit": 5}
    controls = {
        "spend_limits": [{**of, "enabled": True, "overage_limit": 500}],
        "usage_limits": [
            {**of, "limit": 1000, "interval": "day", "filter": {"properties": {"size": "big"}}}
        ],
        "usage_alerts": [
            {**of, "threshold": 80, "threshold_type": "usage_percentage", "name": "Soon"},
            {**of, "threshold": 5, "threshold_type": "remaining", "enabled": False},
        ],
        "overage_allowed": [{**of, "enabled": True}],
        "auto_topups": [
            {**of, "enabled": False, "threshold": 10, "quantity": 100, "purchase_limit": windowed}
        ],
    }
    body = {"customer_id": "user_1", "billing_controls": controls}
    assert call("customers.update", body).status == 200

    told = words(viewer.get(f"{ADDRESS}?tab=features"))

    assert "Spend limit Messages: at most 500 beyond the balance Set for this customer" in told
    assert "Messages: at most 1,000 each day, where size is big, 0 used so far" in told
    assert "Alert Messages: tells when use reaches 80 % (Soon)" in told
    assert "Alert Off Messages: tells when what is left falls to 5" in told
    assert "Messages may be used beyond its balance" in told
    assert "Automatic top-up Off Messages: buys 100 more when 10 are left, at most 5 times" in told


def test_the_customer_is_there_as_the_api_returns_it(call: Call, viewer: Browser) -> None:
    page = viewer.get(ADDRESS)

    shown = re.search(r'<pre[^>]* id="as-json"[^>]*>(.*?)</pre>', page.text, re.DOTALL)
    assert shown is not None
    names = ["balances.feature", "flags.feature", "subscriptions.plan", "purchases.plan"]
    asked = {"customer_id": "user_1", "with_autumn_id": True, "expand": [*names, "entities"]}
    assert json.loads(html.unescape(shown[1])) == call("customers.get", asked).body
    assert 'data-copy-from="#as-json"' in page.text
