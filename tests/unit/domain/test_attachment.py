"""The rows that attaching a plan gives, to the customer and to each of its entities."""

from decimal import Decimal

from orchard.domain import attachment
from orchard.domain.attachment import Attached, Terms
from orchard.domain.catalog import METERED, Feature, Plan, catalog
from orchard.domain.customer import CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import Controls, Holding, Place, State
from orchard.domain.renewal import renewed
from orchard.domain.row import RolloverRule, Row
from tests.unit.domain.rows import DAY, START, carried, held, lifetime, monthly

WORDS, OF_A, OF_B = Place("words"), Place("words", "a"), Place("words", "b")
PLAN = Plan("pro", 1, "Pro", START)
HELD = CustomerPlan("new", "pro", 1, START)


def entity(name: str, feature: str = "seats") -> Entity:
    return Entity(name, f"ent_{name}", "cus", feature, START)


def attached(*rows: Row, feature: str = "words") -> Attached:
    return Attached(PLAN, HELD, {feature: rows})


def test_attaching_adds_rows_in_order_and_leaves_controls_alone() -> None:
    controls = Controls(overage_allowed=True)
    state: State = {WORDS: Holding((lifetime(5),), controls), OF_A: Holding((lifetime(7),))}

    after = attachment.held_after(state, [attached(monthly(100))])

    assert [row.id for row in after[WORDS].rows] == ["monthly", "lifetime"]
    assert after[WORDS].controls == controls
    assert after[OF_A] == state[OF_A]


def test_rows_of_the_plan_that_ends_go_with_their_usage() -> None:
    ended = HELD._replace(id="old")
    gone = monthly(50, id="old", customer_plan_id="old", balance=3)
    state: State = {
        WORDS: Holding((gone, lifetime(5))),
        OF_A: Holding((gone._replace(entity_id="a"),)),
    }

    after = attachment.held_after(state, [attached(monthly(100))], ended=[ended])

    assert held(after[WORDS].rows) == {"monthly": 100, "lifetime": 5}
    assert after[OF_A].rows == ()


def test_the_plan_that_follows_takes_over_what_was_carried_over() -> None:
    rule = RolloverRule(Decimal(40), None, 1)
    ended = HELD._replace(id="old")
    gone = monthly(
        50,
        id="old",
        customer_plan_id="old",
        rollovers=(carried(30, START + DAY), carried(30, None)),
    )
    state: State = {WORDS: Holding((gone,))}

    (without,) = attachment.held_after(state, [attached(monthly(9))], ended=[ended])[WORDS].rows
    (heir,) = attachment.held_after(state, [attached(monthly(9, rollover=rule))], ended=[ended])[
        WORDS
    ].rows

    assert without.rollovers == ()
    # At most forty: the soonest to expire is cut.
    assert [one.balance for one in heir.rollovers] == [10, 30]


def test_a_row_for_each_entity_gives_a_slice_to_those_of_its_feature() -> None:
    mould = monthly(50, entity_feature_id="seats")
    entities = [entity("a"), entity("b"), entity("c", "rooms")]

    after = attachment.held_after({}, [attached(mould)], entities)

    assert set(after) == {WORDS, OF_A, OF_B}
    assert after[WORDS].rows == (mould,)
    (slice_,) = after[OF_A].rows
    assert (slice_.entity_id, slice_.balance, slice_.id) == ("a", 50, mould.id)
    assert (mould.is_mould, slice_.is_mould) == (True, False)
    assert (after[WORDS].own, after[OF_A].own) == ((), (slice_,))


def test_an_entity_that_joins_later_gets_a_full_slice_of_the_present_period() -> None:
    mould = monthly(50, entity_feature_id="seats")
    state: State = {
        WORDS: Holding(renewed((mould, lifetime(5)), START + 40 * DAY)),
        OF_A: Holding((mould._replace(entity_id="a", balance=Decimal(1)),)),
        Place("calls"): Holding((monthly(9, entity_feature_id="rooms"),)),
    }

    found = attachment.slices(state, entity("b"))

    assert list(found) == [OF_B]
    (row,) = found[OF_B]
    assert (row.balance, row.entity_id) == (50, "b")
    assert row.next_reset_at == state[WORDS].rows[0].next_reset_at
    assert row.next_reset_at == START + 61 * DAY


def test_a_plan_for_an_entity_gives_rows_to_it_alone() -> None:
    feature = Feature("words", "Words", METERED, consumable=True, created_at=1)
    item = {"feature_id": "words", "included": 7, "reset": {"interval": "month"}}
    plan = PLAN._replace(items=(item,))

    given = attachment.attach(catalog([feature], [plan]), plan, START, Terms(entity_id="a"))
    after = attachment.held_after({}, [given], [entity("a"), entity("b")])

    assert given.customer_plan.entity_id == "a"
    (row,) = after[OF_A].rows
    assert (row.entity_id, row.balance, row.plan_id) == ("a", 7, "pro")
    assert [place for place, holding in after.items() if holding.rows] == [OF_A]


def test_a_plan_of_what_counts_entities_begins_with_those_that_are_there() -> None:
    seats = Place("seats")

    after = attachment.held_after(
        {}, [attached(lifetime(5), feature="seats")], [entity("a"), entity("b"), entity("c", "r")]
    )

    assert held(after[seats].rows) == {"lifetime": 3}


def test_what_was_edited_above_its_grant_stays_when_a_plan_is_attached() -> None:
    """Usage below zero is no lack of usage: no entity counts as a unit of this feature."""
    state: State = {WORDS: Holding((lifetime(100, balance=150),))}

    after = attachment.held_after(state, [attached(monthly(10))], [entity("a")])

    assert held(after[WORDS].rows) == {"monthly": 10, "lifetime": 150}
