"""The rows about discounts: D1 to D15 of the acceptance tables.

The number of the row is in the test's name. Amounts are exact. D15 to D22, which are about
changes of a plan that is held, are played where billing.update is tested.
"""

import re
from typing import Any

import pytest

from tests.billing.conftest import Shop


def percent(shop: Shop, coupon_id: str, off: float, duration: str = "forever") -> dict[str, str]:
    """Make a coupon at Stripe; return how a request names it."""
    shop.api("coupons", id=coupon_id, percent_off=str(off), duration=duration)
    return {"reward_id": coupon_id}


def amount(shop: Shop, coupon_id: str, off: float, duration: str = "forever") -> dict[str, str]:
    cents = str(round(off * 100))
    shop.api("coupons", id=coupon_id, amount_off=cents, currency="usd", duration=duration)
    return {"reward_id": coupon_id}


def code(shop: Shop, text: str, coupon: dict[str, str], **terms: str) -> dict[str, str]:
    """Make a code for a coupon; return how a request names it."""
    promotion = {"promotion[type]": "coupon", "promotion[coupon]": coupon["reward_id"]}
    shop.api("promotion_codes", code=text, **promotion, **terms)
    return {"promotion_code": text}


def coupons_on(shop: Shop, stripe_id: str) -> list[dict[str, Any]]:
    """The discounts of the one subscription of a customer."""
    (held,) = shop.subscriptions(stripe_id)
    found = shop.api(f"subscriptions/{held['id']}", "GET", **{"expand[]": "discounts"})
    return [{"id": one["id"], "coupon": one["source"]["coupon"]} for one in found["discounts"]]


@pytest.fixture
def buyer(shop: Shop) -> str:
    """A customer with a card on the free plan; the id at Stripe."""
    stripe_id = shop.customer()
    shop.attach("free")
    return stripe_id


def sold(shop: Shop, total: float, *asked: dict[str, str]) -> None:
    """Check that Pro costs so much, before and after."""
    discounts = list(asked)
    assert shop.preview("pro", discounts=discounts)["total"] == total
    shop.attach("pro", discounts=discounts)
    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(total, "paid")]


@pytest.mark.usefixtures("buyer")
class TestFirstPurchase:
    def test_d1_a_percentage(self, shop: Shop) -> None:
        sold(shop, 16, percent(shop, "fifth", 20))

    def test_d2_an_amount(self, shop: Shop) -> None:
        sold(shop, 15, amount(shop, "five", 5))

    def test_d3_a_code_as_people_type_it(self, shop: Shop) -> None:
        sold(shop, 15, code(shop, "SPRING25", percent(shop, "spring", 25)))

    def test_d4_a_percentage_and_an_amount(self, shop: Shop) -> None:
        sold(shop, 14, percent(shop, "fifth", 20), amount(shop, "two", 2))

    def test_d5_the_same_coupon_twice_counts_once(self, shop: Shop) -> None:
        fifth = percent(shop, "fifth", 20)
        sold(shop, 16, fifth, fifth)

    def test_d11_what_is_unknown_or_gone_is_refused_with_all_else(self, shop: Shop) -> None:
        good, gone = percent(shop, "good", 20), percent(shop, "gone", 20)
        shop.api("coupons/gone", "DELETE")
        for asked in (
            [{"reward_id": "nobody"}],
            [{"promotion_code": "NOBODY"}],
            [gone],
            [good, {"reward_id": "nobody"}],
        ):
            wanted = {"customer_id": "user_1", "plan_id": "pro", "discounts": asked}
            for operation in ("billing.preview_attach", "billing.attach"):
                status, kind, _ = shop.refused(operation, **wanted)
                assert (status, kind) == (400, "invalid_request")
        assert (shop.plans(), shop.invoices()) == ({"free": "active"}, [])

    def test_d12_who_has_not_paid_yet_may_use_a_code_for_them(self, shop: Shop) -> None:
        only = {"restrictions[first_time_transaction]": "true"}
        sold(shop, 15, code(shop, "FIRST", amount(shop, "five", 5), **only))

    def test_d14_a_code_for_something_else_is_refused(self, shop: Shop) -> None:
        other = shop.api("products", name="Something else")["id"]
        shop.api(
            "coupons",
            id="other",
            percent_off="20",
            duration="forever",
            **{"applies_to[products][]": other},
        )
        asked = [code(shop, "OTHER", {"reward_id": "other"})]
        status, kind, message = shop.refused(
            "billing.preview_attach", customer_id="user_1", plan_id="pro", discounts=asked
        )
        assert (status, kind) == (400, "invalid_request")
        assert "does not apply to any products in this order" in message


