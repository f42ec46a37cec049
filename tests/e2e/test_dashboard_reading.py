"""What people read on the dashboard, in a real browser, on the deployed template."""

import csv
import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from local.stack import Stack
from orchard.domain.users import Role
from tests.e2e.dashboard import PHONE, Dashboard, fits
from tests.e2e.furnished import create, live, offer_products

pytestmark = pytest.mark.e2e
#: What a page of the list holds.
PAGE = 50
EVIL = "<script>document.title = 'owned'</script><img src=x onerror=document.title='owned'>"
_BIG = "many words " * 9_000
#: What of a customer's tabs says that they are there.
_TOLD = {
    "Products": "Pro",
    "Features": "1,018",
    "Invoices": "20.00 USD",
    "Events": "12 from",
    "Changes": "Grace Hopper",
    "Rewards": "No coupons",
    "Details": "grace@example.com",
    "Settings": "Delete this customer",
}
_IS_DRAWN = """() => {
  const canvas = document.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return data.some((one) => one > 0);
}"""


@pytest.fixture(scope="module")
def dashboard(stack: Stack, engine: Browser) -> Dashboard:
    dashboard = Dashboard(stack, engine, "reading")
    offer_products(dashboard.shop, EVIL)
    for number in range(PAGE):
        # So much of some that an export takes two requests.
        kept = {"notes": _BIG} if number >= PAGE - 11 else {}
        create(dashboard.shop, f"user_{number:02}", f"Person {number:02}", metadata=kept)
    live(dashboard.shop, "grace", "Grace Hopper")
    live(dashboard.shop, "eve", EVIL)
    return dashboard


def asked(page: Page) -> dict[str, str]:
    """Return what the address of a page asks for."""
    return {name: value for name, (value,) in parse_qs(urlsplit(page.url).query).items()}


def test_the_list_is_narrowed_and_paged_and_its_address_says_how(dashboard: Dashboard) -> None:
    # Who goes live, stays there until the session ends.
    with dashboard.page(Role.ADMIN) as page:
        page.goto(f"{dashboard.url}/customers")
        rows = page.locator("#results tbody tr")
        expect(rows).to_have_count(PAGE)
        page.get_by_role("link", name="Next page").click()
        expect(rows).to_have_count(2)
        page.reload()
        expect(rows).to_have_count(2)
        page.get_by_role("link", name="Previous page").click()
        expect(rows).to_have_count(PAGE)

        page.get_by_label("Search by id").press_sequentially("hop")
        expect(rows).to_have_count(1)
        assert asked(page) == {"q": "hop"}
        page.get_by_label("Status of a product").select_option("Active")
        page.get_by_label("Plan", exact=True).select_option("Pro")
        page.get_by_text("Columns").click()
        page.get_by_label("Messages").check()
        expect(rows.filter(has_text="Grace Hopper")).to_contain_text("of 1,000")
        page.reload()
        expect(rows.filter(has_text="Grace Hopper")).to_contain_text("of 1,000")
        wanted = {"q": "hop", "status": "active", "plan": "pro", "cols": "messages"}
        assert asked(page) == wanted

        page.get_by_label("Status of a product").select_option("Past due")
        expect(page.get_by_text("No customer matches")).to_be_visible()
        page.get_by_role("link", name="Clear").click()
        expect(rows.filter(has_text="Grace Hopper")).to_be_visible()
        assert asked(page) == {"cols": "messages"}
        page.get_by_role("button", name="Live").click()
        expect(page.get_by_text("No customers in live yet")).to_be_visible()


def test_an_export_is_one_file_with_what_the_list_shows(
    dashboard: Dashboard, tmp_path: Path
) -> None:
    with dashboard.page() as page:
        page.goto(f"{dashboard.url}/customers")
        page.get_by_role("link", name="Export").click()
        with page.expect_download() as loading:
            page.get_by_role("button", name="Export as CSV").click()
        told = page.get_by_role("status").filter(has_text="exported")
        expect(told).to_contain_text(f"{PAGE + 2} customers exported to orchard-customers-sandbox")
        loading.value.save_as(tmp_path / "file.csv")

    rows = list(csv.DictReader(io.StringIO((tmp_path / "file.csv").read_text("utf-8-sig"))))
    assert len(rows) == PAGE + 2
    assert {row["id"]: row["name"] for row in rows}["eve"] == EVIL
    assert [row["messages.left"] for row in rows if row["id"] == "grace"] == ["1018"]


def test_a_saved_view_leads_to_the_same_list_again(dashboard: Dashboard) -> None:
    with dashboard.page() as page:
        page.goto(f"{dashboard.url}/customers?q=hopper&plan=pro&cols=messages&order=asc")
        wanted = asked(page)
        page.get_by_role("link", name="Save view").click()
        page.get_by_label("Name", exact=True).fill("Pro Hoppers")
        page.get_by_role("button", name="Save view").click()
        expect(page.get_by_text("was saved")).to_be_visible()
        page.goto(f"{dashboard.url}/customers")
        page.get_by_role("link", name="Pro Hoppers").click()

        expect(page.locator("#results tbody tr")).to_have_count(1)
        assert asked(page) == wanted


def test_each_tab_of_a_customer_says_what_there_is(dashboard: Dashboard) -> None:
    with dashboard.page() as page:
        page.goto(dashboard.customer("grace"))
        for tab, text in _TOLD.items():
            page.get_by_label("Parts of this customer").get_by_role("link", name=tab).click()
            expect(page.get_by_role("main")).to_contain_text(text)


