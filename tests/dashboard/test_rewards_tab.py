"""The coupons of a customer on the dashboard: where they show, adding, removing."""

import re
from typing import Any

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.api.test_rewards import BETA, a_reward
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop
from tests.builders import a_feature, a_plan, balance
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser
from tests.dashboard.conftest import Sign
from tests.dashboard.test_balance_edit import filled
from tests.dashboard.test_customer_page import words
from tests.dashboard.test_products_actions import filled as held_in
from tests.pretended_stripe import Stripe

CUSTOMER = "/dashboard/customers/user_1"
TAB, ADD = f"{CUSTOMER}?tab=rewards", f"{CUSTOMER}/coupons/add"
REMOVE = f"{CUSTOMER}/coupons/spring20/remove"


@pytest.fixture
def shop(call: Call, stripe: Stripe, clock: Clock) -> Shop:
    """A customer who pays 20 a month."""
    shop = Shop(call, stripe, clock)
    a_feature(call)
    a_plan(call, "pro", price={"amount": 20, "interval": "month"})
    shop.customer()
    shop.attach("pro")
    return shop


@pytest.fixture
def support(shop: Shop, signed: Sign) -> Browser:
    del shop
    return signed(Role.SUPPORT)


def typed(browser: Browser, **fields: str) -> dict[str, str]:
    return filled(browser.get(ADD)) | {"reward": "", "code": ""} | fields


def coupons(call: Call) -> list[Any]:
    asked = {"customer_id": "user_1", "expand": ["rewards"]}
    rewards = call("customers.get", asked).body["rewards"]
    return [(one["id"], one["subscription_id"] is not None) for one in rewards["discounts"]]


def test_the_preview_says_where_a_coupon_shows_and_what_the_next_invoice_becomes(
    call: Call, support: Browser
) -> None:
    a_reward(call)
    form = support.get(ADD)
    told = words(support.post(ADD, typed(support, reward="spring20", step="preview")))

    assert "Spring 20: 20 % off for 3 months" in words(form)
    assert "What the customer buys until 01 Dec 2026, 00:00 UTC has it" in told
    assert "The invoice of 01 Oct 2026, 00:00 UTC has it (sub_" in told
    assert "01 Oct 2026, 00:00 UTC: 16.00 USD instead of 20.00 USD" in told
    assert coupons(call) == []


def test_a_coupon_is_added_once_shown_and_removed(call: Call, support: Browser) -> None:
    a_reward(call, promo_codes=[{"code": "SPRING"}])
    fields = typed(support, code="spring", reason="Goodwill")

    first, second = support.post(ADD, fields), support.post(ADD, fields)
    page = support.follow(second)
    asked = words(support.get(REMOVE))

    assert (first.headers["location"], second.status) == (TAB, 303)
    assert "The coupon was added. Undo" in words(page)
    assert "Spring 20 spring20 20 % off every invoice for 3 months" in words(page)
    assert "Everything" in words(page)
    assert coupons(call) == [("spring20", True), ("spring20", False)]
    assert "16.00 USD" in asked
    assert "20.00 USD instead of 16.00 USD" in asked

    assert support.post(REMOVE, {"reason": "Mistake"}).headers["location"] == TAB
    assert support.post(REMOVE, {}).status == 303
    assert coupons(call) == []
    assert support.get(REMOVE).status == 404


def test_undo_takes_an_added_coupon_away_again(call: Call, support: Browser) -> None:
    a_reward(call)
    page = support.follow(support.post(ADD, typed(support, reward="spring20")))
    undo = re.search(r'action="(/[^"]+/remove)"', page.text)
    assert undo
    assert support.post(undo[1], {"back": TAB}).status == 303
    assert coupons(call) == []


def test_features_are_granted_by_a_code_of_a_reward_once(
    call: Call, support: Browser, signed: Sign
) -> None:
    assert call("rewards.create", {"feature_grant": BETA}).status == 200
    admin = signed(Role.ADMIN)
    fields = typed(admin, reward="beta:BETA")

    told = admin.post(ADD, fields | {"step": "preview"})
    answers = [admin.post(ADD, fields) for _ in range(2)]
    again = admin.post(ADD, typed(admin, code="beta"))

    assert "Beta: 1,000 Messages, code BETA" in words(support.get(ADD))
    assert "added to the balances at once" in words(told)
    assert [one.status for one in answers] == [303, 303]
    assert balance(call)["remaining"] == 1100
    assert again.status == 400


