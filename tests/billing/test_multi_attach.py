"""billing.multi_attach: several plans, one purchase, one invoice."""

from typing import Any

import pytest

from tests.billing.conftest import Shop, a_price
from tests.builders import a_feature, a_plan, monthly


def plans(*names: str) -> list[dict[str, Any]]:
    return [{"plan_id": name} for name in names]


def buy(shop: Shop, *wanted: dict[str, Any], **body: Any) -> Any:
    shop.clock.advance(seconds=1)
    answer = shop.done("billing.multi_attach", customer_id="user_1", plans=list(wanted), **body)
    shop.report()
    return answer


def seen(shop: Shop, *wanted: dict[str, Any], **body: Any) -> Any:
    return shop.done(
        "billing.preview_multi_attach", customer_id="user_1", plans=list(wanted), **body
    )


def test_plans_are_bought_by_one_invoice_and_one_subscription(shop: Shop) -> None:
    stripe_id = shop.customer()
    wanted = plans("pro", "addon")

    assert seen(shop, *wanted)["total"] == 40
    answer = buy(shop, *wanted)

    assert (answer["invoice"]["status"], answer["invoice"]["total"]) == ("paid", 40)
    assert answer["payment_url"] is None
    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert shop.remaining() == 550
    assert shop.invoices() == [(40, "paid")]
    assert len(shop.subscriptions(stripe_id)) == 1


def test_what_recurs_what_is_bought_once_and_what_is_free_go_together(shop: Shop) -> None:
    a_plan(shop.call, "gift", monthly("credits", 7), add_on=True)
    shop.customer()
    wanted = plans("pro", "once", "gift")

    assert seen(shop, *wanted)["total"] == 30
    buy(shop, *wanted)

    assert shop.plans() == {"pro": "active", "gift": "active"}
    held = shop.done("customers.get", customer_id="user_1")
    assert [one["plan_id"] for one in held["purchases"]] == ["once"]
    assert shop.remaining("credits") == 17
    assert shop.invoices() == [(30, "paid")]


def test_all_of_it_is_paid_on_one_page(shop: Shop) -> None:
    shop.customer(card=None)
    wanted = plans("pro", "addon", "once")

    assert seen(shop, *wanted)["checkout_type"] == "stripe_checkout"
    answer = buy(shop, *wanted)
    assert "/c/pay/" in answer["payment_url"]
    assert shop.plans() == {}
    assert buy(shop, *wanted)["payment_url"] == answer["payment_url"]

    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert shop.remaining("credits") == 10
    assert shop.invoices() == [(50, "paid")]


def test_a_declined_card_gives_none_of_them(shop: Shop) -> None:
    shop.customer(card="pm_card_chargeCustomerFail")
    answer = buy(shop, *plans("pro", "once"))

    assert answer["required_action"]["code"] == "payment_failed"
    assert shop.plans() == {}
    assert shop.done("customers.get", customer_id="user_1")["purchases"] == []


def test_each_plan_may_be_for_somebody_else(shop: Shop) -> None:
    shop.customer()
    a_feature(shop.call, "seats", consumable=False)
    for entity_id in ("seat_1", "seat_2"):
        shop.done("entities.create", customer_id="user_1", entity_id=entity_id, feature_id="seats")
    wanted: list[dict[str, Any]] = [
        {"plan_id": "pro"},
        {"plan_id": "premium", "entity_id": "seat_2"},
        {"plan_id": "pro", "entity_id": None},
    ]
    answer = buy(shop, *wanted, entity_id="seat_1")

    assert answer["entity_id"] == "seat_1"
    assert shop.invoices() == [(90, "paid")]
    held = {
        name: [
            one["plan_id"]
            for one in shop.done("entities.get", customer_id="user_1", entity_id=name)[
                "subscriptions"
            ]
            if one["scope"] == "entity"
        ]
        for name in ("seat_1", "seat_2")
    }
    assert held == {"seat_1": ["pro"], "seat_2": ["premium"]}
    shown = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert sorted((one["plan_id"], one["scope"]) for one in shown) == [
        ("premium", "entity"),
        ("pro", "customer"),
        ("pro", "entity"),
    ]


def test_each_plan_has_its_own_parts(shop: Shop) -> None:
    price = {"amount": 5, "interval": "month", "billing_units": 10, "billing_method": "prepaid"}
    a_plan(shop.call, "packs", {"feature_id": "credits", "price": price}, group="packs")
    shop.customer()
    buy(
        shop,
        {"plan_id": "pro", "customize": {"price": a_price(15)}, "subscription_id": "mine"},
        {"plan_id": "packs", "feature_quantities": [{"feature_id": "credits", "quantity": 30}]},
    )

    assert shop.invoices() == [(30, "paid")]
    assert shop.remaining("credits") == 30
    shown = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert "mine" in {one["id"] for one in shown}


def test_plans_of_several_groups_are_replaced_on_one_subscription(shop: Shop) -> None:
    a_plan(shop.call, "mail", monthly("credits", 10), price=a_price(10), group="mail")
    a_plan(shop.call, "mail_plus", monthly("credits", 20), price=a_price(30), group="mail")
    stripe_id = shop.customer()
    buy(shop, *plans("pro", "mail"))

    assert seen(shop, *plans("premium", "mail_plus"))["total"] == 50
    buy(shop, *plans("premium", "mail_plus"))

    assert shop.plans() == {"premium": "active", "mail_plus": "active"}
    assert shop.invoices() == [(50, "paid"), (30, "paid")]
    assert len(shop.subscriptions(stripe_id)) == 1


