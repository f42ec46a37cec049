"""What people do with balances on the dashboard, in a real browser on the deployed template."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from local.stack import Stack
from orchard.domain.users import Role
from tests.e2e.dashboard import PASSWORD, PHONE, Dashboard, fits
from tests.e2e.vocabulary import Stripe, eventually

pytestmark = pytest.mark.e2e

TOKENS = {
    "feature_id": "tokens",
    "included": 100,
    "reset": {"interval": "month"},
    "price": {"amount": 0.5, "interval": "month", "billing_method": "usage_based"},
}
CAP = 50
#: What somebody reads who types an amount, 10 tokens over.
PREVIEWS = (
    ("4", "to 6 over", "-2.00 USD (3.00 USD for usage so far, instead of 5.00 USD)"),
    ("-6", "to 16 over", "+3.00 USD (8.00 USD for usage so far, instead of 5.00 USD)"),
    ("many", "Must be a number"),
    ("30", "to 20 of", "-5.00 USD (0.00 USD for usage so far, instead of 5.00 USD)"),
)


@pytest.fixture(scope="module")
def dashboard(stack: Stack, engine: Browser) -> Dashboard:
    """Customers have 100 messages a day; tokens beyond the first hundred cost 0.50 each."""
    dashboard = Dashboard(stack, engine, "dash-balances")
    dashboard.shop.offer_messages()
    token = {"feature_id": "tokens", "name": "Tokens", "type": "metered", "consumable": True}
    dashboard.shop.get_done("features.create", **token)
    dashboard.shop.get_done("plans.create", plan_id="pro", name="Pro", items=[TOKENS])
    return dashboard


def customer(dashboard: Dashboard, name: str, used: int) -> str:
    """Return a new customer who used so many messages, once all of that is in the audit trail."""
    wanted = {"customer_id": name, "name": name.capitalize(), "email": f"{name}@example.com"}
    dashboard.shop.get_done("customers.get_or_create", **wanted)
    dashboard.shop.get_done("balances.track", customer_id=name, feature_id="messages", value=used)
    changed(dashboard, name, 1)
    return name


def changed(dashboard: Dashboard, name: str, times: int) -> list[str]:
    """Return what was done to a customer, the latest first, when it is known of so many times."""

    def known() -> list[str]:
        listed = dashboard.shop.get_done("changes.list", customer_id=name)["list"]
        return list(dict.fromkeys(one["id"] for one in listed))

    return eventually(known, lambda found: len(found) >= times)


def left(dashboard: Dashboard, name: str, feature: str = "messages") -> float:
    shown = dashboard.shop.get_done("customers.get", customer_id=name)["balances"][feature]
    return float(shown["granted"] - shown["usage"])


def edit(dashboard: Dashboard, page: Page, name: str, feature: str = "Messages") -> Locator:
    """Open the form beside the page of a customer's features; return it."""
    page.goto(dashboard.customer(name, "features"))
    page.get_by_role("link", name=f"Edit balance of {feature}").click()
    sheet = page.get_by_role("dialog", name=f"Edit the balance of {feature}")
    expect(sheet.get_by_label("Amount")).to_be_focused()
    return sheet


def save(page: Page, sheet: Locator, said: str = "was edited") -> None:
    sheet.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text=said)).to_be_visible()


def test_on_a_phone_a_balance_is_edited_with_all_that_follows_in_sight_and_taken_back(
    dashboard: Dashboard, stripe: Stripe
) -> None:
    name = "ada"
    made = dashboard.shop.get_done(
        "customers.get_or_create",
        customer_id=name,
        email=f"{name}@example.com",
        create_in_stripe=True,
    )
    stripe.save_card(made["stripe_id"])
    dashboard.shop.get_done("billing.attach", customer_id=name, plan_id="pro")
    dashboard.shop.get_done("balances.track", customer_id=name, feature_id="tokens", value=110)
    stripe.settle()
    changed(dashboard, name, 2)

    with dashboard.page(Role.OWNER, PHONE) as page:
        sheet = edit(dashboard, page, name, "Tokens")
        assert fits(page)
        expect(sheet).to_contain_text("Now: 10 over 100")
        for amount, *told in PREVIEWS:
            sheet.get_by_label("Amount").fill(amount)
            for text in told:
                expect(sheet.locator("#preview")).to_contain_text(text)
        assert left(dashboard, name, "tokens") == -10
        sheet.get_by_label("Reason").fill("An outage")
        save(page, sheet)
        expect(sheet).to_be_hidden()
        assert fits(page)
        assert left(dashboard, name, "tokens") == 20

        changed(dashboard, name, 3)
        page.get_by_role("status").get_by_role("button", name="Undo").click()
        expect(page.get_by_text("The change was undone.")).to_be_visible()
        expect(page).to_have_url(dashboard.customer(name, "features"))
        assert left(dashboard, name, "tokens") == -10


