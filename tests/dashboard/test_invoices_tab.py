"""The tab of invoices: what comes next, what was billed, and Stripe's page for the customer."""

import re

import pytest

from orchard.domain.users import Role
from orchard.gateways import secrets, stripe_client
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop
from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import START, Call, Clock
from tests.dashboard.browser import Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import ADDRESS, words
from tests.pretended_stripe import Stripe

DAY = 86_400_000
PART = f"{ADDRESS}/upcoming"
TAB = f"{ADDRESS}?tab=invoices"


@pytest.fixture
def shop(call: Call, stripe: Stripe, clock: Clock) -> Shop:
    """A customer with a plan of 20 dollars and messages that are paid per use."""
    a_feature(call)
    per_use = {"amount": 0.1, "interval": "month", "billing_method": "usage_based"}
    item = {"feature_id": "messages", "included": 100, "price": per_use}
    a_plan(call, "pro", item, price={"amount": 20, "interval": "month"})
    shop = Shop(call, stripe, clock)
    shop.customer()
    shop.api("coupons", id="welcome", name="Welcome", percent_off=10, duration="forever")
    shop.attach("pro", discounts=[{"reward_id": "welcome"}])
    return shop


@pytest.fixture
def no_stripe(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stripe can't be asked any more: our key for it is gone."""
    del shop
    monkeypatch.setattr(secrets, "secret_key", lambda _environment: None)
    stripe_client.forget()


def test_the_upcoming_invoice_is_asked_for_once_the_page_is_there(
    shop: Shop, signed: Sign, table: Table
) -> None:
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=300)
    viewer = signed(Role.VIEWER)
    page = viewer.get(TAB)
    pages: list[Page] = []

    def load() -> None:
        pages.append(viewer.get(PART, hx_request="true"))

    verbs = cost_of(table, load).verbs
    told = words(pages[0])

    assert f'hx-get="{PART}" hx-trigger="load"' in page.text
    assert f'href="{TAB}&amp;upcoming=1">Show the upcoming invoice' in page.text
    assert len(verbs) < 5, verbs
    assert "<html" not in pages[0].text
    assert "Pro 01 Oct 2026, 00:00 UTC 40.00 USD 4.00 USD 36.00 USD 2 lines" in told
    assert "20.00 USD 2.00 USD off, Welcome (10 %)" in told
    assert "With usage so far" in told


def test_the_upcoming_invoice_is_shown_without_javascript(
    shop: Shop, signed: Sign, table: Table
) -> None:
    del shop
    viewer = signed(Role.VIEWER)
    assert viewer.get(PART).headers["location"] == f"{TAB}&upcoming=1"
    pages: list[Page] = []

    verbs = cost_of(table, lambda: pages.append(viewer.get(f"{TAB}&upcoming=1"))).verbs

    assert len(verbs) < 5, verbs
    assert "20.00 USD 2.00 USD 18.00 USD" in words(pages[0])
    assert PART not in pages[0].text


@pytest.mark.usefixtures("no_stripe")
def test_invoices_stay_where_stripe_says_nothing(signed: Sign) -> None:
    viewer = signed(Role.VIEWER)

    part, page = viewer.get(PART, hx_request="true"), viewer.get(f"{TAB}&upcoming=1")

    assert part.status == 400
    for shown in (part, page):
        assert 'role="alert"' in shown.text
        assert f'hx-get="{PART}"' in shown.text
        assert "Try again" in shown.text
    assert page.status == 200
    assert "18.00 USD" in words(page)


def test_who_buys_nothing_is_billed_nothing(call: Call, stripe: Stripe, signed: Sign) -> None:
    del stripe
    a_customer(call)
    viewer = signed(Role.VIEWER)
    assert "Upcoming" not in words(viewer.get(TAB))
    assert "Nothing is billed next" in words(viewer.get(PART, hx_request="true"))
    nobody = viewer.get(f"/dashboard/customers/{'x' * 3000}/upcoming", hx_request="true")
    assert nobody.status == 400


def test_invoices_have_numbers_due_dates_and_what_was_paid_back(shop: Shop, signed: Sign) -> None:
    (made,) = shop.api("invoices", "GET")["data"]
    paid = shop.api(f"invoices/{made['id']}", "GET", **{"expand[]": "payments"})
    intent = paid["payments"]["data"][0]["payment"]["payment_intent"]
    shop.api("refunds", payment_intent=intent, amount="500")
    shop.report()
    old = {"customer_id": "user_1", "stripe_id": "in_old", "status": "void", "total": 1000}
    old |= {"currency": "jpy", "created_at": START - DAY}
    assert shop.call("invoices.insert", {"invoices": [old]}).status == 200
    viewer = signed(Role.VIEWER)

    every, void = words(viewer.get(TAB)), words(viewer.get(f"{TAB}&status=void"))

    assert f"Pro {made['number']} {made['id']} Paid Partly refunded 18.00 USD 5.00 USD" in every
    assert re.search(r"in_old Void 1,000 JPY 31 Aug 2026, 00:00 UTC \S ", every)
    assert "in_old" in void
    assert made["id"] not in void
    assert "No such invoices" in words(viewer.get(f"{TAB}&status=draft"))
    assert viewer.get(f"{TAB}&status=lost").status == 400


def test_the_portal_is_a_link_for_those_who_may_bill(shop: Shop, signed: Sign) -> None:
    del shop
    support, viewer = signed(Role.SUPPORT), signed(Role.VIEWER)

    page = support.post(f"{ADDRESS}/portal", {})

    assert f'action="{ADDRESS}/portal"' in support.get(ADDRESS).text
    assert page.status == 200
    assert re.search(r'href="https?://[^"]+" rel="noreferrer" target="_blank">Open', page.text)
    assert "billing.open_customer_portal" in page.text
    assert "/portal" not in viewer.get(ADDRESS).text
    assert viewer.post(f"{ADDRESS}/portal", {}).status == 403


@pytest.mark.usefixtures("no_stripe")
def test_a_portal_that_stripe_does_not_open_is_told(signed: Sign) -> None:
    page = signed(Role.SUPPORT).post(f"{ADDRESS}/portal", {})

    assert page.status == 400
    assert "Try again" in page.text
