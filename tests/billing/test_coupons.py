"""Coupons of customers: in what they buy, and on what they pay for already."""

from functools import partial
from typing import Any

import pytest

from orchard.store.table import Table
from tests.billing.conftest import Shop
from tests.concurrency.faults import Fault, Faulty, trouble
from tests.concurrency.test_reward_races import until_free
from tests.conftest import START, Clock
from tests.local.stripe_double import client_of
from tests.streams import recording


def a_coupon(shop: Shop, coupon_id: str, **terms: Any) -> str:
    """A coupon that only Stripe knows."""
    shop.api("coupons", **{"id": coupon_id, "percent_off": 20, "duration": "forever", **terms})
    return coupon_id


def an_amount(shop: Shop, coupon_id: str, cents: int, **terms: Any) -> str:
    given = {"amount_off": cents, "currency": "usd", "duration": "forever", **terms}
    shop.api("coupons", id=coupon_id, **given)
    return coupon_id


def add(shop: Shop, coupon_id: str, **fields: Any) -> Any:
    shop.clock.advance(seconds=2)
    return shop.done("coupons.add", customer_id="user_1", coupon_id=coupon_id, **fields)


def remove(shop: Shop, **fields: Any) -> Any:
    return shop.done("coupons.remove", customer_id="user_1", **fields)


def on_subscription(shop: Shop, stripe_id: str) -> list[list[str]]:
    """The coupons on each subscription of a customer."""
    client = client_of(shop.stripe.double.url)
    found = client.v1.subscriptions.list(
        {"customer": stripe_id, "expand": ["data.discounts.source.coupon"]}
    )
    shown = [one.to_dict()["discounts"] for one in reversed(found.data)]
    return [[one["source"]["coupon"]["id"] for one in some] for some in shown]


def rewards(shop: Shop) -> list[dict[str, Any]]:
    shown = shop.done("customers.get", customer_id="user_1", expand=["rewards"])
    found: list[dict[str, Any]] = shown["rewards"]["discounts"]
    return found


