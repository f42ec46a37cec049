"""Taking a change of balances back: as if it had never been made, whatever was used since."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from orchard.domain import edits, ledger, recalculation, undo
from orchard.domain.arrangement import Household
from orchard.domain.customer import Customer
from orchard.domain.edits import Edit
from orchard.domain.holding import Controls, Holding, Place
from orchard.domain.ledger import Change
from orchard.domain.quantity import total
from orchard.domain.reversal import NotUndoable
from orchard.domain.row import Row, Rows
from orchard.domain.undo import Line
from orchard.store import undone as written
from tests.unit.domain.rows import (
    DAY,
    HERE,
    START,
    changed,
    in_order,
    lifetime,
    metered,
    monthly,
    of,
    rows_of,
    used,
)

CUSTOMER = Customer("cus_1", "user_1", START)
ALONE = Household(CUSTOMER, ())
OCTOBER = START + 30 * DAY
type Remaking = Callable[[Rows], Rows]


def told(before: Rows, after: Rows, place: Place = HERE, at: int = START) -> Line:
    """What the ledger says of a change, in the form in which an undo reads it."""
    was, now = ledger.changed_rows(before, after)
    change = Change(
        id="chg_1",
        kind="edit",
        customer_id="user_1",
        internal_id="cus_1",
        feature_id=place.feature_id,
        before=was,
        after=now,
        at=at,
        by="key:tests",
        request_id="request",
        entity_id=place.entity_id,
        basis=ledger.basis(before, after),
    )
    (found,) = written.balance_lines([change])
    return found


def taken_back(
    rows: Rows,
    change: Line,
    now: int = START,
    household: Household = ALONE,
    controls: Controls | None = None,
) -> Rows:
    holding = Holding(rows) if controls is None else Holding(rows, controls)
    return undo.undone({HERE: holding}, [change], household, now)[HERE].rows


def edited(**fields: Any) -> Remaking:
    amounts: dict[str, Any] = {name: Decimal(value) for name, value in fields.items()}
    edit = Edit(**amounts)
    return lambda rows: changed(rows, lambda sources: edits.edited(sources, edit))


def regranted(remaining: int) -> Remaking:
    return lambda rows: changed(rows, lambda one: edits.regranted(one, Decimal(remaining)))


def levelled(rows: Rows) -> Rows:
    return changed(rows, recalculation.levelled)


def granted(row: Row) -> Remaking:
    return lambda rows: in_order(*rows, row)


def removed(row_id: str, *, recalculate: bool = False) -> Remaking:
    def remove(rows: Rows) -> Rows:
        gone = of(tuple(row for row in rows if row.id == row_id))
        left = tuple(row for row in rows if row.id != row_id)
        if not recalculate or total(source.row.consumed for source in gone) <= 0:
            return left
        if not left:
            return rows_of(recalculation.carrier(gone))
        return changed(left, lambda survivors: recalculation.charged(survivors, gone))

    return remove


def balances(rows: Rows) -> Decimal:
    return total(row.balance + row.carried for row in rows)


AMOUNTS = st.integers(-60, 90)
CHANGES = st.one_of(
    st.builds(lambda value: edited(add=value), AMOUNTS),
    st.builds(lambda value: edited(remaining=value), AMOUNTS),
    st.builds(lambda value: edited(usage=value), AMOUNTS),
    st.builds(lambda value: edited(included_grant=value), st.integers(0, 90)),
    st.builds(regranted, AMOUNTS),
    st.builds(lambda value: granted(lifetime(value, id="new")), st.integers(0, 90)),
    st.builds(
        removed, st.sampled_from(["monthly", "lifetime", "metered"]), recalculate=st.booleans()
    ),
)
SOURCES = st.lists(
    st.one_of(
        st.builds(monthly, st.integers(0, 60)),
        st.builds(lifetime, st.integers(0, 60)),
        st.builds(metered, st.integers(0, 60), st.none() | st.integers(0, 40)),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda row: row.id,
).map(lambda rows: in_order(*rows))
USES = st.lists(st.integers(-30, 60), max_size=6)
#: Refunds go to what is overdrawn first, so that there their order matters.
NO_REFUNDS = st.lists(st.integers(0, 60), max_size=6)


def after_uses(rows: Rows, uses: list[Decimal]) -> tuple[Rows, list[Decimal]]:
    """Rows after some uses, and how much of each found its place."""
    placed = []
    for value in uses:
        taken = used(rows, value)
        rows = taken.rows
        placed.append(value - taken.left if value > 0 else value + taken.left)
    return rows, placed


def decimals(values: list[int]) -> list[Decimal]:
    return [Decimal(value) for value in values]


@given(given_rows=SOURCES, earlier=USES, change=CHANGES, since=USES)
def test_usage_counts_as_if_the_change_had_never_been_made(
    given_rows: Rows, earlier: list[int], change: Remaking, since: list[int]
) -> None:
    rows, _ = after_uses(given_rows, decimals(earlier))
    after = change(rows)
    assume(after != rows)
    line = told(rows, after)
    now, placed = after_uses(after, decimals(since))
    without, fitted = after_uses(rows, placed)

    undone = taken_back(now, line)

    assert balances(undone) == balances(now) - balances(after) + balances(rows)
    if fitted == placed:
        assert ledger.figures(undone) == ledger.figures(without)


@given(given_rows=SOURCES, earlier=USES, change=CHANGES, since=USES, later=NO_REFUNDS)
def test_an_undo_that_is_undone_leaves_the_change(
    given_rows: Rows, earlier: list[int], change: Remaking, since: list[int], later: list[int]
) -> None:
    rows, _ = after_uses(given_rows, decimals(earlier))
    after = change(rows)
    assume(after != rows)
    now, _ = after_uses(after, decimals(since))
    undone = taken_back(now, told(rows, after))

    assert taken_back(undone, told(now, undone)) == now
    # And so it does when more was used in between.
    more, placed = after_uses(undone, decimals(later))
    again = taken_back(more, told(now, undone))
    without, fitted = after_uses(now, placed)
    assert balances(again) == balances(now) - total(placed)
    if fitted == placed:
        assert ledger.figures(again) == ledger.figures(without)


@given(given_rows=SOURCES, first=CHANGES, second=CHANGES, since=USES)
def test_one_change_goes_back_and_a_later_one_stays(
    given_rows: Rows, first: Remaking, second: Remaking, since: list[int]
) -> None:
    after = first(given_rows)
    assume(after != given_rows and after)
    later = second(after)
    assume(len({row.id for row in later}) == len(later))
    now, _ = after_uses(later, decimals(since))

    try:
        undone = taken_back(now, told(given_rows, after))
    except NotUndoable:
        return
    assert balances(undone) == balances(now) - balances(after) + balances(given_rows)
