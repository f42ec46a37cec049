"""Plans are sold: the official Python client, Stripe's pages in a browser, Stripe's reports."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local.stack import Stack
from tests.e2e.browsing import choose_card, opened
from tests.e2e.vocabulary import Organization, Stripe

pytestmark = pytest.mark.e2e

MONTHLY = {"interval": "month"}
COUPON: dict[str, Any] = {
    "id": "launch",
    "name": "Launch offer",
    "type": "percentage_discount",
    "value": 20,
    "duration": {"type": "months", "length": 3},
    "plan_ids": None,
    "promo_codes": [{"code": "SPRING20"}],
}


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Organization:
    return Organization.on(stack, "billing-python")


@pytest.fixture(scope="module")
def autumn(shop: Organization) -> Iterator[Any]:
    """Return a client of a shop with a free default plan, two priced ones, and a coupon."""
    shop.get_done(
        "features.create", feature_id="messages", name="Messages", type="metered", consumable=True
    )
    with shop.client() as client:
        for plan_id, amount, included in (("free", 0, 100), ("pro", 20, 500), ("premium", 50, 900)):
            client.plans.create(
                plan_id=plan_id,
                name=plan_id.capitalize(),
                auto_enable=not amount,
                items=[{"feature_id": "messages", "included": included, "reset": MONTHLY}],
                **({"price": {"amount": amount, "interval": "month"}} if amount else {}),
            )
        shop.get_done("rewards.create", coupon=COUPON)
        yield client


@pytest.fixture(scope="module")
def page(engine: Browser) -> Iterator[Page]:
    with opened(engine) as page:
        yield page


def customer(autumn: Any, name: str) -> str:
    autumn.customers.get_or_create(customer_id=name, name=name, email=f"{name}@example.com")
    return name


def plans(autumn: Any, name: str) -> dict[str, str]:
    held = autumn.customers.get(customer_id=name).subscriptions
    return {one.plan_id: "canceling" if one.canceled_at else one.status for one in held}


def remaining(autumn: Any, name: str) -> float:
    left: float = autumn.customers.get(customer_id=name).balances["messages"].remaining
    return left


def invoices(autumn: Any, name: str) -> list[tuple[float, str]]:
    """Return what a customer was billed, the highest first: much happens within a second."""
    listed = autumn.invoices.list(customer_id=name).list
    return sorted(((one.total, one.status) for one in listed), reverse=True)


def pay(page: Page, card: str = "pm_card_visa") -> None:
    """Choose a card and press the button of Stripe's page."""
    choose_card(page, card)
    page.get_by_role("button", name="Subscribe").click()


def subscribe(stripe: Stripe, page: Page) -> None:
    """Pay with a good card, come back to the shop, and let Stripe report it."""
    pay(page)
    page.wait_for_url("**/thanks")
    stripe.settle()


def buy(autumn: Any, stripe: Stripe, page: Page, name: str, thanks: str) -> None:
    """Let a new customer buy Pro on Stripe's page."""
    wanted = {"customer_id": customer(autumn, name), "plan_id": "pro", "success_url": thanks}
    page.goto(autumn.billing.attach(**wanted).payment_url)
    subscribe(stripe, page)


@pytest.fixture
def thanks(stack: Stack) -> str:
    """Return where buyers come back to: any address on this machine."""
    return f"{stack.base_url}/thanks"


