"""What one write did, told from the image before and after it."""

from decimal import Decimal

from orchard.domain import balance, ledger
from orchard.domain.holding import NOTHING, Holding
from orchard.domain.ledger import Image
from orchard.domain.row import PRICED, RolloverRule, Row, Rows, Withheld
from orchard.store import rows as stored
from tests.unit.domain.rows import (
    DAY,
    HERE,
    START,
    a_row,
    carried,
    in_order,
    lifetime,
    monthly,
    used,
)

NONE = Decimal(0)
OCTOBER = START + 30 * DAY


def image(rows: Rows, pending: int = 0, version: int = 1) -> Image:
    return Image(Holding(rows), Decimal(pending), version)


def paid(passage: ledger.Passage) -> list[tuple[str, Decimal]]:
    return [(one.balance_id, one.value) for one in passage.movements(HERE)]


def test_counting_is_told_by_what_became_pending() -> None:
    rows = in_order(monthly(5), lifetime(100))

    passage = ledger.passage(image(rows, 3), image(rows, 10), START)

    assert paid(passage) == [("monthly", 2), ("lifetime", 5)]
    assert not passage.was_renewed


def test_a_settlement_is_told_without_what_stays_pending() -> None:
    rows = (lifetime(100),)
    read = image(rows, 10)
    after = used(balance.settled(Holding(rows), read.pending).rows, 30).rows

    # Four more arrived between the read and the write.
    passage = ledger.passage(image(rows, 14), image(after, 4, version=2), START)

    assert paid(passage) == [("lifetime", 30)]
    assert [row.balance for row in passage.before.rows] == [86]
    assert [row.balance for row in passage.after.rows] == [56]


def test_what_time_did_is_kept_apart_from_the_write() -> None:
    rows = (monthly(100, balance=40),)
    renewed = balance.current(Holding(rows), NONE, OCTOBER).rows
    after = used(renewed, 7).rows

    passage = ledger.passage(image(rows), image(after, version=2), OCTOBER)

    assert passage.was_renewed
    assert [row.balance for row in passage.earlier.rows] == [40]
    assert [row.balance for row in passage.before.rows] == [100]
    assert paid(passage) == [("monthly", 7)]
    assert ledger.due_at(passage.earlier, OCTOBER + DAY) == OCTOBER


def test_time_that_changed_nothing_is_not_told() -> None:
    rows = (monthly(100, balance=40),)

    passage = ledger.passage(image(rows), image(rows, version=2), OCTOBER - 1)

    assert not passage.was_renewed
    assert ledger.due_at(passage.earlier, START) == START


def test_a_first_image_comes_from_nothing() -> None:
    passage = ledger.passage(None, image((lifetime(5),)), START)

    assert (passage.earlier, passage.before, passage.movements(HERE)) == (NOTHING, NOTHING, ())
    assert [row.id for row in passage.after.rows] == ["lifetime"]


def test_figures_count_rows_that_callers_no_longer_see() -> None:
    rows = in_order(lifetime(5, balance=0), monthly(100, balance=90, rollovers=(carried(3, None),)))

    assert ledger.figures(rows) == {"granted": 108, "remaining": 93, "usage": 15}
    assert ledger.figures(()) == {"granted": 0, "remaining": 0, "usage": 0}


def test_figures_of_an_unlimited_balance_count_its_usage() -> None:
    rows = in_order(a_row(0, id="free", unlimited=True, balance=-12), lifetime(5))

    assert ledger.figures(rows) == {"granted": 0, "remaining": 0, "usage": 12}


def test_a_change_holds_only_what_differs() -> None:
    before = in_order(monthly(100, balance=40), lifetime(7))
    after = (before[0]._replace(balance=Decimal(60)), before[1])

    was, now = ledger.changed_rows(before, after)

    assert was == {"remaining": 47, "usage": 60, "sources": {"monthly": {"balance": 40}}}
    assert now == {"remaining": 67, "usage": 40, "sources": {"monthly": {"balance": 60}}}
    assert ledger.changed_rows(before, before) == ({}, {})


def test_a_row_that_came_or_went_is_told_whole() -> None:
    row = monthly(100, balance=40, rollovers=(carried(3, None),))

    was, now = ledger.changed_rows((), (row,))
    gone, left = ledger.changed_rows((row,), ())

    assert "sources" not in was
    assert (now["sources"], left.get("sources")) == (gone["sources"], None)
    told = now["sources"]["monthly"]
    assert (told["allowance"], told["balance"], told["interval"]) == (100, 40, "month")
    assert told["rollovers"][0]["balance"] == 3


def test_a_row_is_made_again_from_the_little_that_is_told_of_it() -> None:
    plain = lifetime(9)
    rich = monthly(
        5,
        continuous=True,
        overage=PRICED,
        price={"amount": 2},
        rollover=RolloverRule(Decimal(3), None, 2),
        rollovers=(carried(2, OCTOBER),),
        withheld=(Withheld("chg_1", Decimal(1), START, OCTOBER),),
    )

    before, _after = ledger.changed_rows(in_order(plain, rich), ())

    told = before["sources"]
    assert [Row(**stored.fields(told[row.id])) for row in (plain, rich)] == [plain, rich]
    assert set(told["lifetime"]) == {"id", "created_at", "allowance", "balance"}


def test_fields_that_appear_or_vanish_differ() -> None:
    assert ledger.difference({"a": 1, "b": 2, "c": None}, {"b": 3, "d": 4}) == (
        {"a": 1, "b": 2},
        {"b": 3, "d": 4},
    )


def test_periods_are_the_hour_and_the_day_of_a_time() -> None:
    at = START + 5 * 3_600_000 + 1

    assert ledger.periods(at) == [("HOUR", at - 1), ("DAY", START)]
    assert ledger.periods(START) == [("HOUR", START), ("DAY", START)]
    assert ledger.periods(START - 1) == [("HOUR", START - 3_600_000), ("DAY", START - DAY)]
