"""Pages on which customers decide: links that open Stripe's page, and what is confirmed on ours."""

import re
from typing import Any

import pytest

from orchard.contracts.billing import pages
from orchard.store.table import Table
from tests import harness
from tests.billing.conftest import Shop, shop
from tests.jobs.conftest import Job, run

__all__ = ["run", "shop"]

HOUR = 1 / 24
DONE = "https://shop.example.com/done"


class Visit:
    """A request of a browser, and what came back."""

    def __init__(self, answered: dict[str, Any]) -> None:
        self.status: int = answered["statusCode"]
        self.headers: dict[str, str] = answered["headers"]
        self.text: str = answered["body"]
        self.location = self.headers.get("location")


def visit(url: str, method: str = "GET", body: str = "", **headers: str | None) -> Visit:
    """Open an address of ours as a browser does, without a key."""
    path, _, query = url.removeprefix("https://api.example.com").partition("?")
    event = harness.sample("pages/offers")
    named, offer_id = path.rpartition("/")[::2]
    event["routeKey"], event["rawPath"] = f"{method} {named}/{{offer_id}}", path
    event["pathParameters"] = {"offer_id": offer_id}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    event["headers"] = {
        name: value for name, value in (event["headers"] | sent).items() if value is not None
    }
    event["body"], event["rawQueryString"] = body, query
    return Visit(harness.handler("pages.offers")(event, None))


def confirm(url: str, **headers: str | None) -> Visit:
    """Look at a page and press its button."""
    shown = visit(url)
    assert shown.status == 200, shown.text
    (total,) = re.findall(r'name="total" value="([^"]+)"', shown.text)
    return visit(url, "POST", f"total={total}", **headers)


def lasting(shop: Shop, plan_id: str = "pro", **body: Any) -> str:
    url = shop.attach(plan_id, long_lived_checkout=True, **body)["payment_url"]
    assert re.fullmatch(r"https://api\.example\.com/co/co_[0-9A-Za-z]{27}", url)
    return str(url)


def offered(shop: Shop, plan_id: str, **body: Any) -> str:
    url = shop.attach(plan_id, redirect_mode="always", **body)["payment_url"]
    assert re.fullmatch(r"https://api\.example\.com/c/co_[0-9A-Za-z]{27}", url)
    return str(url)


def test_b19_a_lasting_link_opens_the_page_that_is_open_and_a_new_one_later(shop: Shop) -> None:
    shop.customer(card=None)
    assert shop.preview("pro", long_lived_checkout=True)["checkout_type"] == "stripe_checkout"
    url = lasting(shop)
    assert lasting(shop) == url

    first, second = visit(url), visit(url)
    assert (first.status, second.location) == (303, first.location)
    assert "/c/pay/" in str(first.location)
    shop.pass_time(days=2 * HOUR)
    third = visit(url)
    assert third.location not in (None, first.location)
    shop.pay(str(third.location))
    assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(20, "paid")])

    over = visit(url)
    assert (over.status, over.location) == (200, None)
    assert "This is done" in over.text


def test_b19_a_lasting_link_sells_at_the_prices_of_the_day_for_90_days(shop: Shop) -> None:
    shop.customer(card=None)
    url = lasting(shop, "addon")
    shop.clock.advance(days=80)
    shop.done("plans.update", plan_id="addon", price={"amount": 30, "interval": "month"})
    shop.pay(str(visit(url).location))
    assert shop.invoices() == [(30, "paid")]

    # What may be had twice is not sold twice by one link, but by another.
    assert "This is done" in visit(url).text
    other = lasting(shop, "addon", redirect_mode="always", new_billing_subscription=True)
    assert other != url
    assert "/c/pay/" in str(visit(other).location)
    shop.clock.advance(days=90)
    assert visit(other).status == 404


def test_b19_a_lasting_link_leads_nowhere_once_the_customer_has_what_it_sells(shop: Shop) -> None:
    stripe_id = shop.customer(card=None)
    url, other = lasting(shop), lasting(shop, "premium")
    shop.save_card(stripe_id)
    shop.attach("pro")

    held, changed = visit(url), visit(other)
    assert (held.status, changed.status) == (409, 409)
    assert "already attached" in held.text
    assert "ask for a new link" in changed.text
    assert shop.invoices() == [(20, "paid")]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-purpose": "prefetch;prerender"},
        {"purpose": "preview"},
        {"user-agent": "Slackbot-LinkExpanding 1.0"},
    ],
)
def test_a_preview_of_a_lasting_link_opens_no_page_and_closes_none(
    shop: Shop, headers: dict[str, str]
) -> None:
    shop.customer(card=None)
    shop.attach("once")
    url = lasting(shop)
    before = shop.stripe.double.account.text()
    shown = visit(url, **headers)

    assert (shown.status, shown.location) == (200, None)
    assert f'href="{url}?go=on"' in shown.text
    assert shop.stripe.double.account.text() == before
    assert visit(f"{url}?go=on", **headers).status == 303


def test_a_deleted_customer_is_offered_nothing_and_leaves_no_offer(
    shop: Shop, table: Table, run: Job
) -> None:
    shop.customer(card=None)
    url = lasting(shop)
    shop.done("customers.delete", customer_id="user_1")
    assert visit(url).status == 404
    shop.clock.advance(days=2)
    run("purge_customers")

    found = table.client.scan(TableName=table.name)["Items"]
    assert [one for one in found if "#OFFERS#" in one["pk"]["S"]] == []


