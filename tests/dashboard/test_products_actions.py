"""Attaching plans on the dashboard: previews, custom plans, links, refusals, once only."""

import html
import re

import pytest
import stripe

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.api.test_rewards import a_reward
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop, shop
from tests.builders import a_feature
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words

__all__ = ["shop"]

CUSTOMER = "/dashboard/customers/user_1"
ATTACH = f"{CUSTOMER}/attach"


def filled(page: Page, **typed: str) -> dict[str, str]:
    """The form as it is on the page, with what somebody typed over it."""
    form = page.text[page.text.index('method="post" action="/dashboard/customers/') :]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        kind, is_on = attribute(tag, "type"), " checked" in tag
        if kind not in ("radio", "checkbox") or is_on:
            fields[attribute(tag, "name")] = attribute(tag, "value")
    selects = r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>'
    for name, options in re.findall(selects, form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        first = re.search(r'<option value="([^"]*)"', options)
        fields[name] = (chosen or first)[1]  # type: ignore[index]
    return fields | {"step": "save"} | typed


def attribute(tag: str, name: str) -> str:
    found = re.search(rf' {name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else ""


@pytest.fixture
def owner(signed: Sign, shop: Shop) -> Browser:
    del shop
    return signed(Role.ADMIN)


def the_form(browser: Browser, plan_id: str) -> tuple[str, Page]:
    """The address that the form for a plan is sent to, and its page."""
    page = browser.get(f"{ATTACH}?plan={plan_id}")
    found = re.search(r'method="post" action="([^"]+/attach[^"]*)"', page.text)
    assert found, words(page)
    return html.unescape(found[1]), page


def test_a_free_plan_is_attached_once_however_often_the_form_is_sent(
    shop: Shop, owner: Browser
) -> None:
    shop.customer(card=None)
    chosen = owner.get(ATTACH)
    address, form = the_form(owner, "free")
    fields = filled(form, reason="Welcome")
    preview = owner.post(address, fields | {"step": "preview"})

    first, second = owner.post(address, fields), owner.post(address, fields)

    assert "Pro: $20 per month" in words(chosen)
    assert "Free begins now" in words(preview)
    assert "billing.attach" in preview.text
    assert 'value="save">Attach<' in preview.text
    assert (first.status, second.status) == (303, 303)
    assert "Free was attached." in words(owner.follow(second))
    assert shop.plans() == {"free": "active"}


def test_a_paid_plan_is_charged_once_and_a_cheaper_one_is_scheduled(
    shop: Shop, owner: Browser
) -> None:
    shop.customer()
    address, form = the_form(owner, "premium")
    fields = filled(form)
    preview = owner.post(address, fields | {"step": "preview"})

    first = owner.post(address, fields)
    said = words(owner.follow(first))
    second = owner.post(address, fields)

    assert "Premium - Base Price" in words(preview)
    assert "Due now 50.00 USD" in words(preview)
    assert 'value="save">Charge customer<' in preview.text
    assert (first.status, second.status) == (303, 303)
    assert "Premium was attached. 50.00 USD was charged." in said
    assert "Premium was attached." in words(owner.follow(second))
    shop.report()
    assert shop.invoices() == [(50, "paid")]

    address, form = the_form(owner, "pro")
    cheaper = owner.post(address, filled(form, step="preview"))
    done = owner.post(address, filled(form))
    assert "Pro begins on 01 Oct 2026, 00:00 UTC Premium ends on 01 Oct 2026" in words(cheaper)
    assert "Due now 0.00 USD Next invoice, 01 Oct 2026, 00:00 UTC 20.00 USD" in words(cheaper)
    assert 'value="save">Schedule change<' in cheaper.text
    assert "Pro begins on 01 Oct 2026" in words(owner.follow(done))
    assert shop.plans() == {"premium": "canceling", "pro": "scheduled"}


def test_another_price_and_other_items_are_for_this_customer_alone(
    shop: Shop, owner: Browser
) -> None:
    a_feature(shop.call, "seats", consumable=False)
    shop.customer()
    address, form = the_form(owner, "pro")
    fields = filled(form, price="15.50", row0_included="800")
    fields |= {"row1_feature": "seats", "row1_way": "prepaid", "row1_amount": "10"}
    fields |= {"row1_quantity": "3", "coupon": "", "code": ""}
    preview = owner.post(address, fields | {"step": "preview"})
    dropped = owner.post(address, filled(form, row0_drop="yes", step="preview"))
    done = owner.post(address, fields)

    assert '"items": []' in html.unescape(dropped.text)
    assert "15.50 USD" in words(preview)
    assert "Due now 45.50 USD" in words(preview)
    assert done.status == 303
    shop.report()
    assert shop.invoices() == [(45.5, "paid")]
    assert shop.remaining() == 800
    assert shop.remaining("seats") == 3
    kept = shop.done("plans.get", plan_id="pro")
    assert (kept["price"]["amount"], len(kept["items"])) == (20, 1)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"price": "cheap"}, "Must be a number, such as 250 or -40"),
        ({"price": "1.005"}, "Can have at most 2 decimals"),
        ({"row0_included": "many"}, "Must be a number"),
        ({"row1_feature": "messages", "row1_way": "prepaid"}, "Type what it costs"),
        ({"row1_feature": "nothing"}, "There is no feature nothing"),
        ({"row1_feature": "messages"}, "messages"),
        ({"code": "NOPE"}, "NOPE"),
        ({"entity_id": "nobody"}, "Entity nobody not found"),
        ({"trial": "own", "trial_length": "x"}, "Must be a number"),
        ({"ends_at": "soon"}, "Must be a date and a time in UTC"),
        ({"base": "other"}, "The plan was changed while you were here"),
        ({"reason": "x" * 1001}, "Must have at most 1000 characters"),
        ({"way": "charge", "price": "9999999"}, "is too much for one invoice"),
    ],
)
def test_what_does_not_go_together_is_told_and_what_was_typed_is_kept(
    shop: Shop, owner: Browser, typed: dict[str, str], told: str
) -> None:
    shop.customer()
    address, form = the_form(owner, "pro")
    fields = filled(form, reference="T-1") | typed

    page, preview = owner.post(address, fields), owner.post(address, fields | {"step": "preview"})

    assert page.status in (400, 404, 409)
    assert told in words(page)
    assert told in words(preview)
    assert 'value="T-1"' in page.text
    assert shop.plans() == {}


