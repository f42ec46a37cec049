"""The dashboard in a real browser, on the deployed template."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, ViewportSize, expect

from local.stack import Stack
from tests.e2e.browsing import opened
from tests.e2e.vocabulary import Organization

pytestmark = pytest.mark.e2e
DESKTOP, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
PASSWORD = "correct horse battery"
EVIL = "<script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Organization:
    shop = Organization.on(stack, "dashboard")
    shop.offer_messages()
    names = {"ada": "Ada Lovelace", "grace": "Grace Hopper", "eve": EVIL}
    for customer_id, name in names.items():
        shop.get_done("customers.get_or_create", customer_id=customer_id, name=name)
    return shop


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(engine: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the browser, which must not have complained about anything at the end."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A preview that was asked for before the form was sent may be answered after it.
        is_late = "status of 409" in message.text
        if message.type in {"error", "warning"} and not is_late:
            complaints.append(message.text)

    with opened(engine) as page:
        page.set_viewport_size(request.param)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


def invited(stack: Stack, email: str) -> str:
    """The link for somebody who is to own the organisation."""
    asked = {"organization": "dashboard", "email": email}
    return str(stack.invoke("CreateDashboardUser", asked)["link"])


def sign_in(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill("Grace")
    page.get_by_label("A password").fill(PASSWORD)
    page.get_by_label("The same once more").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()


def test_somebody_signs_in_searches_and_creates_a_customer(
    stack: Stack, shop: Organization, page: Page
) -> None:
    width = page.viewport_size["width"] if page.viewport_size else 0
    email = f"grace{width}@example.com"
    sign_in(page, invited(stack, email))
    page.locator("summary", has_text="Grace").click()
    page.get_by_role("button", name="Sign out").click()

    page.goto(f"{stack.base_url}/dashboard/customers?q=hopper")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Grace Hopper")).to_be_visible()
    expect(page.get_by_text("Ada Lovelace")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.keyboard.press("/")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("lovelace")
    expect(page.get_by_text("Ada Lovelace")).to_be_visible()
    expect(page).to_have_url(f"{stack.base_url}/dashboard/customers?q=lovelace")
    page.reload()
    expect(page.get_by_text("Ada Lovelace")).to_be_visible()
    page.get_by_label("Search by id").fill("script")
    expect(page.get_by_text(EVIL)).to_be_visible()
    expect(page).to_have_title("Customers · Orchard")

    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.get_by_label("Id", exact=True).fill(f"made-{width}")
    page.get_by_label("E-mail").fill(email)
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_text(f"made-{width} was created")).to_be_visible()
    made = shop.get_done("customers.get", customer_id=f"made-{width}")
    assert made["email"] == email


@pytest.mark.usefixtures("shop")
def test_the_list_is_read_without_javascript(stack: Stack, engine: Browser) -> None:
    with opened(engine) as scripted:
        sign_in(scripted, invited(stack, "plain@example.com"))
        kept = scripted.context.storage_state()
        plain = engine.new_context(java_script_enabled=False, storage_state=kept).new_page()
        plain.goto(f"{stack.base_url}/dashboard")
        plain.get_by_label("Search by id").fill("hopper")
        plain.get_by_role("button", name="Search").click()

        expect(plain.get_by_text("Grace Hopper")).to_be_visible()
        expect(plain.get_by_role("button", name="Copy as curl")).to_be_hidden()
        assert "q=hopper" in urlsplit(plain.url).query
        assert "Ada" not in plain.inner_text("main")
        plain.get_by_role("button", name="Live").click()
        expect(plain.get_by_text("No customers in live yet")).to_be_visible()


@pytest.mark.usefixtures("shop")
def test_a_search_that_fails_says_so_and_an_expired_session_leads_to_sign_in(
    stack: Stack, engine: Browser
) -> None:
    with opened(engine) as page:
        sign_in(page, invited(stack, "unlucky@example.com"))
        box, told = page.get_by_label("Search by id"), page.get_by_text("The server did not answer")
        ends: list[Callable[[Route], None]] = [
            lambda route: route.abort(),
            lambda route: route.fulfill(status=503, body='{"message": "Service Unavailable"}'),
        ]
        for end in ends:
            page.route("**/customers?*", end)
            box.fill("hopper")
            expect(told).to_be_visible()
            expect(page.get_by_text("Ada Lovelace")).to_be_visible()
            page.unroute("**/customers?*")
            box.fill("")
            expect(told).to_be_hidden()
        page.context.clear_cookies()
        box.fill("hopper")

        expect(page.get_by_role("heading", name="Sign in to Orchard")).to_be_visible()