def test_a_coupon_is_on_the_page_and_on_every_invoice(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    customer(autumn, "ada")
    wanted = {"customer_id": "ada", "plan_id": "pro", "discounts": [{"reward_id": "launch"}]}

    seen = autumn.billing.preview_attach(**wanted)
    bought = autumn.billing.attach(**wanted, success_url=thanks)

    assert (seen.subtotal, seen.total, seen.next_cycle.total) == (20, 16, 16)
    assert plans(autumn, "ada") == {"free": "active"}
    page.goto(bought.payment_url)
    expect(page.locator("tfoot")).to_contain_text("Launch offer (20% off)")
    expect(page.locator("tfoot")).to_contain_text("-$4.00")
    expect(page.locator("h1")).to_have_text("$16.00")
    subscribe(stripe, page)
    assert plans(autumn, "ada") == {"pro": "active"}
    assert invoices(autumn, "ada") == [(16, "paid")]
    assert remaining(autumn, "ada") == 500
    with stripe.later(days=32):
        [renewal, _first] = autumn.invoices.list(customer_id="ada").list
        assert (renewal.total, renewal.status, renewal.plan_ids) == (16, "paid", ["pro"])
        assert plans(autumn, "ada") == {"pro": "active"}
        page.goto(renewal.hosted_invoice_url)
        expect(page.locator("tfoot")).to_contain_text("Discount-$4.00")
        expect(page.locator("h1")).to_have_text("$16.00")


def test_an_invoice_leads_to_its_page_and_opens_as_a_pdf(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    buy(autumn, stripe, page, "bea", thanks)
    [invoice] = autumn.invoices.list(customer_id="bea").list

    page.goto(invoice.hosted_invoice_url)

    expect(page.locator("h1")).to_have_text("$20.00")
    expect(page.locator(".state")).to_have_text("paid")
    expect(page.locator("tbody")).to_contain_text("Pro")
    assert page.url.startswith(stripe.base_url)
    address = page.get_by_role("link", name="Download PDF").get_attribute("href")
    opened = page.request.get(f"{stripe.base_url}{address}")
    assert opened.headers["content-type"] == "application/pdf"
    assert opened.body().startswith(b"%PDF-")
    assert opened.body().rstrip().endswith(b"%%EOF")
    kept = page.request.get(invoice.hosted_invoice_url.replace("/hosted_invoice_url/", "/pdf/"))
    assert kept.body() == opened.body()


def test_a_declined_card_buys_nothing_and_the_next_card_does(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    wanted = {"customer_id": customer(autumn, "cid"), "plan_id": "pro", "success_url": thanks}
    page.goto(autumn.billing.attach(**wanted).payment_url)

    pay(page, "pm_card_visa_chargeDeclined")

    expect(page.get_by_role("alert")).to_contain_text("declined")
    stripe.settle()
    assert plans(autumn, "cid") == {"free": "active"}
    assert invoices(autumn, "cid") == []
    subscribe(stripe, page)
    assert plans(autumn, "cid") == {"pro": "active"}
    assert invoices(autumn, "cid") == [(20, "paid")]


def test_a_page_that_is_left_sells_nothing(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    wanted = {"customer_id": customer(autumn, "dan"), "plan_id": "pro", "success_url": thanks}
    first = autumn.billing.attach(**wanted).payment_url
    page.goto(first)
    page.goto("about:blank")

    assert autumn.billing.attach(**wanted).payment_url == first

    stripe.expire(first.rpartition("/")[2].partition("#")[0])
    page.goto(first)
    expect(page.locator("h1")).to_contain_text("expired")
    assert plans(autumn, "dan") == {"free": "active"}
    second = autumn.billing.attach(**wanted).payment_url
    assert second != first
    page.goto(second)
    subscribe(stripe, page)
    assert plans(autumn, "dan") == {"pro": "active"}


def test_an_upgrade_costs_the_difference_and_a_downgrade_waits(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    buy(autumn, stripe, page, "eve", thanks)

    seen = autumn.billing.preview_attach(customer_id="eve", plan_id="premium")
    upgraded = autumn.billing.attach(customer_id="eve", plan_id="premium")
    stripe.settle()

    assert upgraded.payment_url is None
    assert seen.total == pytest.approx(30, abs=0.02)
    assert invoices(autumn, "eve") == [(seen.total, "paid"), (20, "paid")]
    assert upgraded.invoice.total == seen.total
    assert plans(autumn, "eve") == {"premium": "active"}
    assert remaining(autumn, "eve") == 900
    seen = autumn.billing.preview_attach(customer_id="eve", plan_id="pro")
    assert (seen.total, seen.next_cycle.total) == (0, 20)
    autumn.billing.attach(customer_id="eve", plan_id="pro")
    stripe.settle()
    assert plans(autumn, "eve") == {"premium": "canceling", "pro": "scheduled"}
    with stripe.later(days=32):
        assert plans(autumn, "eve") == {"pro": "active"}
        assert len(invoices(autumn, "eve")) == 3
        assert invoices(autumn, "eve").count((20, "paid")) == 2
        assert remaining(autumn, "eve") == 500


def test_a_plan_is_canceled_and_kept_after_all(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    buy(autumn, stripe, page, "fay", thanks)
    held = {"customer_id": "fay", "plan_id": "pro"}

    autumn.billing.update(**held, cancel_action="cancel_end_of_cycle")
    stripe.settle()
    assert plans(autumn, "fay") == {"pro": "canceling", "free": "scheduled"}
    autumn.billing.update(**held, cancel_action="uncancel")
    stripe.settle()
    assert plans(autumn, "fay") == {"pro": "active"}
    seen = autumn.billing.preview_update(**held, cancel_action="cancel_immediately")
    autumn.billing.update(**held, cancel_action="cancel_immediately")
    stripe.settle()

    assert seen.total == pytest.approx(-20, abs=0.02)
    assert plans(autumn, "fay") == {"free": "active"}
    assert invoices(autumn, "fay") == [(20, "paid"), (pytest.approx(-20, abs=0.02), "paid")]


def test_customers_change_their_card_and_cancel_in_the_portal(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    buy(autumn, stripe, page, "gil", thanks)
    page.goto(autumn.billing.open_customer_portal(customer_id="gil", return_url=thanks).url)

    expect(page.locator("tbody").first).to_contain_text("Pro")
    choose_card(page, "pm_card_mastercard")
    page.get_by_role("button", name="Use this card").click()
    expect(page.get_by_text("ending in 4444")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Keep it")).to_be_visible()
    stripe.settle()

    assert plans(autumn, "gil") == {"pro": "canceling", "free": "scheduled"}
    page.get_by_role("link", name="Back").click()
    page.wait_for_url("**/thanks")


def test_a_lasting_link_sells_and_an_upgrade_is_confirmed_on_a_page_of_ours(
    autumn: Any, stripe: Stripe, page: Page, thanks: str
) -> None:
    wanted = {"customer_id": customer(autumn, "cleo"), "success_url": thanks}
    link = autumn.billing.attach(**wanted, plan_id="pro", long_lived_checkout=True).payment_url
    page.goto(link)
    assert page.url.startswith(stripe.base_url)
    subscribe(stripe, page)
    page.goto(link)
    expect(page.locator("h1")).to_have_text("This is done")

    offer = autumn.billing.attach(**wanted, plan_id="premium", redirect_mode="always").payment_url
    page.goto(offer)
    expect(page.locator("table")).to_contain_text("To pay today")
    # Its style is let through by its own policy.
    expect(page.locator("button")).to_have_css("background-color", "rgb(26, 26, 26)")
    assert plans(autumn, "cleo") == {"pro": "active"}
    page.get_by_role("button", name="Confirm and pay").click()
    page.wait_for_url("**/thanks")
    stripe.settle()

    assert plans(autumn, "cleo") == {"premium": "active"}
    page.goto(offer)
    expect(page.locator("h1")).to_have_text("This is done")