class TestAdding:
    def test_it_is_on_the_checkout_page_of_what_is_bought_next(self, shop: Shop) -> None:
        shop.customer(card=None)
        a_coupon(shop, "fifth")
        added = add(shop, "fifth")
        assert added["shows"] == {
            "checkout": True,
            "until": None,
            "subscriptions": [],
            "passed_over": [],
        }
        url = shop.attach("pro")["payment_url"]
        session = shop.api(f"checkout/sessions/{url.rpartition('/')[2].partition('#')[0]}", "GET")
        assert (session["amount_subtotal"], session["amount_total"]) == (2000, 1600)
        shop.pay(url)
        assert shop.invoices() == [(16, "paid")]

    def test_it_is_on_what_is_charged_at_once(self, shop: Shop) -> None:
        shop.customer()
        add(shop, a_coupon(shop, "fifth"))
        assert shop.preview("pro")["total"] == 16
        shop.attach("pro")
        assert shop.invoices() == [(16, "paid")]

    def test_it_is_on_the_next_renewal_of_what_is_there(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        shop.attach("pro")
        added = add(shop, a_coupon(shop, "fifth"))
        (shown,) = added["shows"]["subscriptions"]
        (held,) = shop.subscriptions(stripe_id)
        end = held["items"]["data"][0]["current_period_end"]
        assert shown == {"subscription_id": held["id"], "at": end * 1000}
        assert on_subscription(shop, stripe_id) == [["fifth"]]
        shop.pass_time(days=31)
        assert shop.invoices()[0] == (16, "paid")

    def test_a_preview_shows_when_without_doing_it(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        shop.attach("pro")
        before = shop.done("customers.get", customer_id="user_1")
        preview = add(shop, a_coupon(shop, "fifth"), dry_run=True)
        assert on_subscription(shop, stripe_id) == [[]]
        assert "change_id" not in preview
        assert shop.done("customers.get", customer_id="user_1") == before
        assert preview["shows"] == add(shop, "fifth")["shows"]

    def test_the_older_paths_lead_here_too(self, shop: Shop) -> None:
        shop.customer()
        a_coupon(shop, "fifth")
        path = {"customer_id": "user_1", "coupon_id": "fifth"}
        assert shop.done("coupons.add", **path)["coupon"]["percent_off"] == 20
        assert shop.done("coupons.remove", **path)["removed"] == ["fifth"]

    def test_a_reward_is_shown_as_what_it_is(self, shop: Shop) -> None:
        shop.customer()
        coupon = {
            "id": "spring20",
            "name": "Spring 20",
            "type": "percentage_discount",
            "value": 20,
            "duration": {"type": "months", "length": 3},
            "plan_ids": ["pro"],
            "promo_codes": [],
        }
        made = shop.done("rewards.create", coupon=coupon)["coupon"]
        added = add(shop, "spring20")
        assert added["coupon"] == made
        assert added["shows"]["until"] == 1_796_083_202_000 + 1000
        assert shop.preview("pro")["total"] == 16
        assert shop.preview("addon")["total"] == 20

    def test_the_same_coupon_again_changes_nothing(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        shop.attach("pro")
        first = add(shop, a_coupon(shop, "fifth"))
        second = add(shop, "fifth")
        assert first["change_id"] == second["change_id"]
        assert on_subscription(shop, stripe_id) == [["fifth"]]
        assert len(rewards(shop)) == 2  # on the subscription, and for what is bought

    def test_several_coupons_count_together(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        shop.attach("pro")
        add(shop, an_amount(shop, "two", 200))
        add(shop, a_coupon(shop, "fifth"))
        assert on_subscription(shop, stripe_id) == [["fifth", "two"]]
        shop.pass_time(days=31)
        assert shop.invoices()[0] == (14, "paid")

    def test_discounts_of_a_subscription_hide_it_there(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        a_coupon(shop, "tenth", percent_off=10)
        shop.attach("pro", discounts=[{"reward_id": "tenth"}])
        added = add(shop, a_coupon(shop, "half", percent_off=50))
        (passed_over,) = added["shows"]["passed_over"]
        assert passed_over["reason"] == "own_discounts"
        assert on_subscription(shop, stripe_id) == [["tenth"]]
        assert shop.preview("premium")["line_items"][-1]["total"] == 45

    def test_one_for_a_single_invoice_is_used_up_by_a_purchase(self, shop: Shop) -> None:
        shop.customer()
        add(shop, a_coupon(shop, "once", duration="once"))
        shop.attach("pro")
        assert rewards(shop) == []
        assert shop.preview("addon")["total"] == 20
        shop.pass_time(days=31)
        assert shop.invoices() == [(20, "paid"), (16, "paid")]

    def test_one_for_a_single_invoice_waits_for_the_renewal_that_comes_first(
        self, shop: Shop
    ) -> None:
        stripe_id = shop.customer()
        shop.attach("pro_annual")
        shop.attach("addon", new_billing_subscription=True)
        added = add(shop, a_coupon(shop, "once", duration="once"))
        assert added["shows"]["checkout"] is False
        assert [one["reason"] for one in added["shows"]["passed_over"]] == ["other_subscription"]
        assert on_subscription(shop, stripe_id) == [[], ["once"]]
        assert add(shop, "once")["change_id"] == added["change_id"]
        shop.pass_time(days=31)
        assert shop.invoices()[0] == (16, "paid")
        again = add(shop, "once")
        assert again["change_id"] != added["change_id"]
        assert on_subscription(shop, stripe_id) == [[], ["once"]]

    def test_one_for_months_ends_by_itself(self, shop: Shop) -> None:
        shop.customer()
        terms = {"duration": "repeating", "duration_in_months": 2}
        a_coupon(shop, "months", **terms)
        add(shop, "months")
        shop.attach("pro")
        shop.pass_time(days=63)
        assert [total for total, _status in shop.invoices()] == [20, 16, 16]
        assert rewards(shop) == []
        assert shop.preview("addon")["line_items"][0]["discounts"] == []

    def test_a_grant_of_features_is_redeemed_by_its_code(self, shop: Shop) -> None:
        shop.customer()
        grant = {
            "id": "beta",
            "name": "Beta",
            "grants": [{"feature_id": "messages", "included": 7, "expiry": None}],
            "promo_codes": [{"code": "BETA", "max_uses": None}],
        }
        made = shop.done("rewards.create", feature_grant=grant)["feature_grant"]
        body = {"customer_id": "user_1", "coupon_id": "beta"}
        status, _code, message = shop.refused("coupons.add", **body)
        assert (status, message) == (400, "Promo code is required for feature grant rewards")
        assert shop.refused("coupons.add", **body, promo_code="NO")[:2] == (404, "reward_not_found")
        added = add(shop, "beta", promo_code="beta")
        assert added["coupon"] == made
        assert added["customer"]["balances"]["messages"]["remaining"] == 7
        refused = shop.refused("coupons.add", **body, promo_code="BETA")
        assert refused[1] == "customer_already_redeemed_referral_code"

    def test_what_can_not_be_had_is_refused(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        shop.api("coupons", id="late", percent_off=5, duration="once", redeem_by=START // 1000 + 60)
        shop.api("coupons", id="euros", amount_off=500, currency="eur", duration="once")
        shop.clock.advance(seconds=120)
        body = {"customer_id": "user_1"}
        for coupon_id, expected in (
            ("none", (400, "invalid_request", 'Invalid coupon ID: "none"')),
            ("late", (400, "invalid_request", 'Coupon "late" is no longer valid')),
        ):
            assert shop.refused("coupons.add", **body, coupon_id=coupon_id) == expected
        assert shop.refused("coupons.add", **body, coupon_id="euros")[1] == "currency_mismatch"
        unknown = shop.refused("coupons.add", customer_id="nobody", coupon_id="late")
        assert unknown[:2] == (404, "customer_not_found")
        assert on_subscription(shop, stripe_id) == []
        assert rewards(shop) == []

    def test_a_customer_without_an_id_or_a_stripe_customer(self, shop: Shop) -> None:
        a_coupon(shop, "fifth")
        made = shop.done("customers.get_or_create", customer_id="user_1")
        assert made["stripe_id"] is None
        shown = shop.done("customers.get", customer_id="user_1", expand=["rewards"])
        assert "rewards" not in shown
        refused = shop.refused("coupons.remove", customer_id="user_1")
        assert refused[2] == "Customer has no Stripe customer to remove a coupon from"
        assert add(shop, "fifth")["customer"]["stripe_id"] is not None
        nameless = shop.done(
            "customers.get_or_create", customer_id=None, email="a@example.com", with_autumn_id=True
        )
        refused = shop.refused("coupons.add", customer_id=nameless["autumn_id"], coupon_id="fifth")
        assert refused[:2] == (404, "customer_not_found")


class TestRemoving:
    def test_it_is_gone_from_the_customer_and_from_what_it_pays_for(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        shop.attach("pro")
        add(shop, a_coupon(shop, "fifth"))
        add(shop, an_amount(shop, "two", 200))
        preview = remove(shop, coupon_id="fifth", dry_run=True)
        assert on_subscription(shop, stripe_id) == [["fifth", "two"]]
        removed = remove(shop, coupon_id="fifth")
        assert removed["removed"] == preview["removed"] == ["fifth"]
        assert removed["subscriptions"] == preview["subscriptions"] != []
        assert on_subscription(shop, stripe_id) == [["two"]]
        assert remove(shop)["removed"] == ["two"]
        assert on_subscription(shop, stripe_id) == [[]]
        assert rewards(shop) == []
        shop.pass_time(days=31)
        assert shop.invoices()[0] == (20, "paid")

    def test_it_can_be_repeated(self, shop: Shop) -> None:
        shop.customer()
        add(shop, a_coupon(shop, "fifth"))
        remove(shop)
        again = remove(shop)
        assert (again["removed"], again["change_id"]) == ([], None)
        assert remove(shop, coupon_id="never")["removed"] == []

    def test_discounts_of_a_subscription_stay(self, shop: Shop) -> None:
        stripe_id = shop.customer()
        a_coupon(shop, "tenth", percent_off=10)
        shop.attach("pro", discounts=[{"reward_id": "tenth"}])
        add(shop, "tenth")
        remove(shop)
        assert on_subscription(shop, stripe_id) == [["tenth"]]


def test_both_are_told_with_their_reasons_and_undone_by_the_other(shop: Shop, table: Table) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    a_coupon(shop, "once", duration="once")
    added = add(shop, "once", reason="goodwill", reference="T-1")
    shop.clock.advance(seconds=1)
    removed = remove(shop, coupon_id="once", reason="a mistake")
    recording.catch_up(table)
    actions = ["coupons.add", "coupons.remove"]
    listed = shop.done("changes.list", customer_id="user_1", action=actions)["list"]
    assert [one["id"] for one in listed] == [removed["change_id"], added["change_id"]]
    assert [one["reason"] for one in listed] == ["a mistake", "goodwill"]
    assert listed[1]["reference"] == "T-1"
    assert listed[1]["details"] == {"coupon_id": "once"}
    assert [one["coupon"]["id"] for one in listed[1]["after"]["coupons"]] == ["once"]
    assert [one["coupon"]["id"] for one in listed[0]["before"]["coupons"]] == ["once"]
    for one, instead in zip(listed, ("coupons.add", "coupons.remove"), strict=True):
        body = {"customer_id": "user_1", "change_id": one["id"]}
        status, code, message = shop.refused("changes.undo", **body)
        assert (status, code) == (409, "change_not_undoable")
        assert instead in message
    assert on_subscription(shop, stripe_id) == [[]]


def test_a_discount_is_shown_as_the_contract_has_it(shop: Shop, clock: Clock) -> None:
    shop.customer()
    terms = {"duration": "repeating", "duration_in_months": 3, "name": "Fifth"}
    add(shop, a_coupon(shop, "fifth", **terms))
    (shown,) = rewards(shop)
    assert shown == {
        "id": "fifth",
        "name": "Fifth",
        "type": "percentage_discount",
        "discount_value": 20,
        "currency": None,
        "start": clock.now // 1000,
        "end": shown["end"],
        "subscription_id": None,
        "duration_type": "months",
        "duration_value": 3,
    }
    shop.attach("pro")
    on_it, _own = rewards(shop)
    assert on_it["subscription_id"].startswith("sub_")


def test_what_stripe_failed_at_is_finished_by_the_same_request(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    a_coupon(shop, "once", duration="once")
    shop.stripe.control("failures", {"status": 500, "times": 3, "path": "/v1/subscriptions/"})
    refused = shop.refused("coupons.add", customer_id="user_1", coupon_id="once")
    assert refused[0] == 503
    added = add(shop, "once")
    assert added["shows"]["subscriptions"] != []
    assert on_subscription(shop, stripe_id) == [["once"]]


def test_two_coupons_added_at_once_are_both_there(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    a_coupon(shop, "fifth")
    a_coupon(shop, "tenth", percent_off=10)
    during: list[Any] = []

    def meanwhile(request: Any) -> None:
        if request.path.startswith("/v1/subscriptions/") and not during:
            body = {"customer_id": "user_1", "coupon_id": "tenth"}
            during.append(shop.call("coupons.add", body))

    shop.stripe.double.answering = meanwhile
    add(shop, "fifth")
    shop.stripe.double.answering = lambda _request: None
    assert (during[0].status, during[0].body["code"]) == (423, "lock_already_exists")
    add(shop, "tenth")
    assert on_subscription(shop, stripe_id) == [["fifth", "tenth"]]


def test_a_coupon_deleted_at_stripe_does_not_block_a_purchase(shop: Shop) -> None:
    shop.customer()
    add(shop, a_coupon(shop, "fifth"))
    shop.api("coupons/fifth", "DELETE")
    shop.attach("pro")
    assert shop.invoices() == [(20, "paid")]


def test_whoever_dies_in_between_leaves_what_the_same_request_finishes(
    shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    a_coupon(shop, "fifth", duration="once")
    faulty = Faulty(table.client)
    monkeypatch.setattr(table, "client", faulty)
    about = {"customer_id": "user_1", "coupon_id": "fifth"}
    faults = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
    happened, position = True, 0
    while happened:
        happened = False
        for operation, expected in (("coupons.add", [["fifth"]]), ("coupons.remove", [[]])):
            fault = faults[position % 2]
            faulty.arrange(position, trouble(fault))
            until_free(partial(shop.call, operation, about), shop.clock)
            happened = faulty.clear() or happened
            assert on_subscription(shop, stripe_id) == expected, (operation, position)
            assert len(rewards(shop)) == len(expected[0]), (operation, position)
        position += 1
    assert position > 5
