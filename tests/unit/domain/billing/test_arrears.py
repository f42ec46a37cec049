"""Usage in arrears: every unit beyond the balance is billed once, whatever comes in between."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.domain import balance, overdue, renewal
from orchard.domain.billing import arrears
from orchard.domain.billing.arrears import Ending
from orchard.domain.billing.lines import Sale
from orchard.domain.billing.usage_lines import Account, Group
from orchard.domain.catalog import Catalog, Feature, Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Controls, Holding, Place, SpendLimit, State
from orchard.domain.interval import DAY_MS, after
from orchard.domain.quantity import ZERO
from orchard.domain.row import PRICED, Row, Unbilled, cast

START = 1_788_220_800_000
PLACE = Place("messages")
HELD = CustomerPlan(id="cus_prod_1", plan_id="pro", plan_version=1, started_at=START)
PLAN = Plan("pro", 1, "Pro", START)
CENTS = {"amount": Decimal("0.10"), "interval": "month", "billing_method": "usage_based"}
FEATURES = {
    "messages": Feature("messages", "Messages", "metered", consumable=True, created_at=START),
    "seats": Feature("seats", "Seats", "metered", consumable=False, created_at=START),
}
SALE = Sale("org/sandbox", FEATURES, "usd")


def month(number: int) -> int:
    return after(START, "month", 1, number)


def metered(used: str = "0", **fields: Any) -> Row:
    """100 messages a month at $0.10 each beyond, of a plan that is paid through Stripe."""
    usual = {
        "id": "row",
        "created_at": START,
        "customer_plan_id": HELD.id,
        "allowance": Decimal(100),
        "balance": Decimal(100) - Decimal(used),
        "interval": "month",
        "next_reset_at": month(1),
        "overage": PRICED,
        "price": CENTS,
        "billed": True,
    }
    return Row(**{**usual, **fields})


def holding(*rows: Row, **controls: Any) -> State:
    return {PLACE: Holding(rows, Controls(**controls))}


def totals(state: State, until: int | None = month(1), **more: Any) -> list[str]:
    found = arrears.lines(state, HELD, PLAN, SALE, until, **more)
    return [str(line.amount) for line in found]


def test_a_line_shows_what_was_used_beyond_the_balance() -> None:
    (line,) = arrears.lines(holding(metered("1600.5")), HELD, PLAN, SALE, month(1))
    assert line.description == "Pro - 1,501 messages (from 1 Sep 2026 to 1 Oct 2026)"
    assert (line.amount, line.quantity) == (Decimal("150.10"), 1501)
    assert (line.kind, line.display_name, line.feature_id) == ("usage", "Messages", "messages")
    assert line.period == (month(0), month(1))


@pytest.mark.parametrize(
    ("used", "price", "lines"),
    [
        ("250.5", CENTS, ["15.10"]),
        ("50", CENTS, []),
        ("1000", CENTS, ["90.00"]),
        ("155", {**CENTS, "amount": Decimal(1), "billing_units": Decimal(10)}, ["6.00"]),
        ("100", CENTS, []),
    ],
)
def test_usage_is_billed_in_whole_units(used: str, price: Any, lines: list[str]) -> None:
    assert totals(holding(metered(used, price=price))) == lines


def test_a_reset_in_passing_changes_nothing_of_what_is_billed() -> None:
    (row,) = renewal.renewed((metered("250.5"),), month(1))
    assert (row.balance, row.unbilled) == (100, (Unbilled(month(1), Decimal("150.5")),))
    assert totals(holding(row)) == ["15.10"]
    after_it = arrears.settled(holding(row), HELD, month(1))[PLACE].rows[0]
    assert (after_it.balance, after_it.unbilled, after_it.next_reset_at) == (100, (), month(2))


def test_what_is_not_paid_through_stripe_is_forgiven_as_ever() -> None:
    (row,) = renewal.renewed((metered("250", billed=False),), month(1))
    assert (row.balance, row.unbilled) == (100, ())
    assert totals(holding(metered("250", billed=False))) == []


def test_periods_that_were_missed_are_billed_apart() -> None:
    waiting = (Unbilled(month(1), Decimal("0.5")), Unbilled(month(2), Decimal("0.5")))
    assert totals(holding(metered(unbilled=waiting, next_reset_at=month(3))), month(2)) == [
        "0.10",
        "0.10",
    ]


def test_slices_are_summed_before_they_are_rounded() -> None:
    price = {**CENTS, "amount": Decimal(1), "billing_units": Decimal(10)}
    mould = metered(price=price, entity_feature_id="seats")
    slices = {
        Place("messages", name): Holding((cast(mould, name)._replace(balance=Decimal(-beyond)),))
        for name, beyond in (("a", 55), ("b", 23))
    }
    assert totals({PLACE: Holding((mould,)), **slices}) == ["8.00"]


def test_rows_of_other_attachments_are_rounded_apart() -> None:
    two = metered("0", id="one", balance=Decimal("-0.5")), metered("0", balance=Decimal("-0.5"))
    assert totals(holding(*two)) == ["0.10", "0.10"]


def test_a_period_of_another_length_goes_on() -> None:
    yearly = metered("300", interval="year", next_reset_at=month(12))
    yearly = yearly._replace(price={**CENTS, "interval": "year"})
    assert totals(holding(yearly)) == []
    assert arrears.settled(holding(yearly), HELD, month(1))[PLACE].rows == (yearly,)
    assert totals(holding(yearly), month(12)) == ["20.00"]


def test_dates_may_differ_by_a_day() -> None:
    late = metered("200", next_reset_at=month(1) + DAY_MS)
    assert totals(holding(late)) == ["10.00"]
    assert totals(holding(metered("200", next_reset_at=month(1) + DAY_MS + 1))) == []


def test_a_spend_limit_or_the_customer_can_let_overage_be_free() -> None:
    limit = SpendLimit(Decimal(1000), waives_billing=True)
    state = holding(metered("200"), spend_limit=limit)
    assert totals(state) == []
    assert arrears.settled(state, HELD, month(1))[PLACE].rows[0].balance == 100
    assert totals(holding(metered("200")), waived=True) == []
    claimed = arrears.claimed(state, HELD, Ending(month(1)), "in_1")
    assert claimed[PLACE].rows[0].unbilled == ()


def test_an_entity_has_its_own_say_on_what_is_free() -> None:
    limit = SpendLimit(Decimal(1000), waives_billing=True)
    mould = metered(entity_feature_id="seats")
    free, billed = (cast(mould, name)._replace(balance=Decimal(-50)) for name in ("a", "b"))
    state = {
        PLACE: Holding((mould,)),
        Place("messages", "a"): Holding((free,), Controls(spend_limit=limit)),
        Place("messages", "b"): Holding((billed,)),
    }
    assert totals(state) == ["5.00"]


def test_what_is_used_on_trial_is_never_billed_and_the_balance_is_full_after_it() -> None:
    tried = metered("250", trial_ends_at=month(1))
    assert totals(holding(tried)) == []
    (row,) = renewal.renewed((tried,), month(1))
    assert (row.balance, row.unbilled, row.trial_ends_at) == (100, (), None)
    assert row.next_reset_at == month(2)
    early = arrears.settled(holding(tried), HELD, month(1))[PLACE].rows[0]
    assert (early.balance, early.next_reset_at, early.trial_ends_at) == (100, month(2), None)
    (long_after,) = renewal.renewed((tried,), month(3))
    assert (long_after.balance, long_after.unbilled) == (100, ())


def test_a_trial_that_ends_within_a_period_forgives_what_was_overdrawn() -> None:
    (row,) = renewal.renewed((metered("250", trial_ends_at=month(1) - DAY_MS),), month(1) - DAY_MS)
    assert (row.balance, row.next_reset_at, row.resets) == (0, month(1), 1)


def test_seats_beyond_those_included_are_billed_each_period_and_stay_in_use() -> None:
    seats = metered("103", continuous=True, interval="one_off", next_reset_at=None)
    state = {Place("seats"): Holding((seats,))}
    assert totals(state) == ["0.30"]
    after_it = arrears.settled(state, HELD, month(1))
    assert after_it[Place("seats")].rows == (seats,)
    assert totals(after_it, month(2)) == ["0.30"]
    assert totals(state, None) == []
    on_trial = HELD._replace(trial_ends_at=month(1))
    assert arrears.lines(state, on_trial, PLAN, SALE, month(1)) == ()


def test_a_switch_bills_what_was_used_so_far() -> None:
    waiting = (Unbilled(month(0), Decimal(10)),)
    assert totals(holding(metered("200", unbilled=waiting)), None) == ["1.00", "10.00"]
    after_it = arrears.settled(holding(metered("200", unbilled=waiting)), HELD, None)
    assert (after_it[PLACE].rows[0].balance, after_it[PLACE].rows[0].unbilled) == (0, ())


def test_what_an_invoice_laid_hands_on_is_not_billed_by_another() -> None:
    claimed = arrears.claimed(holding(metered("200")), HELD, Ending(month(1)), "in_1")
    assert arrears.claims(claimed) == {"in_1"}
    assert totals(claimed) == []
    assert totals(claimed, None) == []
    again = arrears.claimed(claimed, HELD, Ending(month(1)), "in_2")
    (one,) = arrears.of_invoice(again, Account(HELD, PLAN, SALE), "in_1")
    assert (one.group, one.quantity) == (Group("row", month(1)), 100)
    let_go = arrears.cleared(again, HELD, "in_1", {})
    assert totals(let_go) == ["10.00"]
    shown = {Group("row", month(1)): Decimal(60)}
    assert totals(arrears.cleared(again, HELD, "in_1", shown)) == ["4.00"]


# --- any order of things ----------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("use"), st.integers(1, 90)),
        st.tuples(st.just("edit"), st.integers(-90, 90)),
        st.tuples(st.just("wait"), st.sampled_from([1, 10, 29, 30, 62])),
        st.tuples(st.just("claim"), st.just(0)),
        st.tuples(st.just("show"), st.just(0)),
        st.tuples(st.just("too late"), st.just(0)),
        st.tuples(st.just("look"), st.just(0)),
        st.tuples(st.just("payment"), st.just(0)),
    ),
    max_size=30,
)


class Story:
    """Two slices of one row as the code has them, and beside them what a clerk would note."""

    def __init__(self) -> None:
        self.now, self.renewals, self.invoice = START, 0, 0
        mould = metered(entity_feature_id="seats")
        self.state: State = {PLACE: Holding((mould,))} | {
            Place("messages", name): Holding((cast(mould, name),)) for name in "ab"
        }
        #: By slice what was taken in the present period; and what periods left to bill.
        self.taken = dict.fromkeys("ab", ZERO)
        self.period_end = dict.fromkeys("ab", month(1))
        self.owed, self.billed = ZERO, ZERO
        self.is_overdue = False

    def close(self, name: str, at: int) -> None:
        """The clerk ends a period that is over at a time."""
        if self.period_end[name] > at:
            return
        self.owed += max(ZERO, self.taken[name] - 100)
        if self.is_overdue:
            # What is used up stays used up.
            self.taken[name] = min(self.taken[name], Decimal(100))
            return
        self.taken[name] = ZERO
        while self.period_end[name] <= at:
            self.period_end[name] = after(self.period_end[name], "month", 1)

    def take(self, amount: int, name: str) -> None:
        """Somebody uses or edits a slice, which comes to the same."""
        self.look()
        place = Place("messages", name)
        held = self.state[place]
        (row,) = held.rows
        changed = held._replace(rows=(row._replace(balance=row.balance - amount),))
        self.state = {**self.state, place: changed}
        self.taken[name] += amount

    def look(self) -> None:
        for name in "ab" if not self.is_overdue else "":
            self.close(name, self.now)
        self.state = {place: balance.renewed(held, self.now) for place, held in self.state.items()}

    def claim(self) -> None:
        """The next invoice lays hands on what it is to show, a little before or after the time."""
        until = month(self.renewals + 1)
        if self.now < until - DAY_MS:
            return
        self.renewals += 1
        self.look()
        for name in "ab":
            # Within a day the end of the period is Stripe's.
            if self.period_end[name] <= until + DAY_MS:
                self.close(name, self.period_end[name])
        self.invoice += 1
        name = f"in_{self.invoice}"
        self.state = arrears.claimed(self.state, HELD, Ending(until), name)

    def show(self) -> None:
        """Every invoice that has hands on something shows it."""
        for name in sorted(arrears.claims(self.state)):
            found = arrears.of_invoice(self.state, Account(HELD, PLAN, SALE), name)
            shown = {one.group: one.quantity for one in found}
            self.billed += sum(shown.values(), ZERO)
            self.state = arrears.cleared(self.state, HELD, name, shown)

    def flip(self) -> None:
        """A payment fails, or is made."""
        self.look()
        self.is_overdue = not self.is_overdue
        held = HELD._replace(past_due=self.is_overdue)
        self.state = overdue.marked(self.state, [held], Catalog({}, {}), self.now)

    def give_up(self) -> None:
        for name in arrears.claims(self.state):
            self.state = arrears.cleared(self.state, HELD, name, {})


@settings(deadline=None, max_examples=150)
@given(STEPS, st.integers(0, 1))
def test_every_unit_is_billed_once_whatever_the_order(steps: Any, first: int) -> None:
    story = Story()
    for number, (what, amount) in enumerate(steps):
        if what == "wait":
            story.now += amount * DAY_MS
        elif what in ("use", "edit"):
            story.take(amount, "ab"[(number + first) % 2])
        else:
            {
                "claim": story.claim,
                "show": story.show,
                "too late": story.give_up,
                "look": story.look,
                "payment": story.flip,
            }[what]()
    if story.is_overdue:
        story.flip()
    story.now += 400 * DAY_MS
    story.look()
    while month(story.renewals + 1) <= story.now:
        story.claim()
    story.show()
    assert story.billed == story.owed
