from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.domain import money
from orchard.domain.billing.coupons import FOREVER, ONCE, REPEATING, Coupon, Discount
from orchard.domain.billing.discounts import alive_next_cycle, ordered, reduced, shares
from orchard.domain.billing.lines import CHARGE, REFUND, USAGE, LineItem, Period, sum_of

#: When the period began that is paid for, and ends: thirty days.
BEGAN, END = 1_000_000_000, 3_592_000_000
BEFORE, SINCE = BEGAN - 1000, BEGAN + 1000


def a_line(amount: float | str | Decimal, kind: str = CHARGE, **fields: Any) -> LineItem:
    given = {"product": "base", "period": Period(BEGAN, END), **fields}
    return LineItem(
        kind=kind,
        plan_id="pro",
        customer_plan_id="cus_prod_1",
        feature_id=None,
        display_name="Pro",
        description="Pro - Base Price",
        amount=Decimal(str(amount)),
        quantity=Decimal(1),
        **given,
    )


def unused(amount: float | str, **fields: Any) -> LineItem:
    return a_line(-Decimal(str(amount)), REFUND, **{"paid_since": BEGAN, **fields})


def percent(value: float, coupon_id: str | None = None, **fields: Any) -> Discount:
    coupon = Coupon(coupon_id or f"p{value}", percent_off=Decimal(str(value)), **fields)
    return Discount(coupon)


def amount(value: float, coupon_id: str | None = None, **fields: Any) -> Discount:
    off = Decimal(str(value))
    return Discount(
        Coupon(coupon_id or f"a{value}", **{"amount_off": off, "currency": "usd", **fields})
    )


def held(discount: Discount, since: int = SINCE) -> Discount:
    """The discount as it is on a subscription."""
    return discount._replace(id=f"di_{discount.coupon.id}", started_at=since)


def comes_to(lines: Sequence[LineItem], *discounts: Discount) -> Decimal:
    return sum_of(reduced(lines, discounts, "usd"))


UPGRADE = (unused(20), a_line(50))
FIVE_TO_TEN = (unused(50), a_line(100))


def test_a_first_purchase_costs_what_its_coupons_leave() -> None:
    first = [a_line(20)]
    assert comes_to(first, percent(20)) == 16
    assert comes_to(first, amount(5)) == 15
    assert comes_to(first, percent(25)) == 15
    assert comes_to(first, percent(20), amount(2)) == 14


def test_an_upgrade_is_discounted_where_it_is_charged() -> None:
    assert comes_to(UPGRADE, percent(20)) == 20
    assert comes_to(UPGRADE, held(percent(20))) == 20
    assert comes_to(UPGRADE, held(percent(10)), percent(20)) == 16
    assert comes_to(UPGRADE, held(percent(30)), amount(5)) == 10
    assert comes_to(UPGRADE, held(percent(10)), percent(20), amount(3)) == 13


def test_a_larger_quantity_is_discounted_where_it_is_charged() -> None:
    assert comes_to(FIVE_TO_TEN, held(percent(20))) == 30
    assert comes_to(FIVE_TO_TEN, held(amount(10))) == 40
    assert comes_to(FIVE_TO_TEN, held(percent(10))) == 40
    assert comes_to(FIVE_TO_TEN, held(amount(100))) == -50
    assert comes_to(FIVE_TO_TEN, held(percent(100))) == -50
    assert comes_to(FIVE_TO_TEN, held(amount(50))) == 0
    assert comes_to([unused(100), a_line(50)], held(amount(20))) == -70


def test_several_discounts_stack_whatever_their_order() -> None:
    assert comes_to(FIVE_TO_TEN, held(percent(30)), held(amount(5))) == 15
    assert comes_to(FIVE_TO_TEN, held(amount(10)), held(amount(15))) == 25
    assert comes_to(FIVE_TO_TEN, percent(20), percent(10), amount(5)) == 17
    assert comes_to(FIVE_TO_TEN, amount(10), percent(20)) == 20


def test_a_renewal_is_discounted_with_its_usage() -> None:
    renewal = [a_line(20), a_line(10, USAGE, product="api")]
    assert comes_to(renewal, held(percent(20), BEFORE)) == 24
    assert comes_to([a_line(20), a_line(20, USAGE)], held(percent(25))) == 30
    assert comes_to(renewal, percent(50, products=("base",))) == 20
    assert comes_to(renewal, percent(50, products=("api",))) == 25


def test_a_coupon_for_other_products_takes_nothing_off() -> None:
    (line,) = reduced([a_line(20)], [percent(50, products=("other",))], "usd")
    assert line.reductions == ()


def test_each_line_tells_what_each_coupon_took_off() -> None:
    credit, charge = reduced(UPGRADE, [percent(20, "launch", name="Launch")], "usd")
    assert credit.reductions == ()
    (told,) = charge.reductions
    assert told == ("launch", "Launch", Decimal(10), Decimal(20))