def test_what_is_cheaper_waits_while_the_rest_begins(shop: Shop) -> None:
    shop.customer()
    shop.attach("premium")
    wanted = plans("pro", "addon", "once")

    preview = seen(shop, *wanted)
    assert (preview["total"], preview["next_cycle"]["total"]) == (30, 40)
    buy(shop, *wanted)

    assert shop.plans() == {"premium": "canceling", "pro": "scheduled", "addon": "active"}
    assert shop.invoices() == [(30, "paid"), (50, "paid")]
    shop.pass_time(days=32)
    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert shop.invoices()[0] == (40, "paid")


def test_two_downgrades_happen_at_the_same_time(shop: Shop) -> None:
    a_plan(shop.call, "mail", monthly("credits", 10), price=a_price(10), group="mail")
    a_plan(shop.call, "mail_free", monthly("credits", 1), group="mail")
    shop.customer()
    buy(shop, *plans("premium", "mail"))
    shop.attach("pro")
    shop.attach("mail_free")

    assert shop.plans() == {
        "premium": "canceling",
        "pro": "scheduled",
        "mail": "canceling",
        "mail_free": "scheduled",
    }
    shop.pass_time(days=32)
    assert shop.plans() == {"pro": "active", "mail_free": "active"}
    assert shop.invoices()[0] == (20, "paid")


def test_a_trial_is_of_all_that_is_bought(shop: Shop) -> None:
    stripe_id = shop.customer()
    trial = {"duration_length": 7, "duration_type": "day", "card_required": False}
    preview = seen(shop, *plans("pro", "addon"), free_trial=trial)
    assert (preview["total"], preview["next_cycle"]["total"]) == (0, 40)
    buy(shop, *plans("pro", "addon"), free_trial=trial)

    (subscription,) = shop.subscriptions(stripe_id)
    assert subscription["status"] == "trialing"
    shop.pass_time(days=8)
    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert shop.invoices()[0] == (40, "paid")


def test_a_discount_counts_for_all_of_it(shop: Shop) -> None:
    shop.customer()
    shop.api("coupons", id="ten", percent_off=10, duration="once")
    buy(shop, *plans("pro", "once"), discounts=[{"reward_id": "ten"}])

    assert shop.invoices() == [(27, "paid")]


def test_a_sent_invoice_has_all_of_it(shop: Shop) -> None:
    shop.customer(card=None)
    answer = buy(shop, *plans("pro", "addon"), invoice_mode={"enabled": True})

    assert (answer["invoice"]["status"], answer["invoice"]["total"]) == ("open", 40)
    assert shop.plans() == {}
    shop.stripe.step(answer["invoice"]["stripe_id"], "pay")
    shop.report()
    assert shop.plans() == {"pro": "active", "addon": "active"}


def test_a_new_customer_comes_with_the_purchase(shop: Shop) -> None:
    shop.clock.advance(seconds=1)
    a_feature(shop.call, "seats", consumable=False)
    answer = shop.done(
        "billing.multi_attach",
        customer_id="new_1",
        plans=plans("free"),
        entity_id="seat_1",
        customer_data={"name": "Ada", "email": "ada@example.com"},
        entity_data={"feature_id": "seats", "name": "First"},
    )

    assert answer["payment_url"] is None
    shown = shop.done("customers.get", customer_id="new_1", expand=["entities"])
    assert (shown["name"], [one["name"] for one in shown["entities"]]) == ("Ada", ["First"])
    assert shop.plans("new_1") == {"free": "active"}


def test_another_subscription_may_be_asked_for(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    answer = buy(shop, *plans("addon"), redirect_mode="always", new_billing_subscription=True)
    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert shop.plans() == {"pro": "active", "addon": "active"}
    assert len(shop.subscriptions(stripe_id)) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"plans": []}, 400, "invalid_inputs"),
        ({"plans": plans("pro", "premium")}, 400, "invalid_request"),
        ({"plans": plans("addon"), "redirect_mode": "always"}, 400, "invalid_redirect_mode"),
        ({"plans": plans("addon", "nothing")}, 404, "product_not_found"),
        ({"plans": plans("addon", "growth")}, 409, "plan_already_attached"),
        ({"plans": [{"plan_id": "addon", "entity_id": "x"}]}, 404, "entity_not_found"),
        (
            {"plans": [{"plan_id": "addon", "subscription_id": "a"} for _ in range(2)]},
            409,
            "duplicate_subscription_id",
        ),
        (
            {"plans": plans("addon"), "entity_data": {"feature_id": "credits"}},
            400,
            "invalid_inputs",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_whole(
    shop: Shop, body: dict[str, Any], status: int, code: str
) -> None:
    shop.customer()
    shop.attach("growth")
    for operation in ("billing.multi_attach", "billing.preview_multi_attach"):
        found = shop.refused(operation, customer_id="user_1", **body)
        assert found[:2] == (status, code)

    assert shop.plans() == {"growth": "active"}
    assert shop.invoices() == [(100, "paid")]


def test_an_unknown_customer_is_not_made_without_being_asked_for(shop: Shop) -> None:
    refused = shop.refused("billing.multi_attach", customer_id="nobody", plans=plans("free"))
    assert refused[:2] == (404, "customer_not_found")
    body = {"customer_data": {"name": "Ada"}, "plans": plans("nothing")}
    shop.refused("billing.multi_attach", customer_id="nobody", **body)
    assert shop.refused("customers.get", customer_id="nobody")[0] == 404
