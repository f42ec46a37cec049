"""Updating, canceling and uncanceling plans on the dashboard: previews, refunds, once only."""

import html
import re

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop, shop
from tests.builders import a_feature, a_plan
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words
from tests.dashboard.test_products_actions import filled

__all__ = ["shop"]

CUSTOMER = "/dashboard/customers/user_1"


@pytest.fixture
def owner(signed: Sign, shop: Shop) -> Browser:
    shop.customer()
    return signed(Role.ADMIN)


def form_of(browser: Browser, action: str, plan: str = "pro") -> tuple[str, Page]:
    """The address of a form about a plan, and its page; as the buttons of the page lead there."""
    page = browser.get(f"{CUSTOMER}/products/{plan}/{action}")
    found = re.search(r'method="post" action="([^"]+/products/[^"]*)"', page.text)
    assert found, words(page)
    return html.unescape(found[1]), page


def test_the_buttons_of_a_plan_lead_to_its_forms(shop: Shop, owner: Browser, signed: Sign) -> None:
    shop.attach("pro", subscription_id="a b/c")
    shop.attach("once")
    text = owner.get(CUSTOMER).text

    for action in ("update", "cancel"):
        found = re.search(rf'href="({CUSTOMER}/products/a%20b%2Fc/{action})"', text)
        assert found
        assert owner.get(found[1]).status == 200
        assert owner.get(f"{CUSTOMER}/products/once/{action}").status == 200
    assert f"{CUSTOMER}/attach" in text
    assert "/products/" not in signed(Role.VIEWER).get(CUSTOMER).text


def test_quantities_are_changed_and_charged_once(shop: Shop, owner: Browser) -> None:
    a_feature(shop.call, "seats", consumable=False)
    seats = {"amount": 10, "interval": "month", "billing_method": "prepaid", "billing_units": 1}
    base = {"amount": 20, "interval": "month"}
    a_plan(shop.call, "team", {"feature_id": "seats", "included": 0, "price": seats}, price=base)
    shop.attach("team", feature_quantities=[{"feature_id": "seats", "quantity": 2}])
    address, form = form_of(owner, "update", "team")
    fields = filled(form, quantity_seats="5", reason="Growing")

    nothing = owner.post(address, filled(form, step="preview"))
    preview = owner.post(address, fields | {"step": "preview"})
    first, second = owner.post(address, fields), owner.post(address, fields)
    shop.report()

    assert 'name="quantity_seats"' in form.text
    assert "There is nothing to change yet" in words(nothing)
    assert "Team (5 seats) changes now" in words(preview)
    assert "Due now 30.00 USD" in words(preview)
    assert 'value="save">Charge customer<' in preview.text
    assert (first.status, second.status) == (303, 303)
    assert "Team was changed." in words(owner.follow(second))
    assert shop.remaining("seats") == 5
    assert sorted(shop.invoices()) == [(30, "paid"), (40, "paid")]


def test_more_units_without_a_bill_are_for_admins(shop: Shop, owner: Browser, signed: Sign) -> None:
    a_feature(shop.call, "seats", consumable=False)
    seats = {"amount": 10, "interval": "month", "billing_method": "prepaid", "billing_units": 1}
    a_plan(shop.call, "team", {"feature_id": "seats", "included": 0, "price": seats})
    shop.attach("team", feature_quantities=[{"feature_id": "seats", "quantity": 2}])
    support = signed(Role.SUPPORT)
    address, form = form_of(support, "update", "team")
    free = filled(form, quantity_seats="500", prorate="no")
    late = filled(form, quantity_seats="500", way="invoice", net_terms="365")

    assert "Bill nothing for it (an admin has to do it)" in words(form)
    assert [support.post(address, one).status for one in (free, late)] == [403, 403]
    assert filled(support.post(address, free))["quantity_seats"] == "500"
    assert shop.remaining("seats") == 2
    assert support.post(address, filled(form, quantity_seats="3")).status == 303
    assert owner.post(address, free).status == 303
    assert shop.remaining("seats") == 500