def test_without_a_card_a_link_is_made_that_lasts(shop: Shop, owner: Browser) -> None:
    shop.customer(card=None)
    address, form = the_form(owner, "pro")
    fields = filled(form)
    preview = owner.post(address, fields | {"step": "preview"})

    first, second = owner.post(address, fields), owner.post(address, fields)

    assert 'value="save">Make a checkout link<' in preview.text
    link = re.search(r'data-copy="([^"]+/co/[^"]+)"', first.text)
    assert link
    assert link[1] in second.text
    assert "Send this link to the customer" in words(second)
    assert shop.plans() == {}

    at_once = owner.post(address, filled(the_form(owner, "pro")[1], short="yes"))
    again = re.search(r'data-copy="([^"]+/c/pay/[^"]+)"', at_once.text)
    assert again
    shop.pay(html.unescape(again[1]))
    assert shop.plans() == {"pro": "active"}


def test_a_declined_card_is_told_and_gives_nothing_until_it_is_paid(
    shop: Shop, owner: Browser
) -> None:
    shop.customer(card="pm_card_chargeCustomerFail")
    address, form = the_form(owner, "pro")
    fields = filled(form)

    first, second = owner.post(address, fields), owner.post(address, fields)

    for page in (first, second):
        assert "The payment method was declined" in words(page)
        assert "20.00 USD is paid" in words(page)
        assert re.search(r'data-copy="http[^"]+/i/', page.text)
    assert shop.plans() == {}
    assert len(shop.invoices()) <= 1


def test_invoices_are_sent_and_nothing_may_be_billed(shop: Shop, owner: Browser) -> None:
    shop.customer()
    address, form = the_form(owner, "pro")
    preview = owner.post(address, filled(form, way="invoice", step="preview"))
    free = owner.post(address, filled(form, way="nothing", step="preview"))
    sent = owner.post(address, filled(form, way="invoice", early="yes"))

    assert 'value="save">Send invoice<' in preview.text
    assert "Due now 0.00 USD" in words(free)
    assert "The invoice of 20.00 USD waits to be paid" in words(sent)
    assert shop.plans() == {"pro": "active"}


def test_support_attaches_plans_as_they_are_and_an_admin_makes_others(
    shop: Shop, signed: Sign
) -> None:
    shop.customer()
    support = signed(Role.SUPPORT)
    address, form = the_form(support, "pro")
    own = filled(form, row0_included="800000")

    assert "An admin has to do this" in words(form)
    assert "does not permit this" in words(support.post(address, own | {"step": "preview"}))
    assert support.post(address, own).status == 403
    assert shop.plans() == {}
    assert support.post(address, filled(form)).status == 303
    assert shop.plans() == {"pro": "active"}


@pytest.mark.parametrize(
    "gift",
    [
        {"way": "nothing"},
        {"way": "invoice", "early": "yes", "draft": "yes"},
        {"trial": "own", "trial_length": "32"},
        {"trial": "own", "trial_length": "1", "trial_unit": "year"},
        {"prorate": "no"},
        {"way": "invoice", "net_terms": "31"},
    ],
)
def test_what_nobody_pays_for_is_for_admins(
    shop: Shop, owner: Browser, signed: Sign, gift: dict[str, str]
) -> None:
    shop.customer()
    support = signed(Role.SUPPORT)
    address, form = the_form(support, "pro")
    preview = support.post(address, filled(form, **gift) | {"step": "preview"})
    refused = support.post(address, filled(form, **gift))

    assert "gift: an admin has to do it" in words(preview)
    assert (refused.status, shop.plans()) == (403, {})
    assert "gift: an admin has to do it" in words(refused)
    assert filled(refused).items() >= gift.items()
    done = owner.post(address, filled(form, **gift))
    assert done.status == 303 or "waits to be paid" in words(done)