def test_a_credit_gives_back_what_was_paid_with_a_discount() -> None:
    assert comes_to([unused(20)], held(percent(20), BEFORE)) == -16
    assert comes_to([unused(20)], held(percent(20), BEGAN)) == -16
    assert comes_to([unused(20)], held(percent(20), SINCE)) == -20
    assert comes_to([unused(20)], percent(20)) == -20
    assert comes_to([unused(20)], held(percent(100), BEFORE)) == 0


def test_a_fixed_amount_is_kept_back_from_a_credit_for_the_time_credited() -> None:
    half = Period((BEGAN + END) // 2, END)
    five_off = held(amount(5), BEFORE)
    # 15 were paid for the month; half of it is left.
    assert comes_to([unused(10, period=half)], five_off) == Decimal("-7.5")
    assert comes_to([unused(20), a_line(50)], five_off) == 30
    assert comes_to([unused(10, period=half)], held(amount(40), BEFORE)) == 0


def test_an_amount_of_another_currency_takes_nothing_off() -> None:
    assert comes_to([a_line(20)], amount(5, currency="eur")) == 20
    assert comes_to([a_line(20)], Discount(Coupon("any", amount_off=Decimal(5)))) == 15


def test_an_amount_is_spread_to_the_cent() -> None:
    thirds = [Decimal(10)] * 3
    assert shares(Decimal(10), thirds, "usd") == [
        Decimal("3.34"),
        Decimal("3.33"),
        Decimal("3.33"),
    ]
    assert shares(Decimal(10), thirds, "jpy") == [4, 3, 3]
    assert shares(Decimal(10), [], "usd") == []
    assert shares(Decimal(40), thirds, "usd") == thirds


def test_what_is_restricted_goes_first_so_that_nothing_is_wasted() -> None:
    lines = [a_line(10), a_line(10, product="api")]
    both = [amount(10, "all"), amount(10, "some", products=("base",))]
    assert comes_to(lines, *both) == comes_to(lines, *reversed(both)) == 0
    assert [one.coupon.id for one in ordered([*both, percent(5)])] == ["p5", "some", "all"]


def test_a_discount_counts_in_the_next_cycle_while_it_lasts() -> None:
    forever = percent(10, duration=FOREVER)
    months = percent(10, duration=REPEATING, months=1)._replace(ends_at=END)
    once = percent(50, duration=ONCE)
    some = (forever, months, once)
    assert alive_next_cycle(some, END - 1, invoiced_now=False) == some
    assert alive_next_cycle(some, END, invoiced_now=False) == (forever, once)
    assert alive_next_cycle(some, END - 1, invoiced_now=True) == (forever, months)
    assert sum_of(reduced([a_line("34.90")], [once], "usd")) == Decimal("17.45")


_CENTS = st.integers(0, 10_000_000).map(lambda cents: Decimal(cents) / 100)
_LINES = st.lists(
    st.builds(
        lambda size, kind, product, part: a_line(
            -size if kind == REFUND else size,
            kind,
            product=product,
            period=Period(BEGAN + part, END),
            paid_since=BEGAN if kind == REFUND else None,
        ),
        _CENTS,
        st.sampled_from([CHARGE, USAGE, REFUND]),
        st.sampled_from("abc"),
        st.integers(0, END - BEGAN - 1),
    ),
    max_size=6,
)
_FOR = st.sampled_from([(), ("a",), ("a", "b")])
_DISCOUNTS = st.lists(
    st.one_of(
        st.builds(
            lambda value, products: percent(float(value), products=products),
            st.decimals("0.01", 100, places=2),
            _FOR,
        ),
        st.builds(lambda value, products: amount(float(value), products=products), _CENTS, _FOR),
    ),
    max_size=5,
    unique_by=lambda one: one.coupon.id,
).flatmap(
    lambda some: st.tuples(
        *(
            st.builds(one._replace, started_at=st.sampled_from([None, BEFORE, SINCE]))
            for one in some
        )
    )
)


@settings(max_examples=60, deadline=None)
@given(lines=_LINES, discounts=_DISCOUNTS, shuffled=st.randoms(use_true_random=False))
def test_nothing_falls_below_zero_and_the_order_means_nothing(
    lines: list[LineItem], discounts: tuple[Discount, ...], shuffled: Any
) -> None:
    found = reduced(lines, discounts, "usd")
    for before, after in zip(lines, found, strict=True):
        low, high = sorted((Decimal(0), before.amount))
        assert low <= after.total <= high
        assert after.total == money.rounded(after.total, "usd")
    others = list(discounts)
    shuffled.shuffle(others)
    assert reduced(lines, others, "usd") == found


@settings(max_examples=60, deadline=None)
@given(prices=st.lists(_CENTS, max_size=8), off=_CENTS)
def test_shares_come_to_the_amount_and_none_is_more_than_its_price(
    prices: list[Decimal], off: Decimal
) -> None:
    found = shares(off, prices, "usd")
    assert sum(found) == min(off, sum(prices))
    assert all(0 <= share <= price for share, price in zip(found, prices, strict=True))
    for share, price in zip(found, prices, strict=True):
        if off <= sum(prices) and price:
            assert abs(share - off * price / sum(prices)) < Decimal("0.01")
