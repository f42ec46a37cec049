"""What holds for every address of the dashboard, also for those that are yet to come."""

import json
import re
from functools import partial
from http.client import INTERNAL_SERVER_ERROR
from urllib.parse import quote, urlencode

import pytest

from dashboard.routers import ROUTERS
from orchard.domain.users import Role
from orchard.store.table import Table
from tests.api.test_rewards import a_reward
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_approvals import asked
from tests.dashboard.test_granting import sources
from tests.pretended_stripe import Stripe
from tests.streams import recording

#: Where people are who are not signed in; and what everybody may change: what is their own.
OPEN = {"/dashboard/sign-in", "/dashboard/sign-out", "/dashboard/invitation"}
OWN = {"/dashboard/environment", "/dashboard/account/password", "/dashboard/account/sign-out"}
ASSET = "/dashboard/assets/<digest>/<name>"
#: What stands for the parts of an address that differ, where something is there.
THERE = {"customer_id": "user_1", "feature_id": "messages", "plan": "pro", "deed": "role"}
FIELDS = (
    *("step", "key", "name", "amount", "way", "plan", "q", "tab", "cursor", "from", "to", "at"),
    *("feature", "entity", "range", "by", "version", "since", "change", "cols", "past", "of"),
    *("email", "role", "reason", "until", "ends_at", "seen", "source", "field", "price", "code"),
)
ODD = ("", "\x00", "../x", "<script>alert(1)</script>", "é%", "🍎" * 99, "-1", "1e99", "[]", "save")


def _rules(method: str) -> list[str]:
    return sorted(
        {
            rule
            for router in ROUTERS
            for rule, methods, *_ in router._routes  # noqa: SLF001 - it has no other list of them
            if method in methods
        }
    )


#: Fewer times than this a page asks the table. A part of the export is a file, not a page.
MOST, EXPORTED = 5, {"/dashboard/export.csv", "/dashboard/export/parts"}
CUSTOMER = "/dashboard/customers/<customer_id>"
TABS = (
    "products",
    "features",
    "entities",
    "invoices",
    "events",
    "changes",
    "rewards",
    "details",
    "settings",
)
GETS, POSTS = _rules("GET"), _rules("POST")


def filled(rule: str, **values: str) -> str:
    """An address with what stands for the parts that differ."""
    return re.sub(r"<(\w+)>", lambda part: quote(values.get(part[1], "nothing"), safe=""), rule)


def contents(table: Table) -> str:
    """Everything in the table but sessions and users, which note when they were used."""
    found = table.client.scan(TableName=table.name)["Items"]
    kept = [item for item in found if not item["pk"]["S"].endswith(("#USERS", "#SESSIONS"))]
    kept = [item for item in kept if "SESSIONS" not in item["pk"]["S"]]
    return json.dumps(sorted(kept, key=lambda item: (item["pk"]["S"], item["sk"]["S"])))


@pytest.fixture
def _ada(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_RETENTION_DAYS", "30")
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 100))
    a_customer(call, name="Ada")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200


def test_nobody_gets_past_the_sign_in(browser: Browser) -> None:
    assert len(GETS) > 30
    assert len(POSTS) > 20
    for rule in {*GETS, *POSTS} - OPEN - {ASSET}:
        address = filled(rule, **THERE)
        page = browser.get(address) if rule in GETS else browser.post(address, {"step": "save"})
        assert (page.status, page.headers["location"][:18]) == (303, "/dashboard/sign-in"), rule


@pytest.mark.usefixtures("_ada")
def test_forms_of_other_sites_are_refused_everywhere(table: Table, signed: Sign) -> None:
    owner, before = signed(Role.OWNER), contents(table)
    for rule in POSTS:
        fields = {"step": "save", "key": "k"}
        page = owner.post(filled(rule, **THERE), fields, origin="https://evil.example")
        assert page.status == 403, rule
    assert contents(table) == before


@pytest.mark.usefixtures("_ada")
def test_who_may_only_look_changes_nothing_anywhere(table: Table, signed: Sign) -> None:
    viewer, before = signed(Role.VIEWER), contents(table)
    for rule in set(POSTS) - OPEN - OWN:
        page = viewer.post(filled(rule, **THERE), {"step": "save", "key": "k", "name": "x"})
        assert page.status in (403, 404), (rule, page.status)
        assert "does not permit" in page.text or page.status == 404, rule
    assert contents(table) == before


@pytest.mark.usefixtures("_ada", "stripe")
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_nothing_odd_in_an_address_or_a_form_breaks_a_page(signed: Sign, odd: str) -> None:
    owner, broken = signed(Role.OWNER), []
    asked = dict.fromkeys(FIELDS, odd)
    for rule in set(GETS) - {ASSET}:
        for parts in (THERE, dict.fromkeys(re.findall(r"<(\w+)>", rule), odd or "x")):
            address = f"{filled(rule, **parts)}?{urlencode(asked)}"
            if is_broken(owner.get(address)):
                broken.append(address)
    # Whoever changed an own password, or signed out, would see no further page.
    for rule in set(POSTS) - OPEN - OWN:
        address = filled(rule, **THERE)
        sent = (owner.post(address, asked | {"step": step}) for step in ("preview", "save"))
        broken += [f"POST {address}" for page in sent if is_broken(page)]
    assert broken == []


def is_broken(page: Page) -> bool:
    return page.status == INTERNAL_SERVER_ERROR or "<script>alert(1)" in page.text


@pytest.fixture
def places(call: Call, stripe: Stripe, clock: Clock, table: Table, signed: Sign) -> dict[str, str]:
    """Something for each address to be about: a paying customer, its change, coupon and grant."""
    shop = Shop(call, stripe, clock)
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 100), price={"amount": 20, "interval": "month"})
    a_reward(call)
    shop.customer()
    shop.attach("pro")
    shop.done("coupons.add", customer_id="user_1", coupon_id="spring20")
    at_its_end = {"plan_id": "pro", "cancel_action": "cancel_end_of_cycle"}
    shop.done("billing.update", customer_id="user_1", **at_its_end)
    a_grant(call, 40)
    messages = {"customer_id": "user_1", "feature_id": "messages"}
    change = shop.done("balances.update", **messages, add_to_balance=50)["change_id"]
    recording.catch_up(table)
    request = asked(signed(Role.SUPPORT))
    people = signed(Role.ADMIN).get("/dashboard/users").text
    user = re.search(r"/dashboard/users/(usr_\w+)", people)
    assert user
    return THERE | {
        "change_id": change,
        "coupon_id": "spring20",
        "source_id": sources(call)[-1]["id"],
        "approval_id": request.rpartition("/")[2],
        "user_id": user[1],
    }


def test_every_page_asks_the_table_fewer_than_five_times(
    table: Table, signed: Sign, places: dict[str, str]
) -> None:
    owner, rules = signed(Role.OWNER), set(GETS) - {ASSET} - EXPORTED
    addresses = [filled(rule, **places) for rule in rules]
    addresses += [f"{filled(CUSTOMER, **places)}?tab={tab}" for tab in TABS]
    # What an address names has to be there, or it would cost nothing to say that it is not.
    first = {one: owner.get(one).status for one in addresses}
    times = {one: len(cost_of(table, partial(owner.get, one)).verbs) for one in addresses}

    assert {one: told for one, told in first.items() if told >= 400} == {
        "/dashboard/invitation": 404
    }
    assert {one: count for one, count in times.items() if count >= MOST} == {}
