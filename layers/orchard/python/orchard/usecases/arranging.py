"""Writing down how a customer's balances hang together after something about it changed."""

import json
from collections.abc import Mapping

from orchard.domain import arrangement, overdue
from orchard.domain.arrangement import Household
from orchard.domain.catalog import Catalog
from orchard.domain.holding import NOTHING, Holding, Place, State
from orchard.domain.row import Rows
from orchard.store import balances, customers
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.store.stored import Owner, Stored


def arranged(session: Session, known: Catalog, household: Household, state: State) -> State:
    """Return what all balances are to hold, given their rows."""
    marked = overdue.marked(state, household.plans, known, session.now)
    return arrangement.arranged(marked, household, known.systems, session.now)


def writes(
    session: Session,
    known: Catalog,
    household: Household,
    before: tuple[Stored, ...],
    state: State,
    *,
    last: Item,
    exact: bool = False,
) -> list[Write]:
    """Return the writes that lead from the balances as they were read to a new state.

    `state` holds the rows that are to be; what is not in it is as it was read. `exact` refuses them
    if anything was used meanwhile.
    """
    was = {one.place: one.current(session.now) for one in before}
    after = arranged(session, known, household, {**was, **state})
    sourced = arrangement.sourced(after)
    # What begins to have a part in uses must not be overlooked by one that is decided right now.
    began = not sourced <= arrangement.sourced(was)
    found: list[Write] = []
    for one in before:
        holding, sole = after[one.place], _still_sole(one, sourced)
        touched = began and _is_system(known, one.place)
        if touched or sole != one.sole_for or holding != was[one.place]:
            told = _told(was, holding, one.place, last)
            found.append(balances.settled(one, holding, told, exact=exact, sole_for=sole))
    return [*found, *_created(session, household, was, after, last)]


def _created(
    session: Session, household: Household, was: State, after: State, last: Item
) -> list[Write]:
    return [
        balances.created(
            session,
            _owner(household, place),
            place,
            after[place],
            _told(was, after[place], place, last),
        )
        for place in after.keys() - was.keys()
        if after[place] != NOTHING
    ]


def _told(was: Mapping[Place, Holding], holding: Holding, place: Place, last: Item) -> Item:
    """A change of how balances hang together is no change of this one that anybody asked for."""
    before = was.get(place, NOTHING)
    return last if _unmarked(holding) != _unmarked(before) else {**last, "silent": True}


def _unmarked(holding: Holding) -> Rows:
    """The rows without what follows from their plans alone, which the customer's line tells."""
    return tuple(row._replace(overdue=False) for row in holding.rows)


def _owner(household: Household, place: Place) -> Owner:
    owner = customers.owner_of(household.customer)
    if place.entity_id is None:
        return owner
    entity = next(one for one in household.entities if one.id == place.entity_id)
    return owner._replace(entity_internal_id=entity.internal_id)


def _still_sole(one: Stored, sourced: frozenset[str]) -> frozenset[str]:
    """What these credits still pay for alone, given all that now has a part in uses."""
    return frozenset(
        name for name in one.sole_for if not (set(json.loads(name)) - {one.feature_id}) & sourced
    )


def _is_system(known: Catalog, place: Place) -> bool:
    return any(place.feature_id in systems for systems in known.systems.values())
