"""How much an edit grants, and which grants somebody may make without asking."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchard.domain import edits, overrides, pool, renewal, support_caps
from orchard.domain.edits import Edit, Selection
from orchard.domain.granted import Granted, granted
from orchard.domain.holding import Holding, Place, State
from orchard.domain.interval import DAY_MS
from orchard.domain.overrides import Term
from orchard.domain.quantity import total
from orchard.domain.row import NO_OVERAGE, PRICED, Row
from orchard.domain.scope import CUSTOMER
from orchard.domain.sources import ONE
from orchard.domain.support_caps import Caps, Grant

NOW = 1_788_220_800_000
HERE = Place("messages")
AMOUNTS = st.integers(-200, 200).map(Decimal)


def a_row(name: str = "a", balance: int = 40, **more: object) -> Row:
    given_: dict[str, object] = {
        "allowance": Decimal(100),
        "interval": "month",
        "next_reset_at": NOW + 10 * DAY_MS,
    }
    fields = {**given_, "balance": Decimal(balance), **more}
    return Row(id=name, created_at=NOW - DAY_MS, **fields)  # type: ignore[arg-type]  # by name


def of(*rows: Row) -> State:
    return {HERE: Holding(rows)}


def after(state: State, edit: Edit, ends_at: int | None = None) -> State:
    sources = pool.candidates(state, CUSTOMER, {"messages": ONE})
    if ends_at is not None:
        term = Term("chg_1", NOW, ends_at)
        return overrides.edited(state, CUSTOMER, "messages", Selection(), edit, term=term)
    changed = {one.row.id: one for one in edits.edited(sources, edit)}
    return pool.regrouped(state, sources, tuple(changed.get(one.row.id, one) for one in sources))


def of_edit(state: State, edit: Edit, ends_at: int | None = None) -> Granted:
    return granted(state, after(state, edit, ends_at), NOW)


def left(state: State) -> Decimal:
    return total(row.balance for row in state[HERE].rows)


ROWS = st.lists(
    st.builds(
        lambda balance, overage, ends: (balance, overage, ends),
        st.integers(-100, 150),
        st.sampled_from([NO_OVERAGE, PRICED]),
        st.sampled_from([None, NOW + DAY_MS]),
    ),
    min_size=1,
    max_size=3,
).map(
    lambda found: of(
        *(
            a_row(f"row_{number}", balance, overage=overage, expires_at=ends)
            for number, (balance, overage, ends) in enumerate(found)
        )
    )
)
EDITS = st.one_of(
    AMOUNTS.map(lambda amount: Edit(add=amount)),
    AMOUNTS.map(lambda amount: Edit(remaining=amount)),
    AMOUNTS.map(lambda amount: Edit(usage=amount)),
)


@settings(max_examples=60)
@given(state=ROWS, first=EDITS, second=EDITS)
def test_what_is_left_more_is_granted_and_two_steps_grant_no_less_than_one(
    state: State, first: Edit, second: Edit
) -> None:
    between = after(state, first)
    last = after(between, second)
    steps = [granted(state, between, NOW), granted(between, last, NOW)]

    assert steps[0].units == max(Decimal(0), left(between) - left(state))
    assert total(one.units for one in steps) >= granted(state, last, NOW).units


@settings(max_examples=40)
@given(state=ROWS, used=st.integers(0, 200).map(Decimal), earlier=st.integers(1, 9))
def test_whatever_is_used_until_then_an_earlier_reset_gives_no_more_than_counts(
    state: State, used: Decimal, earlier: int
) -> None:
    at = NOW + (10 - earlier) * DAY_MS
    moved = after(state, Edit(next_reset_at=at))
    used = min(used, total(row.held for row in state[HERE].rows))
    with_it, without = (
        {HERE: Holding(renewal.renewed(after(one, Edit(add=-used))[HERE].rows, at))}
        for one in (moved, state)
    )

    assert left(with_it) - left(without) <= granted(state, moved, NOW).units


def test_what_lowers_or_comes_later_grants_nothing() -> None:
    state = of(a_row(expires_at=NOW + 30 * DAY_MS))
    for edit in (
        Edit(add=Decimal(-10)),
        Edit(remaining=Decimal(5)),
        Edit(usage=Decimal(90)),
        Edit(next_reset_at=NOW + 11 * DAY_MS),
        Edit(expires_at=NOW + 20 * DAY_MS),
        Edit(included_grant=Decimal(500)),
    ):
        assert of_edit(state, edit).is_nothing
    assert of_edit(state, Edit(add=Decimal(-10)), NOW + DAY_MS).is_nothing


def test_units_are_what_is_added_forgiven_kept_for_longer_and_reset_earlier() -> None:
    overdrawn = of(a_row(balance=-30))
    ending = of(a_row(balance=25, next_reset_at=None, expires_at=NOW + DAY_MS))

    assert of_edit(overdrawn, Edit(remaining=Decimal(0))).units == 30
    assert of_edit(ending, Edit(expires_at=NOW + 2 * DAY_MS)).units == 25
    assert of_edit(ending, Edit(add=Decimal(5), expires_at=NOW + 2 * DAY_MS)).units == 30
    assert of_edit(of(a_row()), Edit(add=Decimal(7)), NOW + DAY_MS).units == 7
    assert of_edit(of(a_row()), Edit(next_reset_at=NOW + DAY_MS)).units == 100
    assert of_edit(overdrawn, Edit(next_reset_at=NOW + DAY_MS)).units == 130
    assert of_edit(of(a_row()), Edit(next_reset_at=NOW - 1)).units == 60
    billed = of(a_row(balance=-30, overage=PRICED, billed=True))
    assert of_edit(billed, Edit(next_reset_at=NOW - 1)).units == 100


def test_what_is_unlimited_a_flag_or_comes_again_is_more_than_any_number() -> None:
    nothing: State = {HERE: Holding()}
    lifetime: dict[str, Any] = {"next_reset_at": None, "interval": "one_off"}
    for row in (
        a_row(unlimited=True, **lifetime),
        a_row(boolean=True, **lifetime),
        a_row(),
        a_row(expires_at=NOW + 11 * DAY_MS),
    ):
        assert granted(nothing, of(row), NOW).unbounded
    assert granted(nothing, of(a_row(**lifetime)), NOW) == Granted(Decimal(40))
    once = a_row(expires_at=NOW + 10 * DAY_MS)
    assert granted(nothing, of(once), NOW) == Granted(Decimal(40))
    assert of_edit(of(once), Edit(expires_at=NOW + 11 * DAY_MS)).unbounded


def test_a_cap_is_for_a_day_that_moves_along() -> None:
    grants = support_caps.counted({}, "first", Decimal(30), NOW)
    cap = Caps(by_feature={"messages": Decimal(50)}).of("messages")

    def within(units: int, now: int, key: str = "second") -> bool:
        return support_caps.is_within(cap, grants, Granted(Decimal(units)), now, key)

    assert Caps().of("messages") == 0
    assert within(20, NOW + DAY_MS - 1)
    assert not within(21, NOW + DAY_MS - 1)
    assert within(50, NOW + DAY_MS)
    assert within(50, NOW, key="first")
    assert not support_caps.is_within(cap, {}, Granted(unbounded=True), NOW)
    assert support_caps.is_within(Decimal(0), grants, Granted(), NOW)
    many = {str(number): Grant(NOW, Decimal("0.01")) for number in range(100)}
    assert not support_caps.is_within(cap, many, Granted(Decimal("0.01")), NOW)


@settings(max_examples=40)
@given(st.lists(st.booleans(), max_size=6))
def test_a_grant_counts_until_every_attempt_at_it_was_refused(refusals: list[bool]) -> None:
    grants = support_caps.NONE
    for _ in refusals:
        grants = support_caps.counted(grants, "form", Decimal(5), NOW)
    for refused in refusals:
        if refused:
            grants = support_caps.taken_back(grants, "form", NOW)

    assert support_caps.spent(grants, NOW) == (0 if all(refusals) else 5)
