"""Several discounts on Stripe's page, which shows one, and codes that can be used so often."""

from typing import Any

import pytest

from tests.billing.conftest import Shop
from tests.billing.test_coupons import a_coupon, an_amount, rewards
from tests.billing.test_update import packs
from tests.builders import a_feature, a_plan


def named(*coupons: str) -> list[dict[str, str]]:
    return [{"reward_id": one} for one in coupons]


def a_code(shop: Shop, text: str, coupon_id: str, uses: int) -> dict[str, str]:
    """A code of a coupon that can be used so often; return how a request names it."""
    of = {"promotion[type]": "coupon", "promotion[coupon]": coupon_id}
    shop.api("promotion_codes", code=text, max_redemptions=str(uses), **of)
    return {"promotion_code": text}


def a_page(shop: Shop, plan_id: str, customer_id: str = "user_1", **body: Any) -> Any:
    """Ask for a page without a card on file; return the session."""
    shop.customer(customer_id, card=None)
    url = shop.attach(plan_id, customer_id, **body)["payment_url"]
    name = url.rpartition("/")[2].partition("#")[0]
    return shop.api(f"checkout/sessions/{name}", "GET", **{"expand[]": "line_items"})


def pay_late(shop: Shop, session: Any) -> None:
    """Pay on a page; Stripe reports it a minute later."""
    shop.stripe.control(f"checkout/sessions/{session['id']}/pay", {"card": "pm_card_visa"})
    shop.pass_time(days=1 / 1440)


def test_each_lasts_as_long_as_it_would_alone_and_counts_as_used(shop: Shop) -> None:
    once = a_code(shop, "WELCOME", a_coupon(shop, "fifth", duration="once"), uses=1)
    an_amount(shop, "two", 200, duration="repeating", duration_in_months=2)
    a_coupon(shop, "tenth", percent_off=10)
    asked = [once, *named("two", "tenth")]

    session = a_page(shop, "pro", discounts=asked)
    assert (session["amount_total"], session["allow_promotion_codes"]) == (1240, None)
    pay_late(shop, session)

    assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(12.4, "paid")])
    assert {one["id"] for one in rewards(shop)} == {"two", "tenth"}
    again = {"customer_id": "user_1", "plan_id": "premium", "discounts": [once]}
    assert shop.refused("billing.preview_attach", **again)[1] == (
        "referral_code_max_redemptions_reached"
    )
    more = {"customer_id": "user_1", "plan_id": "addon", "discounts": named("two")}
    assert shop.done("billing.preview_attach", **more)["total"] == 16
    shop.pass_time(days=63)
    assert [total for total, _ in shop.invoices()] == [18, 16, 12.4]


def test_what_others_used_up_meanwhile_is_not_on_later_invoices(shop: Shop) -> None:
    code = a_code(shop, "LAST", a_coupon(shop, "fifth"), uses=1)
    a_coupon(shop, "tenth", percent_off=10)
    session = a_page(shop, "pro", discounts=[code, *named("tenth")])
    shop.customer("rival")
    shop.attach("pro", "rival", discounts=[code])

    pay_late(shop, session)

    assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(14.4, "paid")])
    assert [one["id"] for one in rewards(shop)] == ["tenth"]


def test_in_a_trial_nothing_is_taken_off_yet_and_no_code_can_be_typed(shop: Shop) -> None:
    a_coupon(shop, "half", percent_off=50, duration="once")
    a_coupon(shop, "tenth", percent_off=10)
    trial = {"duration_length": 7, "duration_type": "day"}
    session = a_page(shop, "pro", discounts=named("half", "tenth"), customize={"free_trial": trial})
    assert (session["amount_total"], session["allow_promotion_codes"]) == (0, None)

    pay_late(shop, session)
    shop.pass_time(days=8)
    assert shop.invoices()[0] == (9, "paid")
    shop.pass_time(days=31)
    assert shop.invoices()[0] == (18, "paid")


def test_an_amount_is_for_the_units_that_it_was_computed_for(shop: Shop) -> None:
    a_feature(shop.call, "seats", consumable=False)
    a_plan(shop.call, "team", packs())
    a_coupon(shop, "fifth")
    an_amount(shop, "two", 200)
    units = [{"feature_id": "seats", "quantity": 3, "adjustable": True}]
    for customer_id, coupons, is_adjustable in (
        ("user_1", ("fifth",), True),
        ("user_2", ("fifth", "two"), False),
    ):
        wanted = {"discounts": named(*coupons), "feature_quantities": units}
        session = a_page(shop, "team", customer_id, **wanted)
        (line,) = session["line_items"]["data"]
        assert bool((line.get("adjustable_quantity") or {}).get("enabled")) is is_adjustable


@pytest.mark.parametrize(("plan_id", "before"), [("once", None), ("premium", "pro")])
def test_an_invoice_of_ours_uses_up_a_code_as_a_page_does(
    shop: Shop, plan_id: str, before: str | None
) -> None:
    code = a_code(shop, "WELCOME", a_coupon(shop, "fifth", duration="once"), uses=1)
    for customer_id in ("user_1", "user_2"):
        shop.customer(customer_id)
        if before is not None:
            shop.attach(before, customer_id)
    seen = shop.preview(plan_id, discounts=[code])

    shop.attach(plan_id, discounts=[code])

    assert shop.invoices()[0] == (seen["total"], "paid")
    again = {"customer_id": "user_2", "plan_id": plan_id, "discounts": [code]}
    for operation in ("billing.preview_attach", "billing.attach"):
        assert shop.refused(operation, **again)[1] == "referral_code_max_redemptions_reached"


def test_of_two_who_use_the_last_of_a_code_at_once_one_gets_nothing(shop: Shop) -> None:
    code = a_code(shop, "LAST", a_coupon(shop, "fifth", duration="once"), uses=1)
    for customer_id in ("user_1", "user_2"):
        shop.customer(customer_id)
    rivals: list[Any] = []

    def meanwhile(request: Any) -> None:
        if request.path == "/v1/invoices" and request.method == "POST" and not rivals:
            rivals.append(None)
            rivals[0] = shop.attach("once", "user_2", discounts=[code])

    shop.stripe.double.answering = meanwhile
    body = {"customer_id": "user_1", "plan_id": "once", "discounts": [code]}
    status, _code, _message = shop.refused("billing.attach", **body)
    shop.stripe.double.answering = lambda _request: None
    shop.report()

    assert (status, shop.invoices("user_2")) == (400, [(8, "paid")])
    assert shop.invoices() == []
    assert shop.done("billing.verify", customer_id="user_1")["in_line"]
    assert shop.attach("once")["invoice"]["total"] == 10