def test_the_form_tells_support_what_is_for_admins(
    shop: Shop, owner: Browser, signed: Sign
) -> None:
    shop.customer()
    _, form = the_form(signed(Role.SUPPORT), "pro")
    told = ("Bill nothing for it (an admin has to do it)", "More than 30: an admin has to do it")
    assert [one in words(form) for one in told] == [True, True]
    assert "an admin has to do it" not in words(the_form(owner, "pro")[1])


@pytest.mark.parametrize("chosen", [{"coupon": "all"}, {"code": "Gratis"}])
def test_all_of_the_price_is_taken_off_by_admins_alone(
    shop: Shop, owner: Browser, signed: Sign, chosen: dict[str, str]
) -> None:
    a_reward(shop.call, id="all", name="All", value=100, promo_codes=[{"code": "GRATIS"}])
    a_reward(shop.call)
    shop.customer()
    support = signed(Role.SUPPORT)
    address, form = the_form(support, "pro")
    preview = support.post(address, filled(form, **chosen) | {"step": "preview"})
    refused = support.post(address, filled(form, **chosen))

    assert "An admin has to give 100 % off, by coupon or code" in words(form)
    assert "With 100 % off everything is a gift: an admin has to do it" in words(preview)
    assert (refused.status, shop.plans()) == (403, {})
    assert filled(refused).items() >= chosen.items()
    assert support.post(address, filled(form, coupon="spring20", step="preview")).status == 200
    assert owner.post(address, filled(form, **chosen)).status == 303
    assert shop.plans() == {"pro": "active"}


def test_support_sells_nothing_that_discounts_leave_no_price_of(
    shop: Shop, owner: Browser, signed: Sign
) -> None:
    a_reward(shop.call, id="whole", name="Whole", type="fixed_discount", value=20)
    for number in range(2):
        a_reward(shop.call, id=f"half_{number}", name="Half", type="fixed_discount", value=10)
    shop.customer()
    support = signed(Role.SUPPORT)
    address, form = the_form(support, "pro")

    gift = filled(form, coupon="whole")
    preview = support.post(address, gift | {"step": "preview"})
    refused = support.post(address, gift)
    # What was added before counts too, however small each part of it is.
    shop.done("coupons.add", customer_id="user_1", coupon_id="half_0")
    half = support.post(address, filled(form, step="preview"))
    both = support.post(address, filled(form, coupon="half_1"))

    assert "With 100 % off everything is a gift: an admin has to do it" in words(preview)
    assert "10.00 USD" in words(half)
    assert "everything is a gift" not in words(half)
    assert (refused.status, both.status, shop.plans()) == (403, 403, {})
    assert owner.post(address, filled(form, coupon="half_1")).status == 303
    assert shop.plans() == {"pro": "active"}


def test_support_gives_short_trials(shop: Shop, signed: Sign) -> None:
    shop.customer()
    support = signed(Role.SUPPORT)
    address, form = the_form(support, "pro")
    short = filled(form, trial="own", trial_length="14")
    assert support.post(address, short).status == 303
    assert list(shop.plans()) == ["pro"]


def test_who_may_only_look_attaches_nothing(shop: Shop, owner: Browser, signed: Sign) -> None:
    shop.customer()
    viewer = signed(Role.VIEWER)
    address, form = the_form(owner, "pro")

    assert "Attach" not in words(viewer.get(CUSTOMER))
    assert viewer.get(address).status == 403
    assert viewer.post(address, filled(form)).status == 403
    assert shop.plans() == {}
    assert owner.get(ATTACH.replace("user_1", "nobody")).status == 404
    assert owner.get(f"{ATTACH}?plan=dreams").status == 404
    assert owner.post(address, filled(form) | {"key": ""}).status == 400


def test_stripe_that_does_not_answer_is_told_and_the_same_form_goes_on_from_there(
    shop: Shop, owner: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
    shop.customer()
    address, form = the_form(owner, "pro")
    fields = filled(form, reason="Renewal")
    shop.stripe.control("failures", {"status": 500, "path": "/v1/subscriptions", "times": 3})

    page = owner.post(address, fields)

    assert page.status == 503
    assert "Stripe" in words(page)
    assert 'value="Renewal"' in page.text
    assert owner.post(address, fields).status == 303
    assert owner.post(address, fields).status == 303
    shop.report()
    assert shop.invoices() == [(20, "paid")]


def test_the_form_costs_few_requests(shop: Shop, owner: Browser, table: Table) -> None:
    shop.customer()
    costs = [
        cost_of(table, lambda: owner.get(ATTACH)),
        cost_of(table, lambda: owner.get(f"{ATTACH}?plan=pro")),
    ]
    assert [len(one.verbs) for one in costs] == [3, 4]
