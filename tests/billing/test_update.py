"""billing.update: units, parts, discounts, trials and dates of a plan that is held."""

from typing import Any

import pytest

from tests.billing.conftest import Shop, a_price
from tests.builders import a_feature, a_plan, monthly


def packs(amount: float = 10, **fields: Any) -> dict[str, Any]:
    """Seats that are bought ahead, for so much each month."""
    price = {"amount": amount, "interval": "month", "billing_method": "prepaid"}
    return {"feature_id": "seats", "price": price | fields.pop("price", {}), **fields}


def prorated(on_increase: str = "prorate_immediately", on_decrease: str = "prorate") -> Any:
    return {"proration": {"on_increase": on_increase, "on_decrease": on_decrease}}


def seated(shop: Shop, units: float = 5, item: Any = None, **fields: Any) -> str:
    """A customer who bought seats."""
    a_feature(shop.call, "seats", consumable=False)
    a_plan(shop.call, "team", item or packs(), **fields)
    stripe_id = shop.customer()
    shop.attach("team", feature_quantities=[{"feature_id": "seats", "quantity": units}])
    return stripe_id


def seats(units: float) -> dict[str, Any]:
    return {"feature_quantities": [{"feature_id": "seats", "quantity": units}]}


def change(shop: Shop, plan_id: str = "team", **body: Any) -> Any:
    """Preview and do; return the preview and the answer."""
    body = {"customer_id": "user_1", "plan_id": plan_id, **body}
    seen = shop.done("billing.preview_update", **body)
    answer = shop.done("billing.update", **body)
    shop.report()
    billed = answer.get("invoice", {}).get("total", 0)
    assert billed == seen["total"], (seen, answer)
    return seen


def test_more_units_are_billed_for_the_rest_of_the_cycle(shop: Shop) -> None:
    stripe_id = seated(shop)

    seen = change(shop, **seats(10))

    assert [one["total"] for one in seen["line_items"]] == [-50, 100]
    assert (seen["total"], seen["intent"], seen["next_cycle"]["total"]) == (
        50,
        "update_quantity",
        100,
    )
    assert seen["incoming"][0]["feature_quantities"] == [{"feature_id": "seats", "quantity": 10}]
    assert seen["outgoing"][0]["feature_quantities"] == [{"feature_id": "seats", "quantity": 5}]
    assert shop.remaining("seats") == 10
    assert shop.subscriptions(stripe_id)[0]["items"]["data"][0]["quantity"] == 10
    shop.pass_time(days=31)
    assert shop.invoices() == [(100, "paid"), (50, "paid"), (50, "paid")]


def test_in_the_middle_of_a_cycle_half_is_billed(shop: Shop) -> None:
    seated(shop)
    shop.pass_time(days=15)
    assert change(shop, **seats(7))["total"] == pytest.approx(10, abs=0.01)


def test_c20_fewer_packs_are_credited_and_what_was_used_stays_used(shop: Shop) -> None:
    item = {
        "feature_id": "messages",
        "price": {
            "amount": 5,
            "interval": "month",
            "billing_units": 12,
            "billing_method": "prepaid",
        },
    }
    a_plan(shop.call, "packed", item)
    shop.customer()
    asked = [{"feature_id": "messages", "quantity": 240}]
    shop.attach("packed", feature_quantities=asked)
    shop.clock.advance(seconds=1)
    fewer = {"feature_quantities": [{"feature_id": "messages", "quantity": 60}]}

    assert change(shop, "packed", **fewer)["total"] == -75
    assert shop.remaining() == 60
    assert shop.invoices()[0] == (-75, "paid")


def test_a_repeated_key_changes_nothing_more(shop: Shop) -> None:
    seated(shop)
    body = {"customer_id": "user_1", "plan_id": "team", **seats(10)}
    assert shop.call("billing.update", body, headers={"idempotency-key": "one"}).status == 200
    again = shop.call("billing.update", body, headers={"idempotency-key": "one"})
    assert (again.status, again.body["code"]) == (409, "duplicate_idempotency_key")