@pytest.mark.parametrize(
    "chosen",
    [
        {"reward": "beta:BETA"},
        {"code": "beta"},
        {"reward": "all"},
        {"code": "GRATIS"},
        {"code": "all"},
    ],
)
def test_rewards_that_leave_nothing_to_pay_or_grant_features_are_for_admins(
    call: Call, support: Browser, signed: Sign, chosen: dict[str, str]
) -> None:
    assert call("rewards.create", {"feature_grant": BETA}).status == 200
    a_reward(call, id="all", name="All", value=100, promo_codes=[{"code": "GRATIS"}])
    a_reward(call)
    fields = typed(support, **chosen, reason="Goodwill")
    refused, preview = support.post(ADD, fields), support.post(ADD, fields | {"step": "preview"})

    assert "An admin has to add what grants features" in words(support.get(ADD))
    assert (refused.status, "an admin has to do it" in words(refused)) == (403, True)
    assert "an admin has to do it" in words(preview)
    assert held_in(refused).items() >= (chosen | {"reason": "Goodwill"}).items()
    assert (coupons(call), balance(call)["remaining"]) == ([], 100)
    assert support.post(ADD, typed(support, reward="spring20")).status == 303
    assert signed(Role.ADMIN).post(ADD, fields).status == 303


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "Choose a reward, or type a code"),
        ({"reward": "spring20", "code": "x"}, "Choose a reward, or type a code"),
        ({"code": "nothing"}, "Invalid coupon ID"),
        ({"reward": "spring20", "reason": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_what_is_chosen_wrong_is_told(
    call: Call, support: Browser, fields: dict[str, str], told: str
) -> None:
    a_reward(call)
    sent = typed(support, **fields)

    page, preview = support.post(ADD, sent), support.post(ADD, sent | {"step": "preview"})

    assert (page.status, told in words(page), told in words(preview)) == (400, True, True)
    assert coupons(call) == []


def test_who_may_only_look_adds_and_removes_nothing(
    call: Call, support: Browser, signed: Sign
) -> None:
    a_reward(call)
    viewer, fields = signed(Role.VIEWER), typed(support, reward="spring20")

    assert "Add a reward" not in viewer.get(TAB).text
    assert [viewer.get(one).status for one in (ADD, REMOVE)] == [403, 403]
    assert [viewer.post(one, fields).status for one in (ADD, REMOVE)] == [403, 403]
    assert coupons(call) == []


def test_script_in_a_name_stays_text(call: Call, support: Browser) -> None:
    a_reward(call, name="<script>alert(1)</script>")
    form = support.get(ADD)
    page = support.follow(support.post(ADD, typed(support, reward="spring20")))
    assert "<script>alert" not in form.text + page.text


def test_the_tab_costs_few_requests(table: Table, call: Call, support: Browser) -> None:
    a_reward(call)
    support.post(ADD, typed(support, reward="spring20"))
    support.get(TAB)

    tab = cost_of(table, lambda: support.get(TAB))
    form = cost_of(table, lambda: support.get(ADD))

    assert [len(one.verbs) for one in (tab, form)] == [4, 3]


def test_support_adds_no_coupon_that_leaves_an_invoice_without_anything_to_pay(
    call: Call, support: Browser, signed: Sign
) -> None:
    a_reward(call, id="most", name="Most", type="fixed_discount", value=15)
    a_reward(call, id="rest", name="Rest", type="fixed_discount", value=15)
    assert support.post(ADD, typed(support, reward="most")).status == 303
    rest = typed(support, reward="rest")

    told = support.post(ADD, rest | {"step": "preview"})
    refused = support.post(ADD, rest)
    admin = signed(Role.ADMIN)

    assert "With 100 % off everything is a gift: an admin has to do it" in words(told)
    assert refused.status == 403
    assert {one for one, _ in coupons(call)} == {"most"}
    assert admin.post(ADD, typed(admin, reward="rest")).status == 303
    assert {one for one, _ in coupons(call)} == {"most", "rest"}