class TestUpgrade:
    def test_d6_it_is_on_what_is_charged_not_on_what_is_credited(
        self, shop: Shop, buyer: str
    ) -> None:
        shop.attach("pro")
        asked = [percent(shop, "fifth", 20)]

        assert shop.preview("premium", discounts=asked)["total"] == 20
        shop.attach("premium", discounts=asked)

        assert shop.invoices() == [(20, "paid"), (20, "paid")]
        assert [one["coupon"] for one in coupons_on(shop, buyer)] == ["fifth"]

    @pytest.mark.usefixtures("buyer")
    def test_d7_it_comes_beside_what_the_subscription_has(self, shop: Shop) -> None:
        held, asked = percent(shop, "tenth", 10), percent(shop, "fifth", 20)
        subscribed(shop, held)

        assert shop.preview("premium", discounts=[asked])["total"] == 16
        shop.attach("premium", discounts=[asked])
        assert shop.invoices()[0] == (16, "paid")

    @pytest.mark.usefixtures("buyer")
    def test_d8_what_the_subscription_has_counts_once(self, shop: Shop) -> None:
        held = percent(shop, "fifth", 20)
        subscribed(shop, held)

        assert shop.preview("premium", discounts=[held])["total"] == 20

    @pytest.mark.usefixtures("buyer")
    def test_d9_an_amount_beside_a_percentage(self, shop: Shop) -> None:
        held, asked = percent(shop, "most", 30), amount(shop, "five", 5)
        subscribed(shop, held)

        assert shop.preview("premium", discounts=[asked])["total"] == 10

    @pytest.mark.usefixtures("buyer")
    def test_d10_three_at_once(self, shop: Shop) -> None:
        held = percent(shop, "tenth", 10)
        asked = [percent(shop, "fifth", 20), amount(shop, "three", 3)]
        subscribed(shop, held)

        assert shop.preview("premium", discounts=asked)["total"] == 13

    @pytest.mark.usefixtures("buyer")
    def test_d12_who_has_paid_may_not_use_a_code_for_others(self, shop: Shop) -> None:
        shop.attach("pro")
        only = {"restrictions[first_time_transaction]": "true"}
        asked = [code(shop, "FIRST", amount(shop, "five", 5), **only)]
        for operation in ("billing.preview_attach", "billing.attach"):
            status, kind, _ = shop.refused(
                operation, customer_id="user_1", plan_id="premium", discounts=asked
            )
            assert (status, kind) == (400, "promo_code_first_time_only")
        assert shop.plans() == {"pro": "active"}

    @pytest.mark.usefixtures("buyer")
    def test_d12_a_code_that_counts_already_may_be_sent_again(self, shop: Shop) -> None:
        only = {"restrictions[first_time_transaction]": "true"}
        asked = [code(shop, "FIRST", amount(shop, "five", 5), **only)]
        shop.attach("pro", discounts=asked)

        # 50 less 5, and what was paid for Pro comes back: 20 less 5.
        assert shop.preview("premium", discounts=asked)["total"] == 30
        shop.attach("premium", discounts=asked)
        assert shop.plans() == {"premium": "active"}

    def test_d13_the_same_coupon_next_month_is_the_same_discount(
        self, shop: Shop, buyer: str
    ) -> None:
        asked = [percent(shop, "fifth", 20)]
        shop.attach("pro", discounts=asked)
        (before,) = coupons_on(shop, buyer)
        shop.pass_time(days=32)

        shop.attach("premium", discounts=asked)

        assert coupons_on(shop, buyer) == [before]
        assert shop.plans() == {"premium": "active"}

    @pytest.mark.usefixtures("buyer")
    @pytest.mark.parametrize("when", ["immediate", "end_of_cycle"])
    def test_d15_an_order_that_is_too_small_for_a_code_is_refused(
        self, shop: Shop, when: str
    ) -> None:
        shop.attach("pro")
        least = {
            "restrictions[minimum_amount]": "10000",
            "restrictions[minimum_amount_currency]": "usd",
        }
        asked = [code(shop, "LARGE", percent(shop, "fifth", 20), **least)]
        wanted = {"customer_id": "user_1", "plan_id": "premium", "plan_schedule": when}
        for operation in ("billing.preview_attach", "billing.attach"):
            status, kind, message = shop.refused(operation, discounts=asked, **wanted)
            assert (status, kind) == (400, "invalid_request")
            assert re.search("promotion code .*minimum", message, re.IGNORECASE)
        assert (shop.plans(), shop.invoices()) == ({"pro": "active"}, [(20, "paid")])


def subscribed(shop: Shop, coupon: dict[str, str]) -> None:
    """Let the customer have Pro, with a coupon that came to the subscription at Stripe."""
    shop.attach("pro")
    stripe_id = shop.done("customers.get", customer_id="user_1")["stripe_id"]
    (held,) = shop.subscriptions(stripe_id)
    shop.clock.advance(seconds=1)
    shop.api(f"subscriptions/{held['id']}", **{"discounts[0][coupon]": coupon["reward_id"]})
    shop.report()
