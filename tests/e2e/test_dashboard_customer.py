"""What people do with a customer itself on the dashboard, from its creation to its deletion."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from local.stack import Stack
from orchard.domain.users import Role
from tests.e2e.dashboard import DESKTOP, PHONE, Dashboard, fits
from tests.e2e.vocabulary import Stripe, eventually

pytestmark = pytest.mark.e2e

COUPON = {
    "id": "dash-spring",
    "name": "Spring 20",
    "type": "percentage_discount",
    "value": 20,
    "duration": {"type": "months", "length": 3},
    "plan_ids": None,
    "promo_codes": [],
}


@pytest.fixture(scope="module")
def dashboard(stack: Stack, engine: Browser) -> Dashboard:
    """The dashboard of a shop that sells Pro for 20 a month, at times for 16."""
    dashboard = Dashboard(stack, engine, "dash-customer")
    shop = dashboard.shop
    shop.offer_messages()
    price = {"amount": 20, "interval": "month"}
    shop.get_done("plans.create", plan_id="pro", name="Pro", add_on=True, price=price)
    shop.get_done("rewards.create", coupon=COUPON)
    return dashboard


def customer(dashboard: Dashboard, name: str, **details: object) -> str:
    """Return the id at Stripe of a new customer, if it was asked for."""
    wanted = {"customer_id": name, "name": name.capitalize(), "email": f"{name}@example.com"}
    return str(dashboard.shop.get_done("customers.get_or_create", **wanted, **details)["stripe_id"])


def held(dashboard: Dashboard, name: str) -> dict[str, object]:
    return dict(dashboard.shop.get_done("customers.get", customer_id=name))


def known(dashboard: Dashboard, name: str, times: int) -> None:
    """Wait until the audit trail has so many changes of a customer: it is told of them later."""

    def count() -> int:
        return len(dashboard.shop.get_done("changes.list", customer_id=name)["list"])

    eventually(count, lambda found: found >= times)


def said(page: Page, text: str) -> Locator:
    """Return what is said to be done, once that is shown."""
    told = page.get_by_role("status").filter(has_text=text)
    expect(told).to_be_visible()
    assert fits(page)
    return told


def detail(dashboard: Dashboard, page: Page, name: str, label: str) -> Locator:
    """Open one detail of a customer for editing, in its row; return the form."""
    page.goto(dashboard.customer(name, "details"))
    page.get_by_role("link", name=f"Edit {label}", exact=True).click()
    form = page.locator("form#detail")
    expect(form.get_by_label(label, exact=True)).to_be_focused()
    return form


def test_a_customer_is_created_and_edited_by_two_at_once(dashboard: Dashboard) -> None:
    with (
        dashboard.page(refused=(400,)) as page,
        dashboard.page(Role.SUPPORT, refused=(409,)) as other,
    ):
        page.goto(f"{dashboard.url}/customers")
        page.get_by_role("link", name="Create customer").first.click()
        page.get_by_label("Name").fill("Ada")
        expect(page.locator("#preview")).to_contain_text("Type an id or an e-mail")
        page.get_by_label("Id", exact=True).fill("ada")
        expect(page.locator("#preview")).to_contain_text("Ada is created")
        page.get_by_role("button", name="Create customer").click()
        said(page, "Ada was created.")
        expect(page).to_have_url(dashboard.customer("ada"))

        forms = [detail(dashboard, one, "ada", "Name") for one in (page, other)]
        forms[0].get_by_label("Name").fill("Ada Lovelace")
        expect(forms[0].locator("#preview")).to_contain_text("From Ada to Ada Lovelace")
        forms[0].get_by_role("button", name="Save").click()
        said(page, "Name was changed.")
        expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()

        forms[1].get_by_label("Name").fill("A. Lovelace")
        forms[1].get_by_role("button", name="Save").click()
        told = other.get_by_role("alert")
        expect(told).to_contain_text("Somebody changed this while you were here")
        expect(told).to_contain_text(
            re.compile("Theirs.*Ada Lovelace.*Yours.*A. Lovelace", re.DOTALL)
        )
        expect(told).to_be_focused()
        assert held(dashboard, "ada")["name"] == "Ada Lovelace"
        forms[1].get_by_role("button", name="Save yours").click()
        said(other, "Name was changed.")
        assert held(dashboard, "ada")["name"] == "A. Lovelace"


def test_a_customer_gets_another_id_and_the_old_one_back(dashboard: Dashboard) -> None:
    customer(dashboard, "kay")
    with dashboard.page() as page:
        form = detail(dashboard, page, "kay", "Id")
        form.get_by_label("Id", exact=True).fill("kay-2")
        expect(form.locator("#preview")).to_contain_text("From kay to kay-2")
        form.get_by_role("button", name="Save").click()
        told = said(page, "Id was changed.")
        expect(page).to_have_url(dashboard.customer("kay-2", "details"))
        assert dashboard.shop.post("customers.get", customer_id="kay").status_code == 404
        known(dashboard, "kay-2", 2)
        told.get_by_role("button", name="Undo").click()
        said(page, "The change was undone.")
        expect(page).to_have_url(dashboard.customer("kay", "details"))
    assert held(dashboard, "kay")["id"] == "kay"


def test_a_reward_is_added_with_what_it_is_worth_and_removed(
    dashboard: Dashboard, stripe: Stripe
) -> None:
    stripe.save_card(customer(dashboard, "joan", create_in_stripe=True))
    dashboard.shop.get_done("billing.attach", customer_id="joan", plan_id="pro")
    stripe.settle()
    with dashboard.page(Role.SUPPORT, refused=(400,)) as page:
        page.goto(dashboard.customer("joan", "rewards"))
        page.get_by_role("link", name="Add a reward").first.click()
        sheet = page.get_by_role("dialog", name="Add a reward")
        sheet.get_by_label("Or a code").fill("NOPE")
        expect(sheet.locator("#preview")).to_contain_text("NOPE")
        sheet.get_by_label("Or a code").fill("")
        sheet.get_by_label("Reward", exact=True).select_option("Spring 20: 20 % off for 3 months")
        expect(sheet.locator("#preview")).to_contain_text("16.00 USD instead of 20.00 USD")
        sheet.get_by_role("button", name="Add").click()
        said(page, "The coupon was added.")
        expect(page.get_by_role("row", name="Spring 20")).to_contain_text("20 % off")

        page.get_by_role("link", name="Remove Spring 20").click()
        sheet = page.get_by_role("dialog")
        expect(sheet).to_contain_text("20.00 USD instead of 16.00 USD")
        sheet.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("No coupons")).to_be_visible()


def test_a_grant_is_made_and_undone_from_the_list_of_changes(dashboard: Dashboard) -> None:
    customer(dashboard, "mary")
    with dashboard.page(Role.ADMIN) as page:
        page.goto(dashboard.customer("mary", "features"))
        page.get_by_role("link", name="Grant a balance").first.click()
        sheet = page.get_by_role("dialog", name="Grant a balance")
        sheet.get_by_label("Feature").select_option("Messages")
        sheet.get_by_label("Amount").fill("50")
        expect(sheet.locator("#preview")).to_contain_text("from 100 of 100 left to 150 of 150 left")
        sheet.get_by_label("Reason").fill("One nought too many")
        sheet.get_by_role("button", name="Grant").click()
        said(page, "Messages was granted.")
        known(dashboard, "mary", 2)

        page.get_by_role("link", name="Changes", exact=True).click()
        expect(page.get_by_role("row", name="One nought too many")).to_contain_text(
            dashboard.email(Role.ADMIN)
        )
        page.get_by_role("link", name=re.compile("^Undo")).click()
        sheet = page.get_by_role("dialog", name="Undo a change")
        expect(sheet).to_contain_text("150 → 100")
        sheet.get_by_label("Reason").fill("Meant five")
        sheet.get_by_role("button", name="Undo").click()
        said(page, "The change was undone.")
        assert (
            dashboard.shop.get_done("balances.check", customer_id="mary", feature_id="messages")[
                "balance"
            ]["remaining"]
            == 100
        )
        known(dashboard, "mary", 3)
        page.reload()
        expect(page.get_by_role("row", name="Meant five")).to_contain_text("Takes this back")
        expect(page.get_by_role("row", name="One nought too many")).to_contain_text("Undone")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_customer_is_deleted_once_its_name_is_typed_and_a_receipt_stays(
    dashboard: Dashboard, size: ViewportSize
) -> None:
    name = f"dot{size['width']}"
    customer(dashboard, name, create_in_stripe=True)
    with dashboard.page(Role.ADMIN, size, refused=(400,)) as page:
        page.goto(dashboard.customer(name, "settings"))
        page.get_by_role("link", name="Delete customer", exact=True).click()
        told = page.locator("#preview")
        expect(told).to_contain_text("Messages: 100 left")
        expect(told).to_contain_text("The customer at Stripe stays")
        page.get_by_label("Delete the customer in Stripe too").check()
        expect(told).to_contain_text("The customer at Stripe is deleted")
        assert fits(page)
        page.get_by_label("Reason").fill("Asked for it")
        page.get_by_label(f"Type {name} to confirm").fill("dot")
        page.get_by_role("button", name="Delete customer").click()
        expect(page.get_by_text(f"Type {name} exactly")).to_be_visible()
        expect(page.get_by_label("Reason")).to_have_value("Asked for it")
        assert held(dashboard, name)["id"] == name

        page.get_by_label(f"Type {name} to confirm").fill(name)
        page.get_by_role("button", name="Delete customer").click()
        expect(page.get_by_role("heading", name=f"{name.capitalize()} was deleted")).to_be_visible()
        expect(page.get_by_text("In the audit trail")).to_be_visible()
        assert fits(page)
        page.get_by_role("link", name="Go to the customers").click()
        expect(page.get_by_role("heading", name="Customers")).to_be_visible()
        expect(page.get_by_text(name, exact=True)).to_have_count(0)
    assert dashboard.shop.post("customers.get", customer_id=name).status_code == 404