def test_the_same_units_change_nothing(shop: Shop) -> None:
    seated(shop)
    seen = change(shop, **seats(5))
    assert (seen["total"], seen["line_items"]) == (0, [])
    assert len(shop.invoices()) == 1


@pytest.mark.parametrize(
    ("how", "renewal"), [("prorate_next_cycle", 150), ("bill_next_cycle", 150)]
)
def test_more_units_may_be_billed_with_the_next_invoice(
    shop: Shop, how: str, renewal: float
) -> None:
    seated(shop, item=packs(**prorated(how)))
    seen = change(shop, **seats(10))

    assert (seen["total"], seen["next_cycle"]["total"]) == (0, renewal)
    assert shop.remaining("seats") == 10
    assert len(shop.invoices()) == 1
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (renewal, "paid")
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (100, "paid")


@pytest.mark.parametrize(
    ("how", "renewal"), [("prorate_next_cycle", 115), ("bill_next_cycle", 130)]
)
def test_what_is_billed_later_is_for_the_rest_of_the_cycle_or_whole(
    shop: Shop, how: str, renewal: float
) -> None:
    seated(shop, item=packs(**prorated(how)), units=7)
    shop.pass_time(days=15)
    seen = change(shop, **seats(10))
    shop.pass_time(days=16)
    (billed, _status) = shop.invoices()[0]
    assert billed == seen["next_cycle"]["total"] == pytest.approx(renewal, abs=0.1)


def test_a_discount_counts_for_what_is_billed_later_as_well(shop: Shop) -> None:
    shop.api("coupons", id="half", percent_off="50", duration="forever")
    a_feature(shop.call, "seats", consumable=False)
    a_plan(shop.call, "team", packs(**prorated("prorate_next_cycle", "prorate_next_cycle")))
    shop.customer()
    shop.attach("team", **seats(5), discounts=[{"reward_id": "half"}])
    assert change(shop, **seats(10))["next_cycle"]["total"] == 75
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (75, "paid")
    assert change(shop, **seats(5))["next_cycle"]["total"] == pytest.approx(0, abs=1.7)


def test_fewer_units_may_be_credited_with_the_next_invoice(shop: Shop) -> None:
    seated(shop, units=10, item=packs(**prorated(on_decrease="prorate_next_cycle")))
    seen = change(shop, **seats(5))
    assert (seen["total"], seen["next_cycle"]["total"]) == (0, 0)
    assert shop.remaining("seats") == 5
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (0, "paid")
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (50, "paid")


@pytest.mark.parametrize("how", ["none", "no_prorations"])
def test_fewer_units_may_wait_for_the_next_cycle(shop: Shop, how: str) -> None:
    stripe_id = seated(shop, units=10, item=packs(**prorated(on_decrease=how)))
    seen = change(shop, **seats(4))

    assert (seen["total"], seen["next_cycle"]["total"]) == (0, 40)
    assert shop.remaining("seats") == 10
    assert shop.subscriptions(stripe_id)[0]["items"]["data"][0]["quantity"] == 4
    shop.attach("addon")
    assert shop.subscriptions(stripe_id)[0]["items"]["data"][0]["quantity"] == 4
    change(shop, "addon", cancel_action="cancel_immediately")

    shop.pass_time(days=31)
    assert shop.invoices()[0] == (40, "paid")
    assert shop.remaining("seats") == 4


def test_fewer_units_that_wait_can_be_taken_back(shop: Shop) -> None:
    seated(shop, units=10, item=packs(**prorated(on_decrease="none")))
    change(shop, **seats(4))
    assert change(shop, **seats(10))["total"] == 0
    change(shop, **seats(4))
    assert change(shop, **seats(12))["total"] == 20
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (120, "paid")
    assert shop.remaining("seats") == 12