def test_b20_a_free_plan_is_confirmed_on_a_page_of_ours(shop: Shop) -> None:
    shop.customer(card=None)
    shop.done("customers.update", customer_id="user_1", name="<b>Ada</b>")
    shown = shop.preview("free", redirect_mode="always")
    assert (shown["redirect_to_checkout"], shown["checkout_type"]) == (True, "autumn_checkout")
    url = offered(shop, "free", success_url=DONE)
    page = visit(url)
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page.text
    assert "<b>" not in page.text
    assert "nothing to pay" in page.text
    assert "form-action 'self' https://shop.example.com;" in page.headers["content-security-policy"]
    assert (shop.plans(), offered(shop, "free", success_url=DONE)) == ({}, url)

    done = confirm(url)
    assert (done.status, done.location) == (303, DONE)
    assert (shop.plans(), shop.remaining()) == ({"free": "active"}, 100)
    for again in (visit(url), visit(url, "POST", "total=0")):
        assert (again.status, "This is done" in again.text) == (200, True)


def test_only_its_own_page_confirms(shop: Shop) -> None:
    shop.customer(card=None)
    url = offered(shop, "free", success_url=DONE)
    foreign: list[dict[str, str | None]] = [
        {"origin": "https://evil.example.com", "sec_fetch_site": None},
        {"origin": "null", "sec_fetch_site": "cross-site"},
        {"origin": None, "sec_fetch_site": None},
    ]

    assert [confirm(url, **headers).status for headers in foreign] == [403] * 3
    assert shop.plans() == {}
    assert confirm(url, origin=None).status == 303
    assert shop.plans() == {"free": "active"}


def test_an_upgrade_with_a_card_is_charged_when_it_is_confirmed(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    url = offered(shop, "premium")
    assert "30.00 USD" in visit(url).text
    assert shop.plans() == {"pro": "active"}
    assert visit(url, "POST", "total=29").status == 409
    assert visit(url, "POST", "total=NaN").status == 400
    shop.pass_time(days=15)

    assert confirm(offered(shop, "premium")).status == 200
    shop.report()
    assert shop.plans() == {"premium": "active"}
    assert 14.9 < shop.invoices()[0][0] <= 15


def test_a_card_that_is_declined_leads_to_the_invoice_which_takes_the_offer(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    url = offered(shop, "premium")

    declined = confirm(url)
    assert "The payment method was declined" in declined.text
    (invoice,) = re.findall(r'href="([^"]+)"', declined.text)
    assert "This was confirmed already" in visit(url).text
    assert invoice in confirm(url).text
    assert shop.plans() == {"pro": "active"}
    shop.save_card(stripe_id)
    (bill,) = shop.api("invoices", "GET", customer=stripe_id, status="open")["data"]
    assert bill["hosted_invoice_url"] == invoice
    shop.stripe.step(bill["id"], "pay")
    shop.report()

    assert shop.plans() == {"premium": "active"}
    assert shop.invoices() == [(30, "paid"), (20, "paid")]
    assert "This is done" in visit(url).text


def test_a_cancellation_can_be_confirmed_as_well(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    asked = {"customer_id": "user_1", "cancel_action": "cancel_immediately"}
    url = shop.done("billing.update", **asked, redirect_mode="always")["payment_url"]
    assert "Credit" in visit(url).text
    assert shop.plans() == {"pro": "active"}

    assert confirm(url).status == 200
    assert shop.plans() == {}
    assert "This is done" in visit(url, "POST", "total=-20").text


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (None, "'self'"),
        ("https://Shop.example.com:8443/a?b=c;d", "'self' https://shop.example.com:8443"),
        ("https://user@shop.example.com/", "'self' https://shop.example.com"),
        ("https://bücher.example/ä", "'self' https://xn--bcher-kva.example"),
        ("https://a;sandbox/", "'self'"),
        ("https://[::1]/", "'self'"),
    ],
)
def test_a_form_leads_nowhere_else(url: str | None, allowed: str) -> None:
    policy = pages.security(url)["content-security-policy"].split("; ")

    assert [one for one in policy if one.startswith("form-action")] == [f"form-action {allowed}"]
    assert len(policy) == 5
    assert url is None or pages.location(url).isascii()


@pytest.mark.usefixtures("table", "clock")
@pytest.mark.parametrize("named", ["co_" + "0" * 27, "co_", "inv_1", "", "x" * 3000])
@pytest.mark.parametrize("path", ["/c", "/co"])
def test_what_is_no_offer_is_not_found(named: str, path: str) -> None:
    answered = visit(f"https://api.example.com{path}/{named}")

    assert answered.status == 404
    assert "no such checkout" in answered.text
    assert answered.headers["cache-control"] == "no-store"


def test_our_own_fault_is_a_page_that_tells_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.customer(card=None)
    url = offered(shop, "free")
    monkeypatch.setattr("orchard.usecases.billing.purchases.accepting.proposed", None)

    answered = visit(url)

    assert (answered.status, "NoneType" in answered.text) == (500, False)