def test_events_and_changes_are_narrowed(dashboard: Dashboard) -> None:
    with dashboard.page() as page:
        page.goto(dashboard.customer("grace", "events"))
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(2)
        page.get_by_label("Property").fill("channel")
        page.get_by_label("has the value").fill("Grace Hopper")
        page.get_by_role("button", name="Show").click()
        expect(rows).to_have_count(1)
        assert asked(page)["value"] == "Grace Hopper"
        rows.get_by_text("Details").click()
        expect(rows.get_by_label("JSON")).to_contain_text('"value": 12')

        page.goto(dashboard.customer("grace", "changes"))
        page.get_by_label("What", exact=True).select_option("Balances")
        page.get_by_role("button", name="Show").click()
        edit = rows.filter(has_text="988 → 1,018")
        expect(edit).to_contain_text("Grace Hopper")
        edit.get_by_role("link", name="only this change").click()
        expect(rows).to_have_count(1)
        page.get_by_role("link", name="Show all changes").click()
        expect(rows.nth(2)).to_be_visible()


def test_what_is_billed_next_and_why_somebody_is_blocked_come_when_asked(
    dashboard: Dashboard,
) -> None:
    with dashboard.page() as page:
        page.goto(dashboard.customer("grace", "invoices"))
        upcoming = page.locator("#upcoming")
        expect(upcoming.get_by_role("row").filter(has_text="Pro")).to_contain_text("20.00 USD")

        page.goto(dashboard.customer("grace", "features"))
        row = page.get_by_role("row").filter(has_text="Messages")
        row.get_by_role("link", name="Why blocked?").click()
        sheet = page.get_by_role("dialog")
        sheet.get_by_label("How much is needed").fill("2000")
        sheet.get_by_role("button", name="Explain").click()
        expect(sheet.get_by_role("status")).to_contain_text("What stands against it")
        sheet.get_by_role("link", name="Close").first.click()
        expect(sheet).to_be_hidden()


def test_a_feature_page_draws_its_table_over_the_time_that_is_asked_for(
    dashboard: Dashboard,
) -> None:
    with dashboard.page() as page:
        page.goto(dashboard.customer("grace", "features"))
        page.get_by_role("link", name="Messages", exact=True).click()
        expect(page.get_by_role("img", name="Messages over time")).to_be_visible()
        page.wait_for_function(_IS_DRAWN)
        page.get_by_text("Numbers", exact=True).click()
        rows = page.locator("#graph-numbers tbody tr")
        expect(rows.first).to_contain_text("12")
        days = rows.count()
        page.get_by_role("link", name="24 hours").click()
        expect(page.get_by_role("link", name="24 hours")).to_have_attribute("aria-current", "true")
        page.wait_for_function(_IS_DRAWN)
        assert asked(page)["range"] == "24h"
        assert rows.count() != days
        marks = page.locator("#graph-marks > li")
        expect(marks.filter(has_text="Edit")).to_contain_text("Left 988 → 1,018")


def test_all_that_is_read_is_there_without_scripts(dashboard: Dashboard) -> None:
    with dashboard.page(scripted=False) as page:
        page.goto(f"{dashboard.url}/customers")
        page.get_by_label("Search by id").fill("hopper")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("link", name="Grace Hopper").click()
        expect(page.get_by_role("main")).to_contain_text("Pro")
        tabs = page.get_by_label("Parts of this customer")
        for tab, text in _TOLD.items():
            tabs.get_by_role("link", name=tab).click()
            expect(page.get_by_role("main")).to_contain_text(text)
        tabs.get_by_role("link", name="Invoices").click()
        page.get_by_role("link", name="Show the upcoming invoice").click()
        expect(page.locator("#upcoming")).to_contain_text("20.00 USD")
        tabs.get_by_role("link", name="Features").click()
        page.get_by_role("link", name="Why blocked? Messages").click()
        page.get_by_label("How much is needed").fill("2000")
        page.get_by_role("button", name="Explain").click()
        expect(page.get_by_role("main")).to_contain_text("What stands against it")
        page.goto(f"{dashboard.customer('grace')}/features/messages")
        expect(page.locator("#graph-numbers tbody tr").first).to_contain_text("12")
        assert page.get_by_role("img").count() == 0
        page.goto(f"{dashboard.url}/export")
        page.get_by_role("button", name="Export as CSV").click()
        with page.expect_download():
            page.get_by_role("link", name="Download part 1").click()
        page.get_by_role("link", name="Go on with part 2").click()
        expect(page.get_by_role("link", name="Download part 2")).to_be_visible()


def test_what_somebody_typed_stays_text_wherever_it_is_shown(dashboard: Dashboard) -> None:
    eve = dashboard.customer("eve")
    tabs = [dashboard.customer("eve", tab) for tab in ("", *map(str.lower, _TOLD))]
    forms = [f"{eve}/{form}" for form in ("attach", "grant", "coupons/add", "delete", "why")]
    features = [f"{eve}/features/{one}" for one in ("evil", "messages", "evil/edit")]
    lists = [f"{dashboard.url}/{one}" for one in ("customers?q=script", f"commands?q={EVIL}")]
    lists += [f"{dashboard.url}/export?q={EVIL}", f"{dashboard.url}/views?q={EVIL}"]
    with dashboard.page(size=PHONE) as page:
        for address in (*tabs, *forms, *features, *lists):
            page.goto(address)
            expect(page).to_have_title(re.compile("Orchard$"))
            expect(page.get_by_text("title = 'owned'").first).to_be_attached()
            assert page.locator("img[onerror]").count() == 0
            assert fits(page), address
