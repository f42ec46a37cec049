"""The page of a customer, read: what is held, used, billed, tracked and changed."""

import html
import re
from collections.abc import Callable

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import START, Call, Clock
from tests.dashboard.browser import Page
from tests.dashboard.conftest import Sign
from tests.pretended_stripe import Stripe
from tests.streams import recording

TABS = ["products", "features", "invoices", "events", "changes"]
ADDRESS = "/dashboard/customers/user_1"
DAY = 86_400_000

type Look = Callable[..., str]


def words(page: Page) -> str:
    """What is to be read on a page, without its marks."""
    text = re.sub(r"<(script|style|head).*?</\1>", " ", page.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.fixture
def look(signed: Sign) -> Look:
    """`look("features")` is what somebody reads on this tab of user_1's page."""
    viewer = signed(Role.VIEWER)

    def read(tab: str = "", **query: str) -> str:
        asked = "&".join(f"{name}={value}" for name, value in ({"tab": tab} | query).items())
        page = viewer.get(f"{ADDRESS}?{asked}")
        assert page.status == 200
        return words(page)

    return read


@pytest.fixture
def _ada(call: Call) -> None:
    a_feature(call)
    a_feature(call, "sso", name="Single sign-on", type="boolean")
    a_plan(call, "pro", monthly("messages", 1000), {"feature_id": "sso"})
    a_customer(call, name="Ada", email="ada@example.com")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200


def test_the_head_names_the_customer_with_ids_to_copy(call: Call, signed: Sign) -> None:
    a_customer(call, name="Ada", email="ada@example.com")
    viewer = signed(Role.VIEWER)
    page = viewer.get(ADDRESS)

    assert "<title>Ada · Products · Orchard</title>" in page.text
    assert 'data-copy="user_1"' in page.text
    assert re.search(r'data-copy="cus_\w{20,}"', page.text)
    assert 'datetime="2026-09-01T00:00:00Z"' in page.text
    assert "Open in Stripe" not in page.text
    assert 'href="/dashboard/customers/user_1">Ada</a>' in viewer.get("/dashboard/customers").text


def test_products_say_what_they_cost_and_when_they_began_and_end(
    call: Call, stripe: Stripe, clock: Clock, look: Look
) -> None:
    shop = Shop(call, stripe, clock)
    a_feature(call, "seats", consumable=False)
    seats = {"amount": 10, "interval": "month", "billing_method": "prepaid", "billing_units": 1}
    price = {"amount": 1200, "interval": "month"}
    a_plan(call, "pro", {"feature_id": "seats", "included": 0, "price": seats}, price=price)
    week = {"duration_type": "day", "duration_length": 7, "card_required": False}
    a_plan(call, "extra", {"feature_id": "seats", "included": 2}, add_on=True, free_trial=week)
    shop.customer()
    shop.attach("pro", feature_quantities=[{"feature_id": "seats", "quantity": 5}])
    shop.attach("extra")
    first = look()
    at_its_end = {"plan_id": "pro", "cancel_action": "cancel_end_of_cycle"}
    shop.done("billing.update", customer_id="user_1", **at_its_end)
    ending = look("products")

    assert "Pro version 1 Seats: 5 prepaid" in first
    assert "$1,200 per month" in first
    assert "Active" in first
    assert "Extra version 1 Add-on" in first
    assert "Trial ends 08 Sep 2026, 00:00 UTC" in first
    assert "01 Sep 2026, 00:00 UTC to 01 Oct 2026, 00:00 UTC" in first
    assert "Cancelling" in ending
    assert "Cancels on 01 Oct 2026, 00:00 UTC" in ending

    bills = look("invoices")
    assert re.search(r"Pro \S+ in_", bills)
    assert "Paid" in bills
    assert "1,250.00 USD" in bills


def test_invoices_lead_to_addresses_that_last_and_the_head_to_stripe(
    call: Call, stripe: Stripe, clock: Clock, signed: Sign
) -> None:
    shop = Shop(call, stripe, clock)
    a_feature(call)
    a_plan(call, "pro", price={"amount": 20, "interval": "month"})
    stripe_id = shop.customer()
    shop.attach("pro")
    imported = {"customer_id": "user_1", "stripe_id": "in_old", "status": "void", "total": 1000}
    imported |= {"currency": "jpy", "created_at": START - DAY}
    assert call("invoices.insert", {"invoices": [imported]}).status == 200

    page = signed(Role.VIEWER).get(f"{ADDRESS}?tab=invoices")

    for kind in ("hosted_invoice_url", "pdf"):
        assert re.search(rf'href="https://api.example.com/invoices/{kind}/inv_\w+"', page.text)
    assert f'href="https://dashboard.stripe.com/test/customers/{stripe_id}"' in page.text
    assert "1,000 JPY" in words(page)
    assert "Void" in words(page)


@pytest.mark.usefixtures("_ada")
def test_features_show_use_limits_resets_and_where_they_come_from(
    call: Call, clock: Clock, look: Look, signed: Sign
) -> None:
    a_grant(call, 500.5, expires_at=clock.now + 3 * DAY)
    a_feature(call, "chat")
    unlimited = {"customer_id": "user_1", "feature_id": "chat", "unlimited": True}
    assert call("balances.create", unlimited).status == 200
    body = {"customer_id": "user_1", "feature_id": "messages", "value": 1200}
    assert call("balances.track", body).status == 200

    text, page = look("features"), signed(Role.OWNER).get(f"{ADDRESS}?tab=features")

    assert "1,200 1,500.5 300.5 01 Oct 2026, 00:00 UTC" in text
    assert "Some expires 04 Sep 2026, 00:00 UTC" in text
    assert "Chat chat 0 Unlimited" in text
    assert "Single sign-on by Pro" in text
    assert 'value="80" max="100" aria-label="Messages: 80 % used"' in page.text
    assert "level-orange" in page.text
    assert "2 sources Pro Included 1,000 used, 0 left of 1,000 included" in text
    assert "Granted to this customer Included 200 used, 300.5 left of 500.5 included" in text
    assert "Resets every month, next 01 Oct 2026, 00:00 UTC" in text
    assert '<time datetime="2026-10-01T00:00:00Z">' in page.text


def test_what_is_carried_over_is_told_apart(call: Call, clock: Clock, signed: Sign) -> None:
    a_feature(call)
    rule = {"max": 50, "expiry_duration_type": "month", "expiry_duration_length": 1}
    a_plan(call, "pro", {**monthly("messages", 100), "rollover": rule})
    a_customer(call)
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200
    clock.advance(days=31)
    for value in (1, 139):
        body = {"customer_id": "user_1", "feature_id": "messages", "value": value}
        assert call("balances.track", body).status == 200

    text = words(signed(Role.VIEWER).get(f"{ADDRESS}?tab=features"))

    assert "1 source, 1 carried over" in text
    assert "Carried over 0 left of 50 Expires 01 Nov 2026" in text


@pytest.mark.usefixtures("_ada")
def test_events_are_filtered_and_paged_by_the_address(
    call: Call, clock: Clock, table: Table, signed: Sign
) -> None:
    a_feature(call, "chat")
    for number in range(27):
        clock.advance(seconds=1)
        body = {"customer_id": "user_1", "feature_id": "messages", "value": 1000 + number}
        call("balances.track", {**body, "properties": {"region": "north"}})
    call("balances.track", {"customer_id": "user_1", "feature_id": "chat", "value": 7})
    recording.catch_up(table)
    viewer = signed(Role.VIEWER)

    first = viewer.get(f"{ADDRESS}?tab=events&feature=messages")
    link = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert link is not None
    second = viewer.get(html.unescape(link[1]))

    assert first.text.count('data-label="Value"') == 25
    assert second.text.count('data-label="Value"') == 2
    assert "1,026" in words(first)
    assert "1,000 from Pro" in words(second)
    assert '"region": "north"' in words(second)
    assert f'href="{ADDRESS}?tab=events&amp;feature=messages" rel="first"' in second.text
    assert '<option value="messages" selected>Messages</option>' in second.text
    assert "chat" in words(viewer.get(f"{ADDRESS}?tab=events"))
    assert "No such events" in words(viewer.get(f"{ADDRESS}?tab=events&feature=other"))


@pytest.mark.usefixtures("_ada")
def test_changes_say_who_did_what_and_why(call: Call, table: Table, look: Look) -> None:
    body = {"customer_id": "user_1", "feature_id": "messages"}
    call("balances.update", {**body, "remaining": 1250, "reason": "An apology"})
    call("customers.update", {"customer_id": "user_1", "name": "Bob"})
    recording.catch_up(table)

    text = look("changes")

    assert "API key tests Balance edited" in text
    assert "Messages: left 1,000 → 1,250" in text
    assert "An apology" in text
    assert "Customer edited" in text
    assert "name Ada → Bob" in text
    assert "plans none → Pro (active)" in text
    assert "Customer created" in text


def test_script_stays_text_on_every_tab(call: Call, table: Table, signed: Sign) -> None:
    evil = "<script>alert('x')</script>\"onmouseover=alert(1) x=\""
    a_feature(call, name=evil)
    a_plan(call, "pro", name=evil)
    a_customer(call, name=evil)
    call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"})
    body = {"customer_id": "user_1", "feature_id": "messages"}
    call("balances.track", {**body, "value": 1, "properties": {evil: evil}})
    call("balances.update", {**body, "remaining": 5, "reason": evil})
    recording.catch_up(table)
    owner = signed(Role.OWNER)

    for tab in TABS:
        text = owner.get(f"{ADDRESS}?tab={tab}&feature={evil}").text
        assert "&lt;script&gt;alert" in text
        assert "<script>alert" not in text
        assert '"onmouseover' not in text


def test_a_new_customer_has_empty_tabs_that_say_what_will_be_there(call: Call, look: Look) -> None:
    a_customer(call)

    told = ["No products yet", "No features yet", "No invoices yet", "No events yet"]
    for tab, words_of_it in zip(TABS, [*told, "No changes yet"], strict=True):
        assert words_of_it in look(tab)
    assert "No products yet" in look("unknown")


@pytest.mark.parametrize("customer_id", ["nobody", "no%20body", "%3Cscript%3E"])
def test_an_unknown_customer_is_a_page_with_a_way_back(signed: Sign, customer_id: str) -> None:
    page = signed(Role.VIEWER).get(f"/dashboard/customers/{customer_id}")

    assert page.status == 404
    assert 'href="/dashboard/customers"' in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize("tab", ["invoices", "events", "changes"])
def test_a_place_that_is_gone_is_explained_with_a_way_on(
    call: Call, signed: Sign, tab: str
) -> None:
    a_customer(call)

    page = signed(Role.VIEWER).get(f"{ADDRESS}?tab={tab}&cursor=broken")

    assert page.status == 400
    assert "not there any more" in page.text
    assert f'href="{ADDRESS}?tab={tab}">First page' in page.text


def test_nobody_sees_a_customer_without_signing_in(call: Call, signed: Sign) -> None:
    a_customer(call)
    stranger = signed(Role.VIEWER)
    stranger.cookies.clear()

    page = stranger.get(f"{ADDRESS}?tab=events")

    assert page.status == 303
    assert page.headers["location"].endswith(
        "?next=%2Fdashboard%2Fcustomers%2Fuser_1%3Ftab%3Devents"
    )


@pytest.mark.usefixtures("_ada")
@pytest.mark.parametrize("tab", TABS)
def test_a_tab_costs_five_requests_at_most_and_is_a_call_of_the_api(
    call: Call, clock: Clock, table: Table, signed: Sign, tab: str
) -> None:
    call("balances.track", {"customer_id": "user_1", "feature_id": "messages"})
    recording.catch_up(table)
    viewer = signed(Role.VIEWER)
    viewer.get("/dashboard/customers")
    # The catalogue is to be read again.
    clock.advance(seconds=40)
    pages: list[Page] = []

    verbs = cost_of(table, lambda: pages.append(viewer.get(f"{ADDRESS}?tab={tab}"))).verbs

    operation = "customers.get" if tab in TABS[:2] else f"{tab}.list"
    assert len(verbs) <= 5, verbs
    assert f"$ORCHARD_URL/v1/{operation}" in html.unescape(pages[0].text)
    assert "Bearer $ORCHARD_KEY" in pages[0].text
