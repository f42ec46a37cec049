"""How people move on the dashboard: keys, the command bar, time zones, sessions that end."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Dialog, expect

from local.stack import Stack
from orchard.domain.users import Role
from tests.e2e.dashboard import PASSWORD, Dashboard

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def dashboard(stack: Stack, engine: Browser) -> Dashboard:
    dashboard = Dashboard(stack, engine, "moving")
    dashboard.shop.offer_messages()
    for customer_id, name in (("ada", "Ada Lovelace"), ("grace", "Grace Hopper")):
        dashboard.shop.get_done("customers.get_or_create", customer_id=customer_id, name=name)
    return dashboard


def test_the_command_bar_leads_everywhere_with_keys_alone(dashboard: Dashboard) -> None:
    with dashboard.page() as page:
        page.goto(f"{dashboard.url}/users")
        press = page.keyboard.press
        press("ControlOrMeta+k")
        bar = page.get_by_role("dialog", name="Go to")
        found = bar.get_by_role("link")
        expect(found.filter(has_text="Settings")).to_be_visible()
        page.keyboard.type("love")
        expect(found).to_have_count(1)
        press("Enter")
        expect(page.get_by_role("heading", name="Ada Lovelace")).to_be_visible()

        press("ControlOrMeta+k")
        page.keyboard.type("of this customer")
        expect(found.first).to_contain_text("Products of this customer")
        press("ArrowDown")
        press("ArrowDown")
        expect(found.nth(1)).to_be_focused()
        press("ArrowUp")
        press("ArrowUp")
        expect(bar.get_by_role("searchbox")).to_be_focused()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("why")
        expect(found).to_have_count(1)
        press("ArrowDown")
        press("Enter")
        expect(page.get_by_role("heading", name="Why blocked")).to_be_visible()


def test_the_command_bar_says_that_nothing_is_found_and_goes_at_one_key(
    dashboard: Dashboard,
) -> None:
    with dashboard.page() as page:
        page.goto(f"{dashboard.url}/customers")
        page.get_by_role("button", name="Go to").click()
        bar = page.get_by_role("dialog", name="Go to")
        page.keyboard.type("nobody is called so")
        expect(bar.get_by_text("Nothing is called so")).to_be_visible()
        page.keyboard.press("Escape")
        expect(bar).to_be_hidden()


def test_single_keys_search_open_menus_and_create(dashboard: Dashboard) -> None:
    with dashboard.page() as page:
        page.goto(f"{dashboard.url}/customers")
        press = page.keyboard.press
        press("/")
        page.keyboard.type("hopper n a")
        expect(page.get_by_text("No customer matches")).to_be_visible()
        press("ControlOrMeta+a")
        page.keyboard.type("hopper")
        press("Escape")
        page.get_by_role("link", name="Grace Hopper").click()
        expect(page.get_by_role("heading", name="Grace Hopper")).to_be_visible()
        press("a")
        menu = page.locator("details.menu[open]")
        expect(menu.get_by_role("link", name="Grant a balance")).to_be_visible()
        press("Escape")
        expect(menu).to_have_count(0)
        page.goto(f"{dashboard.url}/customers")
        press("n")
        expect(page.get_by_role("heading", name="Create customer")).to_be_visible()


def test_keys_open_fill_send_and_close_a_sheet(dashboard: Dashboard) -> None:
    with dashboard.page() as page:
        page.goto(dashboard.customer("grace"))
        press = page.keyboard.press
        press("a")
        press("g")
        sheet = page.get_by_role("dialog")
        feature = sheet.get_by_label("Feature", exact=True)
        expect(feature).to_be_focused()
        press("Escape")
        expect(sheet).to_be_hidden()
        assert page.url == dashboard.customer("grace")

        press("a")
        press("g")
        feature.select_option("Messages")
        sheet.get_by_label("Amount").fill("25")
        press("ControlOrMeta+Enter")
        expect(page.get_by_text("was granted")).to_be_visible()
        expect(sheet).to_be_hidden()
        held = dashboard.shop.get_done("customers.get", customer_id="grace")["balances"]
        assert held["messages"]["granted"] == 125


def test_what_was_typed_does_not_go_by_a_slip(dashboard: Dashboard) -> None:
    with dashboard.page() as page:
        page.goto(f"{dashboard.customer('grace')}?tab=features")
        page.get_by_role("link", name="Grant a balance").click()
        sheet, amount = page.get_by_role("dialog"), page.get_by_label("Amount")
        amount.fill("25")
        asked: list[str] = []

        def answer(dialog: Dialog) -> None:
            asked.append(dialog.message)
            if len(asked) > 1:
                dialog.accept()
            else:
                dialog.dismiss()

        page.on("dialog", answer)
        page.mouse.click(5, 5)
        expect(amount).to_have_value("25")
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        page.get_by_role("link", name="Grant a balance").click()
        expect(amount).to_have_value("")
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        page.get_by_role("link", name="Grant a balance").click()
        amount.fill("25")
        sheet.get_by_role("link", name="Cancel").click()
        expect(sheet).to_be_hidden()

        assert asked == ["Close the form? What was typed in it is lost."] * 2


def test_times_are_told_where_somebody_is_and_in_utc_on_top(dashboard: Dashboard) -> None:
    made = dashboard.shop.get_done("customers.get", customer_id="ada")["created_at"]
    with dashboard.page() as page:
        engine, kept = page.context.browser, page.context.storage_state()
        assert engine is not None
        with engine.new_context(
            storage_state=kept, timezone_id="America/New_York", locale="en-US"
        ) as window:
            there = window.new_page()
            there.goto(dashboard.customer("ada"))
            time = there.get_by_role("definition").filter(has=there.locator("time")).locator("time")
            at = datetime.fromtimestamp(made / 1000, ZoneInfo("America/New_York"))
            hour = at.hour % 12 or 12
            half = "PM" if at.hour >= 12 else "AM"
            expect(time).to_have_text(f"{at:%b} {at.day}, {at.year}, {hour}:{at:%M} {half}")
            expect(time).to_have_attribute("title", f"{at.astimezone(UTC):%d %b %Y, %H:%M} UTC")


def test_the_environment_is_one_click_away_and_stays(dashboard: Dashboard) -> None:
    with dashboard.page(Role.ADMIN) as page:
        page.goto(f"{dashboard.url}/customers?q=hopper")
        page.get_by_role("button", name="Live").click()
        expect(page.get_by_text("No customers in live yet")).to_be_visible()
        page.goto(f"{dashboard.url}/customers?q=hopper")
        expect(page.get_by_text("No customer matches")).to_be_visible()
        page.get_by_role("button", name="Sandbox").click()
        expect(page.get_by_role("link", name="Grace Hopper")).to_be_visible()


def test_whose_session_is_over_signs_in_and_is_back(dashboard: Dashboard) -> None:
    with dashboard.page(refused=(401,)) as page:
        page.goto(dashboard.customer("grace", "features"))
        page.context.clear_cookies()
        page.get_by_role("link", name="Edit balance").click()
        expect(page.get_by_role("heading", name="Sign in to Orchard")).to_be_visible()
        page.get_by_label("E-mail").fill(dashboard.email(Role.OWNER))
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Edit balance")).to_be_visible()
        assert page.url == dashboard.customer("grace", "features")