def test_what_is_used_while_the_form_is_open_is_not_lost_and_a_part_lasts_until_a_date(
    dashboard: Dashboard,
) -> None:
    name = customer(dashboard, "grace", 60)
    with dashboard.page() as page:
        sheet = edit(dashboard, page, name)
        sheet.get_by_label("Set what is left").check()
        sheet.get_by_label("Amount").fill("90")
        expect(sheet.locator("#preview")).to_contain_text("from 40 of 100 left to 90 of 100 left")
        use = {"customer_id": name, "feature_id": "messages", "value": 5}
        dashboard.shop.get_done("balances.track", **use)
        save(page, sheet)
        assert left(dashboard, name) == 85

        changed(dashboard, name, 2)
        sheet = edit(dashboard, page, name)
        expect(sheet.get_by_label("Date, in UTC")).to_be_hidden()
        sheet.get_by_label("Amount").fill("15")
        sheet.get_by_label("Until a date").check()
        expect(sheet.locator("#preview")).to_contain_text("Must be a date")
        sheet.get_by_label("Date, in UTC").fill("2099-01-01T12:00")
        expect(sheet.locator("#preview time").first).to_have_attribute(
            "datetime", re.compile("^2099-01-01T12:00")
        )
        save(page, sheet)
        expect(page.get_by_text("Some expires")).to_be_visible()
    assert left(dashboard, name) == 100


def test_of_two_who_edit_at_once_the_second_sees_the_balance_as_it_is(
    dashboard: Dashboard,
) -> None:
    name = customer(dashboard, "kay", 60)
    with dashboard.page() as first, dashboard.page(Role.ADMIN, refused=(409,)) as second:
        sheets = edit(dashboard, first, name), edit(dashboard, second, name)
        for sheet in sheets:
            sheet.get_by_label("Amount").fill("50")
        save(first, sheets[0])
        changed(dashboard, name, 2)

        sheets[1].get_by_role("button", name="Save").click()
        told = sheets[1].get_by_role("alert")
        expect(told).to_contain_text("was changed while you were here")
        expect(told).to_be_focused()
        expect(sheets[1]).to_contain_text("from 90 of 100 left to 140 of 100 left")
        assert left(dashboard, name) == 90
        save(second, sheets[1])
    assert left(dashboard, name) == 140


def test_a_session_that_is_over_leads_to_sign_in_and_back_with_nothing_done(
    dashboard: Dashboard,
) -> None:
    name = customer(dashboard, "mary", 60)
    with dashboard.page(refused=(401,)) as page:
        sheet = edit(dashboard, page, name)
        sheet.get_by_label("Amount").fill("50")
        expect(sheet.locator("#preview")).to_contain_text("to 90 of 100 left")
        page.context.clear_cookies()
        sheet.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", name="Sign in to Orchard")).to_be_visible()
        assert left(dashboard, name) == 40
        page.get_by_label("E-mail").fill(dashboard.email(Role.OWNER))
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(dashboard.customer(name, "features"))
        expect(page.get_by_role("link", name="Edit balance of Messages")).to_be_visible()


def test_who_may_only_look_is_shown_no_button_and_can_forge_none(dashboard: Dashboard) -> None:
    name = customer(dashboard, "joan", 60)
    with dashboard.page(Role.VIEWER) as page:
        page.goto(dashboard.customer(name, "features"))
        expect(page.get_by_role("link", name="Why blocked? Messages")).to_be_visible()
        expect(page.get_by_role("link", name=re.compile("Edit|Grant"))).to_have_count(0)
    form = {"way": "add", "amount": "50", "until": "reset", "step": "save", "key": "0" * 32}
    sent = dashboard.forge(Role.VIEWER, f"/customers/{name}/features/messages/edit", **form)
    assert sent.status_code == httpx.codes.FORBIDDEN
    assert left(dashboard, name) == 40


def test_support_asks_for_more_than_the_cap_and_an_admin_approves_it(dashboard: Dashboard) -> None:
    name = customer(dashboard, "dot", 60)
    with dashboard.page(Role.ADMIN) as admin, dashboard.page(Role.SUPPORT) as support:
        admin.goto(f"{dashboard.url}/settings")
        admin.get_by_label("Any feature that is not named below").fill(str(CAP))
        admin.get_by_role("button", name="Save").click()
        expect(admin.get_by_text("The settings were saved.")).to_be_visible()

        sheet = edit(dashboard, support, name)
        sheet.get_by_label("Amount").fill(str(CAP))
        expect(sheet.locator("#preview")).to_contain_text("not needed")
        sheet.get_by_label("Amount").fill("500")
        expect(sheet.locator("#preview")).to_contain_text("an admin has to approve this")
        sheet.get_by_label("Reason").fill("An outage")
        save(support, sheet, "An admin has to approve this. Nothing is changed yet.")
        assert left(dashboard, name) == 40

        admin.get_by_role("link", name="Approvals").click()
        admin.get_by_role("link", name="Add 500").click()
        expect(admin.get_by_text("An outage", exact=True)).to_be_visible()
        expect(admin.get_by_text("from 40 of 100 left to 540 of 100 left").last).to_be_visible()
        admin.get_by_label("Note").fill("Fine")
        admin.get_by_role("button", name="Approve").click()
        expect(admin.get_by_text("Approved by")).to_be_visible()
        assert left(dashboard, name) == 540
        support.reload()
        expect(support.get_by_text("Fine")).to_be_visible()
        expect(support.get_by_role("button", name="Withdraw")).to_have_count(0)
