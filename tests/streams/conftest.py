"""A customer to write the history of."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain import pool
from orchard.domain.customer import Customer
from orchard.domain.holding import Holding, Place
from orchard.domain.pool import Use
from orchard.domain.row import Row
from orchard.domain.scope import CUSTOMER
from orchard.store import balances, customers
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.stored import Owner, Stored
from tests.conftest import START, Clock, session_of

HOT, INTERNAL = "user_1", "cus_1"
OWNER = Owner(HOT, INTERNAL)


def row(granted: int | str = 100, **fields: Any) -> Row:
    given: dict[str, Any] = {"id": "cus_ent_1", "created_at": START} | fields
    return Row(**{"allowance": Decimal(granted), "balance": Decimal(granted), **given})


def grant(session: Session, feature_id: str, *rows: Row) -> None:
    last = session.stamp("grant")
    session.commit(balances.created(session, OWNER, Place(feature_id), Holding(rows), last))


def taken(stored: Stored, now: int, value: int | str) -> Holding:
    """What a balance holds after usage, decided on what was read."""
    wanted = Use(stored.feature_id, Decimal(value), {stored.feature_id: Decimal(1)})
    state = {stored.place: stored.current(now)}
    return pool.draw(state, CUSTOMER, wanted).state[stored.place]


def usage(session: Session, value: int | str, name: str = "messages", **details: Any) -> Item:
    """What a track of `value` leaves in the item it changes."""
    stamp = {"timestamp": session.now, "properties": "{}", **details}
    return session.stamp("track", "evt_", name=name, value=Decimal(value), **stamp)


def count(session: Session, value: int | str, feature_id: str = "messages", **details: Any) -> str:
    """Track by the bare counter; return the id of the event."""
    last = usage(session, value, feature_id, **details)
    balances.count(session, HOT, Place(feature_id), Decimal(value), last)
    return str(last["id"])


def at(session: Session, clock: Clock) -> Session:
    """The session of a later request."""
    return session_of(session.table, clock.now)


@pytest.fixture
def customer(session: Session) -> Customer:
    customer = Customer(INTERNAL, HOT, START)
    session.commit(*customers.creation(session, customer, (), session.stamp("create")))
    return customer