def test_units_of_a_canceled_plan_change_and_it_stays_canceled(shop: Shop) -> None:
    stripe_id = seated(shop)
    change(shop, cancel_action="cancel_end_of_cycle")
    seen = change(shop, **seats(7))
    assert seen["total"] == 20
    assert "next_cycle" not in seen
    assert shop.plans() == {"team": "canceling"}
    assert shop.subscriptions(stripe_id)[0]["cancel_at"] is not None
    shop.pass_time(days=32)
    assert shop.plans() == {}


def test_units_of_a_scheduled_plan_change_for_when_it_begins(shop: Shop) -> None:
    a_feature(shop.call, "seats", consumable=False)
    a_plan(shop.call, "team", packs())
    shop.customer()
    shop.attach("growth")
    shop.attach("team", **seats(2))
    assert shop.plans() == {"growth": "canceling", "team": "scheduled"}
    assert change(shop, **seats(3))["total"] == 0
    assert shop.plans() == {"growth": "canceling", "team": "scheduled"}
    shop.pass_time(days=32)
    assert shop.plans() == {"team": "active"}
    assert shop.invoices()[0] == (30, "paid")
    assert shop.remaining("seats") == 3


def test_an_increase_waits_for_its_payment(shop: Shop) -> None:
    stripe_id = seated(shop)
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")

    body = {"customer_id": "user_1", "plan_id": "team", **seats(8)}
    answer = shop.done("billing.update", **body)
    shop.report()

    assert answer["required_action"]["code"] == "payment_failed"
    assert answer["payment_url"] == answer["invoice"]["hosted_invoice_url"]
    assert shop.remaining("seats") == 5
    assert shop.done("billing.update", **body) == answer
    shop.save_card(stripe_id)
    shop.stripe.step(answer["invoice"]["stripe_id"], "pay")
    shop.report()
    assert shop.remaining("seats") == 8
    assert shop.subscriptions(stripe_id)[0]["items"]["data"][0]["quantity"] == 8


@pytest.mark.parametrize("at_once", [True, False])
def test_an_invoice_may_be_sent_instead(shop: Shop, *, at_once: bool) -> None:
    seated(shop)
    mode = {"enabled": True, "enable_plan_immediately": at_once}
    body = {"customer_id": "user_1", "plan_id": "team", **seats(8)}
    answer = shop.done("billing.update", **body, invoice_mode=mode)
    shop.report()

    assert (answer["invoice"]["status"], answer["invoice"]["total"]) == ("open", 30)
    assert "required_action" not in answer
    assert shop.remaining("seats") == (8 if at_once else 5)
    refused = shop.refused("billing.update", **{**body, **seats(20)})
    assert refused[:2] == (409, "invoice_pending")
    shop.stripe.step(answer["invoice"]["stripe_id"], "pay")
    shop.report()
    assert shop.remaining("seats") == 8
    assert change(shop, **seats(9))["total"] == 10


def test_a_draft_is_paid_when_it_is_final(shop: Shop) -> None:
    seated(shop)
    mode = {"enabled": True, "finalize": False}
    body = {"customer_id": "user_1", "plan_id": "team", **seats(8), "invoice_mode": mode}
    answer = shop.done("billing.update", **body)
    assert answer["invoice"]["status"] == "draft"
    assert answer["payment_url"] is None
    shop.stripe.step(answer["invoice"]["stripe_id"], "finalize", "pay")
    shop.report()
    assert shop.remaining("seats") == 8


def coupon(shop: Shop, **fields: Any) -> str:
    made = shop.api("coupons", **{"duration": "forever", **fields})
    return str(made["id"])


def on_subscription(shop: Shop, stripe_id: str, *ids: str) -> None:
    """Put coupons on the subscription at Stripe."""
    (subscription,) = shop.subscriptions(stripe_id)
    named = {f"discounts[{at}][coupon]": name for at, name in enumerate(ids)}
    shop.api(f"subscriptions/{subscription['id']}", **named)
    shop.report()