def test_a_plan_that_is_held_gets_parts_of_its_own_or_another_version(
    shop: Shop, owner: Browser
) -> None:
    shop.attach("pro")
    address, form = form_of(owner, "update")
    _, another = form_of(owner, "update")
    own = filled(form, price="30", row0_included="900")
    preview = owner.post(address, own | {"step": "preview"})
    assert "Due now 10.00 USD" in words(preview)
    assert owner.post(address, own).status == 303
    # The form that was opened before that does not undo what came since.
    stale = owner.post(address, filled(another, price="25", reference="T-2"))
    assert stale.status == 409
    assert "was changed while you were here" in words(stale)
    assert (filled(stale)["price"], filled(stale)["reference"]) == ("30", "T-2")
    assert shop.remaining() == 900
    changed = shop.done("plans.update", plan_id="pro", price={"amount": 40, "interval": "month"})
    assert changed["version"] == 2
    shop.clock.advance(seconds=31)

    custom = owner.get(f"{CUSTOMER}/products/pro/update")
    newer = owner.get(f"{CUSTOMER}/products/pro/update?version=2")
    to = re.search(r'method="post" action="([^"]+version=2)"', newer.text)
    assert to
    told = owner.post(html.unescape(to[1]), filled(newer, step="preview"))

    assert "with parts of this customer's own: $30 per month" in words(custom)
    assert "goes with the version" in words(newer)
    assert "Due now 10.00 USD" in words(told)
    assert owner.post(html.unescape(to[1]), filled(newer)).status == 303
    assert shop.remaining() == 500


def test_a_plan_is_canceled_at_its_end_and_goes_on_after_all(shop: Shop, owner: Browser) -> None:
    shop.done("plans.update", plan_id="free", auto_enable=True)
    shop.attach("pro")
    address, form = form_of(owner, "cancel")
    fields = filled(form)
    preview = owner.post(address, fields | {"step": "preview"})
    first, second = owner.post(address, fields), owner.post(address, fields)

    assert "Free begins on 01 Oct 2026, 00:00 UTC" in words(preview)
    assert "Pro ends on 01 Oct 2026, 00:00 UTC" in words(preview)
    assert 'value="save">End it with the period<' in preview.text
    assert (first.status, second.status) == (303, 303)
    assert "Pro ends on 01 Oct 2026, 00:00 UTC." in words(owner.follow(first))
    assert shop.plans() == {"pro": "canceling", "free": "scheduled"}
    assert "Cancels on 01 Oct 2026" in words(owner.get(CUSTOMER))
    assert f"{CUSTOMER}/products/" in owner.get(CUSTOMER).text

    address, form = form_of(owner, "uncancel")
    told = owner.post(address, filled(form, step="preview"))
    done = owner.post(address, filled(form))
    again = owner.post(address, filled(form))
    assert "It is to end on 01 Oct 2026" in words(form)
    assert "Pro goes on Free does not begin after all" in words(told)
    assert (done.status, again.status) == (303, 303)
    assert "Pro goes on." in words(owner.follow(done))
    assert shop.plans() == {"pro": "active"}


def test_a_plan_is_canceled_now_with_a_refund_once(shop: Shop, owner: Browser) -> None:
    shop.attach("pro")
    address, form = form_of(owner, "cancel")
    credit = owner.post(address, filled(form, when="now", step="preview"))
    fields = filled(form, when="now", money="full", reason="Complaint")
    preview = owner.post(address, fields | {"step": "preview"})
    first, second = owner.post(address, fields), owner.post(address, fields)

    assert "Unused Pro" in words(credit)
    assert re.search(r"Due now -(20|19)\.", words(credit))
    assert "Paid back: 20.00 USD of 20.00 USD" in words(preview)
    assert "Pro ends now" in words(preview)
    assert (first.status, second.status) == (303, 303)
    assert "was canceled." in words(owner.follow(second))
    assert shop.plans() == {}
    refunds = shop.api("refunds", "GET")["data"]
    assert [one["amount"] for one in refunds] == [2000]


def test_a_change_that_is_not_paid_is_told_and_changes_nothing(shop: Shop, owner: Browser) -> None:
    shop.attach("pro")
    stripe_id = shop.done("customers.get", customer_id="user_1")["stripe_id"]
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    address, form = form_of(owner, "update")

    refused = owner.post(address, filled(form, price="30"))

    assert "The payment method was declined" in words(refused)
    assert "$20 per month" in words(owner.get(CUSTOMER))


def test_who_may_only_look_changes_nothing(shop: Shop, owner: Browser, signed: Sign) -> None:
    shop.attach("pro")
    viewer = signed(Role.VIEWER)

    for action in ("update", "cancel", "uncancel"):
        address, form = form_of(owner, action)
        assert viewer.get(address).status == 403
        assert viewer.post(address, filled(form)).status == 403
        assert owner.get(address.replace(address.split("/")[5], "dreams")).status == 404
    assert shop.plans() == {"pro": "active"}


def test_the_forms_cost_few_requests(shop: Shop, owner: Browser, table: Table) -> None:
    shop.attach("pro")
    costs = {
        action: len(cost_of(table, lambda name=action: form_of(owner, name)).verbs)  # type: ignore[misc]  # bound at once
        for action in ("update", "cancel", "uncancel")
    }
    assert max(costs.values()) < 5, costs
