"""What invoices were paid for bounds what is given back of it."""

from decimal import Decimal
from fractions import Fraction

import pytest

from orchard.domain.billing.lines import CHARGE, REFUND, LineItem, Period
from orchard.domain.billing.paid import Billed, Line, Room, capped, rooms


def a_credit(amount: str, owner: str = "one", product: str = "p") -> LineItem:
    return LineItem(
        kind=REFUND,
        plan_id="pro",
        customer_plan_id=owner,
        feature_id=None,
        product=product,
        display_name="Pro",
        description="Unused Pro",
        amount=Decimal(amount),
        quantity=Decimal(1),
        period=Period(50, 100),
        paid_since=0,
    )


def room(amount: str, lines: int = 1) -> dict[str, Room]:
    return {"p": Room(Fraction(amount), lines)}


@pytest.mark.parametrize(
    ("at", "left"), [(0, 20), (25, 15), (100, 0), (200, 0), (-50, 20)], ids=str
)
def test_a_line_pays_evenly_for_its_period(at: int, left: int) -> None:
    assert Line(Decimal(20), 0, 100).worth(at) == left


def test_a_line_without_a_period_pays_for_no_time() -> None:
    assert Line(Decimal(20), 5, 5).worth(0) == 0


def test_what_was_credited_takes_away_from_what_was_paid() -> None:
    lines = [Line(Decimal(20), 0, 100), Line(Decimal(-8), 60, 100), Line(Decimal(9), -9, 0)]
    assert rooms((("p", one) for one in lines), 80) == room("0", 2)


@pytest.mark.parametrize(
    ("asked", "amount", "given"),
    [
        ("-10", "10", "-10"),
        ("-10", "9.995", "-10"),
        ("-10", "4.2", "-4.20"),
        ("-10", "4.999", "-5.00"),
        ("-10", "-3", "0"),
        ("-10", "30", "-10"),
    ],
)
def test_a_credit_is_no_more_than_was_paid(asked: str, amount: str, given: str) -> None:
    (line,) = capped([a_credit(asked)], [], room(amount), "usd")
    assert line.total == Decimal(given)


def test_what_was_never_billed_is_not_credited() -> None:
    charge = a_credit("30")._replace(kind=CHARGE)
    assert [line.total for line in capped([a_credit("-9"), charge], [], {}, "usd")] == [0, 30]


def test_holders_of_the_same_plan_share_what_was_paid() -> None:
    held = [a_credit("-10"), a_credit("-30", "two"), a_credit("-70", "two", "other")]
    (line,) = capped(held[:1], held, room("20"), "usd")
    assert line.total == -5
    assert [one.total for one in capped(held[:2], held, room("20"), "usd")] == [-5, -15]


@pytest.mark.parametrize(
    ("is_paid", "is_manual", "owner", "counts"),
    [
        (True, True, "gone", True),
        (False, False, "gone", True),
        (False, True, "gone", False),
        (False, True, "held", True),
    ],
)
def test_an_unpaid_invoice_counts_if_what_it_is_for_is_held(
    *, is_paid: bool, is_manual: bool, owner: str, counts: bool
) -> None:
    line = Line(Decimal(5), 0, 9, customer_plan_id=owner)
    billed = Billed("in_1", Decimal(5), (line,), is_paid=is_paid, is_manual=is_manual)
    assert billed.counts({"held"}) is counts


def test_what_was_paid_back_is_paid_no_more() -> None:
    bill = Billed("in_1", Decimal(40), (Line(Decimal(40), 0, 100),))
    assert [line.amount for line in bill.without(Decimal(10)).lines] == [30]
    assert [line.amount for line in bill.without(Decimal(90)).lines] == [0]
    assert bill.without(Decimal(0)) is bill