PERCENT = "percent_off"
OFF = "amount_off"


@pytest.mark.parametrize(
    ("kept", "held", "total"),
    [
        ({PERCENT: "20"}, None, 30),
        ({PERCENT: "50"}, {PERCENT: "10"}, 40),
        ({OFF: "1000", "currency": "usd"}, None, 40),
    ],
    ids=["d16", "d17", "d18"],
)
def test_d16_to_d18_coupons_of_the_customer_count_where_the_subscription_has_none(
    shop: Shop, kept: dict[str, str], held: dict[str, str] | None, total: float
) -> None:
    stripe_id = seated(shop)
    shop.clock.advance(seconds=1)
    shop.done("coupons.add", customer_id="user_1", coupon_id=coupon(shop, **kept))
    if held is not None:
        on_subscription(shop, stripe_id, coupon(shop, **held))
    assert change(shop, **seats(10))["total"] == total
    assert shop.invoices() == [(total, "paid"), (50, "paid")]


@pytest.mark.parametrize(
    ("coupons", "units", "total"),
    [
        ([{PERCENT: "10"}], (5, 10), 40),
        ([{OFF: "1000"}], (5, 10), 40),
        ([{OFF: "10000"}], (5, 10), -50),
        ([{PERCENT: "100"}], (5, 10), -50),
        ([{OFF: "5000"}], (5, 10), 0),
        ([{OFF: "2000"}], (10, 5), -70),
        ([{PERCENT: "30"}, {OFF: "500"}], (5, 10), 15),
        ([{OFF: "1000"}, {OFF: "1500"}], (5, 10), 25),
        ([{PERCENT: "20"}, {PERCENT: "10"}, {OFF: "500"}], (5, 10), 17),
        ([{OFF: "1000"}, {PERCENT: "20"}], (5, 10), 20),
    ],
)
def test_d19_d20_coupons_of_the_subscription_count(
    shop: Shop, coupons: list[dict[str, str]], units: tuple[int, int], total: float
) -> None:
    stripe_id = seated(shop, units[0])
    shop.clock.advance(seconds=1)
    money = ({"currency": "usd", **one} if OFF in one else one for one in coupons)
    on_subscription(shop, stripe_id, *(coupon(shop, **one) for one in money))
    shop.clock.advance(seconds=-1)
    assert change(shop, **seats(units[1]))["total"] == total


