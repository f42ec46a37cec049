"""What people do with the plans of a customer on the dashboard, in a real browser."""

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from local.stack import Stack
from orchard.domain.users import Role
from tests.e2e.browsing import choose_card
from tests.e2e.dashboard import PHONE, Dashboard, fits
from tests.e2e.vocabulary import Stripe

pytestmark = pytest.mark.e2e

MONTHLY = {"interval": "month"}


@pytest.fixture(scope="module")
def dashboard(stack: Stack, engine: Browser) -> Dashboard:
    """The dashboard of a shop that sells Pro for 20 a month."""
    dashboard = Dashboard(stack, engine, "dash-products")
    shop = dashboard.shop
    shop.offer_messages()
    messages = {"feature_id": "messages", "included": 500, "reset": MONTHLY}
    price = {"amount": 20, "interval": "month"}
    shop.get_done("plans.create", plan_id="pro", name="Pro", items=[messages], price=price)
    return dashboard


def customer(dashboard: Dashboard, name: str, stripe: Stripe | None = None) -> str:
    """Return a new customer, with a card on file if Stripe is given."""
    wanted = {"customer_id": name, "name": name.capitalize(), "email": f"{name}@example.com"}
    at_stripe = stripe is not None
    made = dashboard.shop.get_done("customers.get_or_create", **wanted, create_in_stripe=at_stripe)
    if stripe is not None:
        stripe.save_card(made["stripe_id"])
    return name


def plans(dashboard: Dashboard, name: str) -> dict[str, str]:
    held = dashboard.shop.get_done("customers.get", customer_id=name)["subscriptions"]
    return {one["plan_id"]: "canceling" if one["canceled_at"] else one["status"] for one in held}


def bills(dashboard: Dashboard, stripe: Stripe, name: str) -> list[tuple[float, str]]:
    stripe.settle()
    listed = dashboard.shop.get_done("invoices.list", customer_id=name)["list"]
    return sorted((one["total"], one["status"]) for one in listed)


def attach(dashboard: Dashboard, page: Page, name: str) -> Locator:
    """Open the form that attaches Pro, beside the page of the customer; return it."""
    page.goto(dashboard.customer(name))
    sheet = opens(page, "Attach plan")
    sheet.get_by_label("Plan", exact=True).select_option("pro")
    expect(sheet.get_by_text("Pro, version 1")).to_be_visible()
    return sheet


def opens(page: Page, link: str, *told: str) -> Locator:
    """Open a form by its link, and read what it would do; return the form."""
    page.get_by_role("link", name=link, exact=True).click()
    sheet = page.get_by_role("dialog")
    for text in told:
        expect(sheet.locator("#preview")).to_contain_text(text)
    return sheet


def due(page: Page) -> Locator:
    return page.get_by_role("row", name="Due now")


def press(page: Page, button: str, said: str) -> None:
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("button", name=button).click()
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()
    expect(sheet).to_be_hidden()
    assert fits(page)


def test_on_a_phone_a_plan_is_attached_changed_ended_and_goes_on_after_all(
    dashboard: Dashboard, stripe: Stripe
) -> None:
    name = customer(dashboard, "ada", stripe)
    with dashboard.page(Role.ADMIN, PHONE) as page:
        sheet = attach(dashboard, page, name)
        expect(sheet.locator("#preview")).to_contain_text("Pro begins now")
        expect(due(page)).to_contain_text("20.00 USD")
        assert fits(page)
        assert plans(dashboard, name) == {"free": "active"}
        press(page, "Charge customer", "Pro was attached. 20.00 USD was charged.")
        assert plans(dashboard, name) == {"pro": "active"}
        row = page.get_by_role("row", name="Pro")
        expect(row).to_contain_text("Active")

        sheet = opens(page, "Update Pro")
        sheet.get_by_text("Custom plan: another price").click()
        sheet.get_by_label("Base price").fill("50")
        expect(due(page)).to_contain_text("30.00 USD")
        press(page, "Charge customer", "Pro was changed. 30.00 USD was charged.")
        expect(row).to_contain_text("$50")

        opens(page, "Cancel Pro", "Pro ends on", "Free begins on")
        press(page, "End it with the period", "Pro ends on")
        assert plans(dashboard, name) == {"pro": "canceling", "free": "scheduled"}

        opens(page, "Uncancel Pro", "Pro goes on", "Free does not begin after all")
        press(page, "Let it go on", "Pro goes on.")
        assert plans(dashboard, name) == {"pro": "active"}
    assert bills(dashboard, stripe, name) == [(20, "paid"), (30, "paid")]


def test_who_has_no_card_gets_a_link_and_the_plan_once_it_is_paid(
    dashboard: Dashboard, stripe: Stripe
) -> None:
    name = customer(dashboard, "grace")
    with dashboard.page() as page:
        sheet = attach(dashboard, page, name)
        expect(sheet.locator("#preview")).to_contain_text(
            "The customer pays on Stripe's page first"
        )
        sheet.get_by_role("button", name="Make a checkout link").click()
        expect(sheet.get_by_role("status")).to_contain_text("Send this link to the customer")
        link = sheet.get_by_role("textbox", name="Link").input_value()
        with page.expect_popup() as found:
            sheet.get_by_role("link", name="Open it").click()
        assert plans(dashboard, name) == {"free": "active"}

        buyer = found.value
        expect(buyer.get_by_role("button", name="Subscribe")).to_be_visible()
        choose_card(buyer, "pm_card_visa")
        buyer.get_by_role("button", name="Subscribe").click()
        buyer.wait_for_url(lambda address: address not in (link, "about:blank"))
        stripe.settle()
        assert plans(dashboard, name) == {"pro": "active"}

        sheet.get_by_role("link", name="Done").click()
        expect(page.get_by_role("row", name="Pro")).to_contain_text("Active")


def test_a_custom_plan_shows_its_price_before_and_is_for_this_customer_alone(
    dashboard: Dashboard, stripe: Stripe
) -> None:
    name = customer(dashboard, "kay", stripe)
    with dashboard.page() as page:
        sheet = attach(dashboard, page, name)
        expect(due(page)).to_contain_text("20.00 USD")
        sheet.get_by_text("Custom plan: another price").click()
        price = sheet.get_by_label("Base price")
        price.fill("cheap")
        expect(sheet.locator("#preview")).to_contain_text("Must be a number")
        price.fill("15.50")
        sheet.get_by_role("group", name="Messages").get_by_label("Included").fill("800")
        expect(due(page)).to_contain_text("15.50 USD")
        sheet.get_by_label("Reason").fill("An old friend")
        press(page, "Charge customer", "Pro was attached. 15.50 USD was charged.")
        expect(page.get_by_role("row", name="Pro")).to_contain_text("$15.50")
    held = dashboard.shop.get_done("customers.get", customer_id=name)
    assert held["balances"]["messages"]["remaining"] == 800
    kept = dashboard.shop.get_done("plans.get", plan_id="pro")
    assert (kept["price"]["amount"], kept["items"][0]["included"]) == (20, 500)
