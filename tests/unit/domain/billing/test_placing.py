"""Which coupons of a customer its subscriptions lack."""

from decimal import Decimal

import pytest

from orchard.domain.billing import placing
from orchard.domain.billing.coupons import FOREVER, ONCE, Coupon, CustomerCoupon, Discount
from orchard.domain.billing.lines import Period
from orchard.domain.billing.subscription import Item, Subscription

NOW = 1_800_000_000_000
MONTH = 30 * 86_400_000


def a_coupon(duration: str = FOREVER, name: str = "tenth") -> Coupon:
    return Coupon(name, percent_off=Decimal(10), duration=duration)


def held(coupon: Coupon | None = None, subscription_id: str | None = None) -> CustomerCoupon:
    return CustomerCoupon(coupon or a_coupon(), NOW, "chg_1", subscription_id=subscription_id)


def paid(name: str = "sub_1", *discounts: Discount, months: int = 1) -> Subscription:
    item = Item("si", "price", None, "prod", 1, Period(NOW, NOW + months * MONTH), "month", months)
    return Subscription(name, "cus", "active", "usd", (item,), discounts)


def lacking(entry: CustomerCoupon, *some: Subscription, now: int = NOW) -> list[str]:
    return sorted(placing.missing([entry], some, now))


def test_every_subscription_lacks_one_that_lasts_until_it_has_it() -> None:
    has = Discount(a_coupon(), id="di_1", started_at=NOW + 5)
    assert lacking(held(), paid("sub_1"), paid("sub_2", has)) == ["sub_1"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(held(a_coupon(ONCE)), [], id="kept for what is bought next"),
        pytest.param(held(a_coupon(ONCE), "sub_2"), ["sub_2"], id="not put there yet"),
        pytest.param(
            held(a_coupon(ONCE), "sub_2")._replace(is_placed=True), [], id="was there: used up"
        ),
        pytest.param(held()._replace(ends_at=NOW + MONTH), [], id="ends before they renew"),
        pytest.param(held()._replace(ends_at=NOW + 2 * MONTH), ["sub_1"], id="ends after one does"),
        pytest.param(held()._replace(ends_at=NOW), [], id="is over"),
    ],
)
def test_one_that_does_not_last_is_lacking_only_where_it_waits(
    entry: CustomerCoupon, expected: list[str]
) -> None:
    assert lacking(entry, paid("sub_1"), paid("sub_2", months=12)) == expected


def test_a_discount_of_its_own_hides_the_customers() -> None:
    own = Discount(a_coupon(name="own"), id="di_1", started_at=NOW)
    assert lacking(held(), paid("sub_1", own)) == []
