"""Ten thousand customers with a million usage events, as the store writes them; always the same.

One of the customers is busy: a fifth of all events is its own, and a handful of them, far back, is
of a feature that it rarely uses.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from itertools import batched, chain

from orchard.domain import history, ids
from orchard.domain.entity import Entity
from orchard.domain.history import Figures, Point
from orchard.domain.holding import Holding, Place
from orchard.domain.invoice import Invoice, invoice_id
from orchard.domain.ledger import Change, UsageEvent
from orchard.domain.row import Row
from orchard.store import (
    balances,
    changes,
    customer_items,
    customer_plans,
    entities,
    invoices,
    ledger,
    pointers,
)
from orchard.store import history as stretches
from orchard.store.history import Owned, Stretch
from orchard.store.session import Session
from orchard.store.statements import Item, Put
from orchard.store.stored import Owner
from tests.bench import usage
from tests.bench.people import BUSY, CUSTOMERS, USUAL, Person, person

EVENTS, BUSY_EVENTS = 1_000_000, 200_000
FEATURES = {"messages": "Messages", "credits": "AI credits", "exports": "Exports"}
#: What the busy customer rarely uses: which of its events that are, the newest first.
RARE = "exports"
RARELY = (120_000, 150_000, 150_001, 187_000, 199_990)
_KEPT_DAYS = 400
_DAY = 86_400_000
_USED_OVER = 90 * _DAY
#: More than a graph reads.
_STRETCHES = 5_000
_CHANGES, _ENTITIES, _INVOICES = 500, 25, 36
_WRITERS, _AT_ONCE = 4, 2_000


def fill(session: Session, told: Callable[[int], None]) -> None:
    """Write all of it; `told` hears from time to time how many items there are."""
    people = [person(number, session.now) for number in range(CUSTOMERS)]
    written = 0
    items = chain(
        chain.from_iterable(_items(session, one) for one in people),
        _of_the_busy(session, people[BUSY]),
        _events(session, people),
    )
    with ThreadPoolExecutor(_WRITERS) as writers:
        for some in batched(items, _AT_ONCE * _WRITERS, strict=False):
            parts = [list(part) for part in batched(some, _AT_ONCE, strict=False)]
            list(writers.map(session.table.put_many, parts))
            written += len(some)
            told(written)
    for one in (people[BUSY], people[USUAL]):
        usage.fill(session, one.customer.internal_id, 90)


def _items(session: Session, one: Person) -> Iterator[Item]:
    """What makes up a customer: itself, what points at it, its plans and two balances."""
    last = session.stamp("create")
    yield {**customer_items.dump(session, one.customer, one.plans), "last": last}
    puts = [*pointers.claimed(session, one.customer)]
    puts += [customer_plans.put(session, one.customer, plan) for plan in one.plans]
    owner = Owner(one.customer.hot_id, one.customer.internal_id)
    for feature_id, granted in (("messages", 100_000), ("credits", 5_000)):
        holding = Holding((_row(one, feature_id, granted, session.now),))
        puts.append(balances.created(session, owner, Place(feature_id), holding, last))
    yield from (put.item for put in puts)


def _row(one: Person, feature_id: str, granted: int, now: int) -> Row:
    used = random.Random(f"{one.number} {feature_id}").randrange(granted)
    return Row(
        _row_id(one, feature_id),
        one.customer.created_at,
        plan_id=one.plans[0].plan_id if one.plans else None,
        customer_plan_id=one.plans[0].id if one.plans else None,
        allowance=Decimal(granted),
        balance=Decimal(granted - used),
        interval="month",
        next_reset_at=now + 12 * _DAY,
    )


def _row_id(one: Person, feature_id: str) -> str:
    return ids.derived("cus_ent_", one.customer.created_at, feature_id, str(one.number))


def _events(session: Session, people: list[Person]) -> Iterator[Item]:
    """The events of the busy customer, and those of the others, to each its share."""
    event = partial(_event, session)
    for place in range(BUSY_EVENTS):
        feature_id = RARE if place in RARELY else ("messages", "credits")[place % 5 == 0]
        yield event(people[BUSY], feature_id, place, BUSY_EVENTS)
    others = [one for one in people if one.number != BUSY]
    share, more = divmod(EVENTS - BUSY_EVENTS, len(others))
    for one in others:
        own = share + (one.number < more or (one.number == more and more > BUSY))
        for place in range(own):
            yield event(one, ("messages", "credits")[place % 5 == 0], place, own)


def _event(session: Session, one: Person, feature_id: str, place: int, of: int) -> Item:
    at = session.now - 1 - place * _USED_OVER // of
    left = Decimal(100_000 - place % 90_000)
    paid = {
        "balance_id": _row_id(one, feature_id),
        "feature_id": feature_id,
        "plan_id": "pro",
        "reset": {"interval": "month", "resets_at": session.now + 12 * _DAY},
        "value": Decimal(1),
    }
    totals = {"granted": Decimal(100_000), "usage": 100_000 - left}
    event = UsageEvent(
        id=ids.derived("evt_", at, str(one.number), str(place)),
        timestamp=at,
        name=feature_id,
        customer_id=one.customer.hot_id,
        internal_id=one.customer.internal_id,
        feature_id=feature_id,
        value=Decimal(1),
        properties=json.dumps({"model": f"m{place % 7}", "region": "eu-west-1"}),
        deductions=[paid],
        before={**totals, "remaining": left},
        after={**totals, "usage": totals["usage"] + 1, "remaining": left - 1},
        at=at,
        by="key:production",
        request_id=f"{one.number:08x}-{place:08x}",
    )
    return ledger.event_item(session.tenant, event, _KEPT_DAYS)


def _of_the_busy(session: Session, one: Person) -> Iterable[Item]:
    """What else the page of a customer shows that has been here for long."""
    return chain(
        _past(session, one), _changes(session, one), _seats(session, one), _bills(session, one)
    )


def _past(session: Session, one: Person) -> Iterator[Item]:
    """What the balance showed lately: each use is told by itself, as it comes by itself."""
    owned = Owned(session.tenant, one.customer.internal_id, "messages")
    for place in range(_STRETCHES):
        at = session.now - 1 - place * _USED_OVER // BUSY_EVENTS
        shown = Figures(history.LIMITED, Decimal(100_000), Decimal(place), Decimal(100_000 - place))
        points = (Point(at, BUSY_EVENTS - place, shown),)
        yield stretches.item(Stretch(owned, points), session.now // 1000 + _KEPT_DAYS * 86_400)


def change_id(now: int, place: int) -> str:
    """Return the id of one of the changes of the busy customer, the newest first."""
    return ids.derived("chg_", _changed_at(now, place), str(place))


def _changed_at(now: int, place: int) -> int:
    return now - 1 - place * _USED_OVER // _CHANGES


def _changes(session: Session, one: Person) -> Iterator[Item]:
    for place in range(_CHANGES):
        at = _changed_at(session.now, place)
        before, after = (_held(one, Decimal(left + place)) for left in (1_000, 1_005))
        change = Change(
            id=change_id(session.now, place),
            kind="edit",
            customer_id=one.customer.hot_id,
            internal_id=one.customer.internal_id,
            feature_id="messages",
            before=before,
            after=after,
            at=at,
            by="key:production",
            request_id=f"{place:08x}",
            reason="Given back what was counted twice",
            basis={"lines": 1},
        )
        yield changes.change_item(session.tenant, change, _KEPT_DAYS)


def _held(one: Person, left: Decimal) -> Item:
    return {"remaining": left, "sources": {_row_id(one, "messages"): {"balance": left}}}


def _seats(session: Session, one: Person) -> Iterator[Item]:
    for place in range(_ENTITIES):
        at = one.customer.created_at + place
        own_id = ids.derived("ent_", at, str(place))
        name = f"Workspace {place}"
        owner = one.customer.internal_id
        entity = Entity(f"workspace_{place}", own_id, owner, "seats", at, name)
        writes = entities.creation(session, one.customer, entity, session.stamp("create"))
        yield from (write.item for write in writes if isinstance(write, Put))


def _bills(session: Session, one: Person) -> Iterator[Item]:
    for place in range(_INVOICES):
        at, stripe_id = session.now - (1 + place) * 10 * _DAY, f"in_{place:024}"
        due = Decimal(20)
        bill = Invoice(
            invoice_id(at, stripe_id), stripe_id, at, "paid", "usd", due, due, due, due,
            number=f"BEE-{place:04}", plan_ids=("pro",), owner=one.customer.internal_id,
        )  # fmt: skip
        writes = invoices.stored(session, bill, None)
        yield from (write.item for write in writes if isinstance(write, Put))
