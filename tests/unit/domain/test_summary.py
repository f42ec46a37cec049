"""What a customer and its entities see of a balance."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from orchard.domain.holding import Holding, Place, State
from orchard.domain.row import Row, cast
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.summary import Summary, seen, summary
from tests.unit.domain.rows import (
    START,
    a_row,
    carried,
    in_order,
    lifetime,
    metered,
    monthly,
    shown,
)

ALL, OF_A, OF_B = Place("words"), Place("words", "a"), Place("words", "b")
A, B = Subject("a"), Subject("b")
#: Fifty for each entity, of which the second used some.
EACH = monthly(50, id="each", plan_id="pro", entity_feature_id="seats")
SLICES: State = {
    ALL: Holding(in_order(EACH, lifetime(100, id="shared"))),
    OF_A: Holding((cast(EACH, "a"),)),
    OF_B: Holding((cast(EACH, "b")._replace(balance=Decimal(20)),)),
}


def view(state: State, subject: Subject = CUSTOMER) -> Summary:
    found = summary(seen(state, subject, "words"))
    assert found is not None
    return found


def figures(found: Summary) -> tuple[Decimal, Decimal, Decimal]:
    return found.granted, found.remaining, found.usage


def lines(found: Summary) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    return [(one.row.id, one.included, one.remaining, one.usage) for one in found.lines]


def test_a_customer_sees_a_row_of_each_entity_as_one_with_their_sums() -> None:
    found = view(SLICES)

    assert figures(found) == (200, 170, 30)
    assert lines(found) == [("each", 100, 70, 30), ("shared", 100, 100, 0)]


def test_an_entity_sees_its_slice_and_what_is_the_customers() -> None:
    assert figures(view(SLICES, A)) == (150, 150, 0)
    assert figures(view(SLICES, B)) == (150, 120, 30)
    assert lines(view(SLICES, B)) == [("each", 50, 20, 30), ("shared", 100, 100, 0)]


def test_an_entity_kept_apart_sees_only_what_is_its_own() -> None:
    assert figures(view(SLICES, Subject("b", pooled=False))) == (50, 20, 30)


def test_what_only_entities_can_use_counts_in_the_customers_totals_without_a_line() -> None:
    own = monthly(100, id="own", plan_id="team", entity_id="a", balance=80)
    state: State = {ALL: Holding((lifetime(50, id="shared"),)), OF_A: Holding((own,))}

    found = view(state)

    assert figures(found) == (150, 130, 20)
    assert lines(found) == [("shared", 50, 50, 0)]
    assert lines(view(state, A)) == [("own", 100, 80, 20), ("shared", 50, 50, 0)]
    assert lines(view(state, B)) == [("shared", 50, 50, 0)]
    assert found.next_reset_at == own.next_reset_at
    alone = view({OF_A: state[OF_A]})
    assert (figures(alone), alone.lines) == ((100, 80, 20), ())


def test_a_row_for_each_entity_is_there_before_any_entity_is() -> None:
    found = view({ALL: Holding((EACH,))})

    assert figures(found) == (0, 0, 0)
    assert lines(found) == [("each", 0, 0, 0)]


def test_nothing_granted_is_nothing_to_see() -> None:
    assert summary(seen({}, CUSTOMER, "words")) is None
    assert summary(seen(SLICES, CUSTOMER, "credits")) is None
    assert summary(seen({OF_A: SLICES[OF_A]}, B, "words")) is None


def test_what_one_row_owes_reduces_nothing_that_others_have_left() -> None:
    found = shown(in_order(metered(100, balance=-20), lifetime(50)))

    assert figures(found) == (150, 50, 120)


def test_rollovers_count_as_granted_and_as_used() -> None:
    rows = (
        monthly(100, balance=90, rollovers=(carried(20, START + 9, usage=Decimal(10)),)),
        monthly(5, id="second", rollovers=(carried(0, START + 5, usage=Decimal(3)),)),
    )

    found = shown(in_order(*rows))

    assert figures(found) == (138, 115, 23)
    assert found.rollovers is None


def test_an_unlimited_row_hides_the_others_and_shows_its_use() -> None:
    state: State = {
        ALL: Holding((a_row(0, id="free", unlimited=True, balance=-7, plan_id="pro"),)),
        OF_A: Holding((a_row(0, id="own", unlimited=True, balance=-5, entity_id="a"),)),
    }

    found = view(state)

    assert (found.unlimited, figures(found)) == (True, (0, 0, 12))
    assert [one.row.id for one in found.lines] == ["free"]
    assert figures(view(state, B)) == (0, 0, 7)


def test_flags_are_no_balance() -> None:
    assert summary(seen({ALL: Holding((a_row(boolean=True),))}, CUSTOMER, "words")) is None


@given(
    balances=st.lists(
        st.tuples(st.sampled_from([ALL, OF_A, OF_B]), st.integers(-9, 30), st.booleans()),
        max_size=6,
    )
)
def test_a_customer_sees_all_there_is_and_its_entities_see_it_in_parts(
    balances: list[tuple[Place, int, bool]],
) -> None:
    """What is shared is seen by all; the rest by the customer and by one entity."""
    rows: dict[Place, list[Row]] = {ALL: [], OF_A: [], OF_B: []}
    for number, (place, left, sliced) in enumerate(balances):
        each = "seats" if sliced and place.entity_id else None
        row = lifetime(20, id=f"r{number}", balance=left, plan_id="pro", entity_feature_id=each)
        rows[place].append(row._replace(entity_id=place.entity_id))
    state = {place: Holding(in_order(*found)) for place, found in rows.items()}

    def usage(subject: Subject) -> Decimal:
        found = summary(seen(state, subject, "words"))
        return Decimal(0) if found is None else found.usage

    shared = sum((row.usage for row in rows[ALL]), Decimal(0))
    assert usage(CUSTOMER) == usage(A) + usage(B) - shared