def test_d21_a_coupon_may_be_all_that_is_asked_for(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    name = coupon(shop, percent_off="50")
    seen = change(shop, "pro", discounts=[{"reward_id": name}])
    assert (seen["total"], seen["intent"], seen["next_cycle"]["total"]) == (0, "none", 10)
    assert len(shop.invoices()) == 1
    assert len(shop.subscriptions(stripe_id)[0]["discounts"]) == 1
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (10, "paid")


def test_d22_a_coupon_for_one_invoice_is_on_the_next(shop: Shop) -> None:
    a_plan(shop.call, "odd", monthly("messages", 5), price=a_price(34.9))
    shop.customer()
    shop.attach("odd")
    name = coupon(shop, percent_off="50", duration="once")
    seen = change(shop, "odd", discounts=[{"reward_id": name}])
    assert (seen["total"], seen["next_cycle"]["total"]) == (0, 17.45)
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (17.45, "paid")
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (34.9, "paid")


def test_a_coupon_for_one_invoice_is_used_up_by_what_is_billed_now(shop: Shop) -> None:
    seated(shop)
    name = coupon(shop, percent_off="50", duration="once")
    seen = change(shop, **seats(10), discounts=[{"reward_id": name}])
    assert (seen["total"], seen["next_cycle"]["total"]) == (0, 100)
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (100, "paid")


def test_d15_a_code_with_a_minimum_that_is_not_met_is_refused(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    name = coupon(shop, percent_off="10")
    shop.api(
        "promotion_codes",
        **{
            "promotion[type]": "coupon",
            "promotion[coupon]": name,
            "code": "BIG",
            "restrictions[minimum_amount]": "5000",
            "restrictions[minimum_amount_currency]": "usd",
        },
    )
    body = {"customer_id": "user_1", "plan_id": "pro", "discounts": [{"promotion_code": "BIG"}]}
    for operation in ("billing.update", "billing.preview_update"):
        status, code, message = shop.refused(operation, **body)
        assert (status, code) == (400, "invalid_request")
        assert "promotion code" in message
        assert "minimum" in message
    assert len(shop.invoices()) == 1


def test_a_plan_changes_in_place_for_this_customer(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=100)
    custom = {
        "price": a_price(30),
        "remove_items": [{"feature_id": "messages"}],
        "add_items": [monthly("messages", 800)],
    }
    seen = change(shop, "pro", customize=custom)

    assert (seen["total"], seen["intent"], seen["next_cycle"]["total"]) == (10, "update_plan", 30)
    assert shop.remaining() == 700
    again = {"customer_id": "user_1", "plan_id": "pro", "customize": custom}
    assert shop.refused("billing.update", **again)[:2] == (400, "invalid_request")
    shop.pass_time(days=31)
    assert shop.remaining() == 800
    assert shop.invoices()[0] == (30, "paid")
    assert len(shop.subscriptions(stripe_id)) == 1


def test_a_newer_version_takes_the_place_of_the_old_one(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=100)
    items = [monthly("messages", 600)]
    shop.done("plans.update", plan_id="pro", items=items, price=a_price(25))
    assert change(shop, "pro", version=2)["total"] == 5
    assert shop.remaining() == 500
    same = {"customer_id": "user_1", "plan_id": "pro", "version": 2}
    assert shop.refused("billing.update", **same)[:2] == (400, "invalid_request")
    unknown = shop.refused("billing.update", **{**same, "version": 9})
    assert unknown[:2] == (404, "product_not_found")


def test_only_the_balance_changes_if_nothing_is_to_be_billed(shop: Shop) -> None:
    stripe_id = seated(shop)
    assert change(shop, **seats(9), no_billing_changes=True)["total"] == 0
    assert shop.remaining("seats") == 9
    assert shop.subscriptions(stripe_id)[0]["items"]["data"][0]["quantity"] == 5


def test_without_proration_the_renewal_shows_the_change_first(shop: Shop) -> None:
    seated(shop)
    assert change(shop, **seats(9), proration_behavior="none")["total"] == 0
    assert shop.remaining("seats") == 9
    shop.pass_time(days=31)
    assert shop.invoices() == [(90, "paid"), (50, "paid")]


def test_a_cycle_may_begin_now(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.attach("addon")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=100)
    shop.pass_time(days=15)

    seen = change(shop, "pro", billing_cycle_anchor="now")

    assert seen["total"] == pytest.approx(20, abs=0.1)
    (subscription,) = shop.subscriptions(stripe_id)
    assert subscription["billing_cycle_anchor"] == shop.clock.now // 1000
    shown = shop.done("customers.get", customer_id="user_1")
    assert shown["balances"]["messages"]["next_reset_at"] > shop.clock.now + 29 * 86_400_000
    assert shop.remaining() == 450
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (40, "paid")


def test_a_free_plan_gets_a_price(shop: Shop) -> None:
    shop.customer()
    shop.attach("free")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=30)
    assert change(shop, "free", customize={"price": a_price(7)})["total"] == 7
    assert shop.plans() == {"free": "active"}
    assert shop.remaining() == 70
    shop.pass_time(days=31)
    assert shop.invoices() == [(7, "paid"), (7, "paid")]
    assert shop.remaining() == 100


def test_a_free_plan_gets_a_price_on_stripes_page(shop: Shop) -> None:
    shop.customer(card=None)
    shop.attach("free")
    body = {"customer_id": "user_1", "plan_id": "free", "customize": {"price": a_price(7)}}
    answer = shop.done("billing.update", **body)
    assert "/c/pay/" in answer["payment_url"]
    assert shop.invoices() == []
    shop.pay(answer["payment_url"], card="pm_card_visa")
    assert shop.invoices() == [(7, "paid")]
    change(shop, "free", cancel_action="cancel_end_of_cycle")
    assert shop.plans() == {"free": "canceling"}


def test_a_plan_loses_its_price(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    assert change(shop, "pro", customize={"price": None})["total"] == -20
    assert shop.plans() == {"pro": "active"}
    assert shop.subscriptions(stripe_id)[0]["status"] == "canceled"
    assert shop.remaining() == 500


def test_a_trial_ends_at_once(shop: Shop) -> None:
    trial = {"duration_type": "day", "duration_length": 14, "card_required": False}
    a_plan(shop.call, "tried", monthly("messages", 5), price=a_price(20), free_trial=trial)
    stripe_id = shop.customer()
    shop.attach("tried")
    shop.clock.advance(seconds=1)
    assert change(shop, "tried", customize={"free_trial": None})["total"] == 20
    assert shop.subscriptions(stripe_id)[0]["status"] == "active"
    assert shop.invoices()[0] == (20, "paid")


def test_a_trial_begins_for_a_customer_who_paid(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    trial = {"duration_type": "day", "duration_length": 7, "card_required": False}
    assert change(shop, "pro", customize={"free_trial": trial})["total"] == -20
    assert shop.subscriptions(stripe_id)[0]["status"] == "trialing"
    shop.pass_time(days=8)
    assert shop.subscriptions(stripe_id)[0]["status"] == "active"


def test_going_on_and_changing_can_be_asked_for_at_once(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    change(shop, "pro", cancel_action="cancel_end_of_cycle")
    seen = change(shop, "pro", cancel_action="uncancel", customize={"price": a_price(30)})
    assert (seen["total"], seen["next_cycle"]["total"]) == (10, 30)
    assert shop.plans() == {"pro": "active"}
    assert shop.subscriptions(stripe_id)[0]["cancel_at"] is None


@pytest.mark.parametrize(("carried", "left"), [(True, 100), (False, 200)])
def test_what_was_used_of_an_item_that_goes_may_count_for_another(
    shop: Shop, *, carried: bool, left: int
) -> None:
    shop.customer()
    shop.attach("pro")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=100)
    weekly = {"feature_id": "messages", "included": 200, "reset": {"interval": "week"}}
    change(shop, "pro", customize={"items": [weekly]}, carry_over_usages={"enabled": carried})
    assert shop.remaining() == left


def test_balances_are_levelled_if_asked_for(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    shop.done("balances.track", customer_id="user_1", feature_id="messages", value=400)
    custom = {"items": [monthly("messages", 100)]}
    level = {"enabled": True}
    shop.done("balances.create", customer_id="user_1", feature_id="messages", included_grant=1000)
    change(shop, "pro", customize=custom, recalculate_balances=level)
    assert shop.remaining() == 700


def test_what_does_not_go_together_is_refused(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    named = {"customer_id": "user_1", "plan_id": "pro"}
    for body, code in (
        (seats(3), "invalid_inputs"),
        ({"billing_cycle_anchor": 1}, "invalid_inputs"),
        ({"billing_cycle_anchor": "now", "proration_behavior": "none"}, "invalid_request"),
        ({"license_quantities": [{"license_plan_id": "x", "quantity": 1}]}, "invalid_request"),
    ):
        for operation in ("billing.update", "billing.preview_update"):
            assert shop.refused(operation, **named, **body)[:2] == (400, code)
