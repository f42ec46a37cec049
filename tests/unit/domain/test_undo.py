"""Taking a change of balances back: as if it had never been made, whatever was used since."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchard.domain import changes, edits, ledger, recalculation, renewal, reversal, undo
from orchard.domain.arrangement import Household
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.edits import Edit
from orchard.domain.entity import Entity
from orchard.domain.holding import Controls, Holding, Place, SpendLimit
from orchard.domain.ledger import Change
from orchard.domain.quantity import total
from orchard.domain.reversal import NotUndoable
from orchard.domain.row import Row, Rows, Withheld, cast
from orchard.domain.undo import Line
from orchard.store import undone as written
from tests.unit.domain.rows import (
    DAY,
    HERE,
    START,
    a_row,
    carried,
    changed,
    held,
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


def test_usage_beyond_goes_to_overage_with_a_price() -> None:
    rows = in_order(monthly(100), metered(0, 100))
    after = edited(add=50)(rows)
    now = used(after, 130).rows

    assert held(taken_back(now, told(rows, after))) == {"monthly": 0, "metered": -30}


def test_overage_that_an_edit_caused_is_paid_from_what_comes_back() -> None:
    rows = in_order(monthly(100), metered(0, 100))
    after = edited(add=-50)(rows)
    now = used(after, 80).rows
    assert held(now) == {"monthly": 0, "metered": -30}

    assert held(taken_back(now, told(rows, after))) == {"monthly": 20, "metered": 0}


def test_overage_that_was_there_before_stays() -> None:
    # Billed already when the grant came.
    rows = in_order(metered(0, balance=-30), lifetime(100))
    after = edited(add=-50)(rows)
    assert held(after) == {"metered": -30, "lifetime": 50}

    assert held(taken_back(after, told(rows, after))) == {"metered": -30, "lifetime": 100}


def test_a_spend_limit_bounds_what_an_undo_charges() -> None:
    rows = in_order(monthly(100), metered(0, 100))
    after = edited(add=50)(rows)
    now = used(after, 130).rows
    limited = Controls(spend_limit=SpendLimit(Decimal(10)))

    undone = taken_back(now, told(rows, after), controls=limited)

    assert held(undone) == {"monthly": -20, "metered": -10}


def test_an_unlimited_row_bears_what_was_used_of_a_grant() -> None:
    rows = in_order(a_row(0, id="free", unlimited=True, balance=-5))
    after = granted(a_row(50, id="gift", created_at=START - 1))(rows)
    now = in_order(after[0], after[1]._replace(balance=Decimal(20)))

    assert held(taken_back(now, told(rows, after))) == {"free": -35}


def test_an_unlimited_grant_leaves_what_was_used_of_it_to_the_rest() -> None:
    rows = in_order(monthly(100))
    after = granted(a_row(0, id="free", unlimited=True))(rows)
    now = used(after, 120).rows

    undone = taken_back(now, told(rows, after))

    assert held(undone) == {"monthly": -20}
    assert held(taken_back(undone, told(now, undone))) == {"monthly": 100, "free": -120}


def test_what_was_carried_over_comes_back_with_a_row_unless_it_expired() -> None:
    row = monthly(100, rollovers=(carried(5, START + DAY), carried(7, None)))
    line = told((row,), ())

    (back,) = taken_back((), line, START + DAY)

    assert [one.balance for one in back.rollovers] == [7]
    assert back.next_reset_at == row.next_reset_at


def test_what_was_used_of_what_a_returned_row_carried_over_is_charged() -> None:
    row = monthly(100, rollovers=(carried(5, None),))
    now = used((row, lifetime(50)), 30).rows

    # The undo of a deletion brought the row; now that is undone.
    assert held(taken_back(now, told((lifetime(50),), in_order(row, lifetime(50))))) == {
        "lifetime": 20
    }


def test_what_is_withheld_of_a_grant_is_not_charged_to_others() -> None:
    rows = (lifetime(50),)
    gift = a_row(100, id="gift")
    line = told(rows, in_order(*rows, gift))
    kept = (Withheld("chg_2", Decimal(40), START, OCTOBER),)
    now = in_order(*rows, gift._replace(balance=Decimal(60), withheld=kept))

    assert held(taken_back(now, line)) == {"lifetime": 50}


@pytest.mark.parametrize(
    ("change", "since", "at", "sentence"),
    [
        (edited(add=5), lambda rows: renewal.renewed(rows, OCTOBER), OCTOBER, "was reset since"),
        (edited(add=5), lambda _rows: (), START, "is gone"),
        (removed("monthly"), lambda _rows: (monthly(1),), START, "is there again"),
        (removed("monthly"), lambda rows: rows, OCTOBER, "next_reset_at"),
        (
            granted(lifetime(9)),
            lambda rows: tuple(row._replace(adjustment=Decimal(1)) for row in rows),
            START,
            "edited since",
        ),
        (
            granted(lifetime(9)),
            lambda rows: tuple(
                row._replace(balance=row.balance + 1) for row in rows if row.id == "lifetime"
            ),
            START,
            "no other balance to go to",
        ),
    ],
)
def test_what_would_be_wrong_is_refused(
    change: Remaking, since: Remaking, at: int, sentence: str
) -> None:
    rows = (monthly(100),)
    after = change(rows)

    with pytest.raises(NotUndoable, match=sentence):
        taken_back(since(after), told(rows, after), at)


def test_a_date_goes_back_only_if_it_is_as_it_was_left_and_still_to_come() -> None:
    row = lifetime(5, expires_at=START + DAY)
    later = row._replace(expires_at=START + 9 * DAY)
    line = told((row,), (later,))

    assert taken_back((later,), line) == (row,)
    with pytest.raises(NotUndoable, match="has passed"):
        taken_back((later,), line, START + DAY)
    with pytest.raises(NotUndoable, match=r"expires_at of .* was changed again"):
        taken_back((later._replace(expires_at=OCTOBER),), line)


def test_a_row_whose_plan_ended_or_whose_id_is_another_ones_stays_away() -> None:
    row = lifetime(5, customer_plan_id="cus_prod_1", external_id="gift")
    line = told((row,), ())
    plan = CustomerPlan("cus_prod_1", "pro", 1, START)
    over = plan._replace(trial_ends_at=START)

    assert taken_back((), line, household=Household(CUSTOMER, (plan,))) == (row,)
    for plans in ((), (over,)):
        with pytest.raises(NotUndoable, match="has ended since"):
            taken_back((), line, household=Household(CUSTOMER, plans))
    other = lifetime(1, id="other", external_id="gift")
    with pytest.raises(NotUndoable, match="another balance gift"):
        taken_back((other,), line, household=Household(CUSTOMER, (plan,)))


SEAT = Place(HERE.feature_id, "e1")


def of_seat(*entities: Entity, **config: bool) -> Household:
    return Household(CUSTOMER._replace(config=config), (), entities)


@pytest.mark.parametrize(("apart", "shared", "own"), [(False, 70, 0), (True, 100, -30)])
def test_an_entity_falls_back_on_what_it_shares(
    apart: bool,  # noqa: FBT001 - a case
    shared: int,
    own: int,
) -> None:
    row = lifetime(40, id="own", entity_id="e1")
    after = row._replace(balance=Decimal(90))
    line = told((row,), (after,), SEAT)
    used_up = after._replace(balance=Decimal(20))
    state = {HERE: Holding((lifetime(100),)), SEAT: Holding((used_up,))}
    entity = Entity("e1", "ety_1", "cus_1", "seats", START)

    undone = undo.undone(state, [line], of_seat(entity, disable_pooled_balance=apart), START)

    assert held(undone[HERE].rows) == {"lifetime": shared}
    assert held(undone[SEAT].rows) == {"own": own}


def test_what_an_entity_had_is_not_given_to_one_that_came_later() -> None:
    mould = monthly(10, entity_feature_id="seats")
    row = cast(mould, "e1")
    line = told((row,), (row._replace(balance=Decimal(20)),), SEAT)
    state = {HERE: Holding((mould,)), SEAT: Holding((row._replace(balance=Decimal(20)),))}
    anew = Entity("e1", "ety_2", "cus_1", "seats", START + 1)

    for household in (ALONE, of_seat(anew)):
        with pytest.raises(NotUndoable, match="Entity e1 was deleted"):
            undo.undone(state, [line], household, START)


def test_rows_for_each_entity_come_back_with_the_slices_of_those_that_came_since() -> None:
    mould = monthly(10, entity_feature_id="seats")
    first = cast(mould, "e1")._replace(balance=Decimal(4))
    lines = [told((mould,), ()), told((first,), (), SEAT)]
    entities = [Entity(name, "ety", "cus_1", "seats", START) for name in ("e1", "e2")]

    undone = undo.undone({}, lines, of_seat(*entities), START)

    assert undone[HERE].rows == (mould,)
    assert held(undone[SEAT].rows) == {"monthly": 4}
    assert held(undone[Place(HERE.feature_id, "e2")].rows) == {"monthly": 10}


def test_dates_of_slices_go_back_together() -> None:
    mould = monthly(10, entity_feature_id="seats")
    sooner = mould._replace(next_reset_at=START + DAY)
    lines = [
        told((mould,), (sooner,)),
        told((cast(mould, "e1"),), (cast(sooner, "e1"),), SEAT),
    ]
    since, other = Place(HERE.feature_id, "e2"), Place(HERE.feature_id, "e3")
    state = {
        HERE: Holding((sooner,)),
        SEAT: Holding((cast(sooner, "e1"),)),
        since: Holding((cast(sooner, "e2"),)),
        other: Holding((lifetime(5, entity_id="e3"),)),
    }
    entities = [Entity(name, "ety", "cus_1", "seats", START) for name in ("e1", "e2", "e3")]

    undone = undo.undone(state, lines, of_seat(*entities), START)

    dates = {row.next_reset_at for held in undone.values() for row in held.rows}
    assert dates == {mould.next_reset_at, None}


def test_a_customer_goes_back_field_by_field_and_entry_by_entry() -> None:
    now = CUSTOMER._replace(name="Eve", metadata={"a": 2, "b": 3, "c": 4}, email="e@x.org")
    before = {"name": "Ada", "metadata": {"a": 1, "c": 4}}
    after = {"name": "Eve", "metadata": {"a": 2, "b": 3, "c": 5}}

    with pytest.raises(NotUndoable, match=r"metadata\.c was changed again"):
        reversal.customer_back(now, before, after)
    with pytest.raises(NotUndoable, match="name was changed again"):
        reversal.customer_back(now._replace(name="Zoe"), before, after)
    with pytest.raises(NotUndoable, match="neither an id nor an email"):
        reversal.customer_back(now._replace(email=None), {"id": None}, {"id": "user_1"})
    back = reversal.customer_back(
        now, {"metadata": {"a": 1}, "id": None}, {"metadata": {"a": 2, "b": 3}, "id": "user_1"}
    )
    assert (back.id, back.name, back.metadata) == (None, "Eve", {"a": 1, "c": 4})


def test_every_kind_that_is_not_undone_says_what_to_do_instead() -> None:
    for kind, action in changes.ACTIONS.items():
        if not changes.is_undoable(kind) and action != "customers.delete":
            instead = str(reversal.refusal(kind, action))
            assert "use " in instead
