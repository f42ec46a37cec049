"""Some busy days, and the many ways in which a stream may deliver what happened in them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from orchard.domain import edits, sources
from orchard.domain.customer import Customer
from orchard.domain.edits import Edit
from orchard.domain.holding import Holding, Place
from orchard.errors import Unavailable
from orchard.store import balances, customers, keys, moves
from orchard.store.history import Owned, figures
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.stored import Owner
from orchard.store.table import Table
from orchard.triggers import connection
from orchard.usecases import resets
from tests import harness
from tests.conftest import START, TENANT, session_of
from tests.streams import recording
from tests.streams.conftest import HOT, INTERNAL, count, grant, row, taken, usage
from tests.streams.recording import Record

DAY = 86_400_000
OTHER = Customer("cus_2", "other", START)


class Interrupted(Table):
    """A table that stops answering after some writes, and that refuses some calls for good."""

    left = 10**9
    refuses: Callable[[str, dict[str, Any]], bool] | None = None

    def _call(self, verb: str, **arguments: Any) -> Any:
        if self.refuses is not None and self.refuses(verb, arguments):
            raise ValueError(verb)
        if verb != "query":
            self.left -= 1
        if self.left < 0:
            raise Unavailable("The table did not answer")
        return super()._call(verb, **arguments)


def settle(session: Session, hot_id: str, value: int | str, feature_id: str = "messages") -> None:
    stored = balances.get(session, hot_id, Place(feature_id))
    assert stored is not None
    holding = taken(stored, session.now, value)
    session.commit(balances.settled(stored, holding, usage(session, value, feature_id)))


def live(session: Session) -> None:
    """Some busy days of two customers: tracks, refunds, an edit, resets, a move."""
    customer = Customer(INTERNAL, HOT, START)
    for one in (customer, OTHER):
        session.commit(*customers.creation(session, one, (), session.stamp("create")))
    daily = row(20, interval="day", next_reset_at=START + DAY)
    grant(session, "messages", daily, row(50, id="cus_ent_2"))
    grant(session, "words", row(10))
    owner, last = Owner("other", "cus_2"), session.stamp("grant")
    session.commit(balances.created(session, owner, Place("messages"), Holding((row(9),)), last))
    for hour in range(4):
        now = session_of(session.table, START + hour * 3_500_000)
        count(now, hour + 1)
        count(now, "0.5", timestamp=START - hour)
        settle(now, HOT, 7, "words")
        settle(now, "other", 3)
    settle(now, HOT, "-2.25")
    stored = balances.get(now, HOT, Place("messages"))
    assert stored is not None
    held = stored.current(now.now)
    edited = edits.edited(sources.of(held.rows, stored.place, held.controls), Edit(add=Decimal(30)))
    holding = held._replace(rows=tuple(source.row for source in edited))
    now.commit(balances.settled(stored, holding, now.stamp("edit")))
    later = session_of(session.table, START + DAY)
    settle(later, HOT, 21)
    resets.run(session.table, START + 2 * DAY, lambda found, work: ([*map(work, found)], 0))
    account = customers.require(later, HOT)
    later = session_of(session.table, START + 2 * DAY + 1000)
    moved = customer._replace(id="moved", version=2)
    later.commit(*moves.moved(later, account, moved, later.stamp("rename")))
    settle(later, "moved", 2)
    settle(later, "moved", 2, "words")


@contextmanager
def another(aws: Table, name: str) -> Iterator[Interrupted]:
    """A further table, which the consumer is connected to."""
    harness.create_table(aws.client, name)
    table = Interrupted(aws.client, name)
    connection.use(table)
    try:
        yield table
    finally:
        connection.forget()
        aws.client.delete_table(TableName=name)


def by_item(records: list[Record]) -> list[list[Record]]:
    items: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        place = record["dynamodb"]["Keys"]
        items[place["pk"]["S"], place["sk"]["S"]].append(record)
    return list(items.values())


def written(
    table: Table, internal_ids: Sequence[str] = (INTERNAL, OTHER.internal_id)
) -> list[Item]:
    """Return all lines, sums and what was shown when, but not whether a sum took a detour."""
    lines = [
        {name: value for name, value in item.items() if not name.startswith("passed over")}
        for internal_id in internal_ids
        for pk in (keys.ledger(TENANT, internal_id), keys.usage(TENANT, internal_id))
        for item in recording.partition(table, pk)
    ]
    told = sorted({int(line["at"]) + side for line in lines if "at" in line for side in (-1, 0)})
    shown = ({"shown": _shown(table, internal_id, told)} for internal_id in internal_ids)
    return [*lines, *shown]


def _shown(table: Table, internal_id: str, instants: Sequence[int]) -> list[Any]:
    """What balances showed right before and after whatever happened, and when entities ended."""
    found = recording.partition(table, keys.history(TENANT, internal_id))
    ends = [item for item in found if "points" not in item]
    places = sorted({(item["feature_id"], item["entity"]) for item in found if "points" in item})
    owned = [Owned(TENANT, internal_id, *place) for place in places]
    return [*ends, *((one, [*figures(table, one, instants)]) for one in owned)]


def lived(aws: Table) -> list[Record]:
    """Return the stream of a table in which some things happened."""
    with another(aws, "lived") as table:
        live(session_of(table, START))
        return recording.told(recording.records(table))


def plainly(aws: Table, history: list[Record]) -> list[Item]:
    """Return what is written when every record comes once and alone."""
    with another(aws, "expected") as table:
        for record in history:
            recording.deliver([record])
        return written(table)


@st.composite
def walks(draw: st.DrawFn, history: list[Record]) -> list[list[Record]]:
    """Batches in which each item's records first come in order, and any stretch may come again."""
    queues = [list(records) for records in by_item(history)]
    for queue in queues:
        for _again in range(draw(st.integers(0, 2))):
            end = draw(st.integers(1, len(queue)))
            start = draw(st.integers(0, end - 1))
            queue[end:end] = queue[start:end]
    delivered = []
    while queues:
        queue = queues[draw(st.integers(0, len(queues) - 1))]
        some = draw(st.integers(1, len(queue)))
        delivered += queue[:some]
        del queue[:some]
        queues = [one for one in queues if one]
    batches = []
    while delivered:
        size = draw(st.integers(1, 30))
        batches.append(delivered[:size])
        delivered = delivered[size:]
    return batches


def walked(choose: Random, history: Sequence[Record], longest: int = 30) -> list[list[Record]]:
    """Do as `walks`, by chance: batches in any order that keeps the order of each item."""
    queues = [_repeated(choose, one) for one in by_item(list(history))]
    delivered: list[Record] = []
    while queues:
        queue = choose.choice(queues)
        some = choose.randint(1, len(queue))
        delivered += queue[:some]
        del queue[:some]
        queues = [one for one in queues if one]
    batches = []
    while delivered:
        size = choose.randint(1, longest)
        batches.append(delivered[:size])
        delivered = delivered[size:]
    return batches


def _repeated(choose: Random, queue: list[Record]) -> list[Record]:
    """Records of one item with stretches of them coming again."""
    longer = list(queue)
    for _again in range(choose.randint(0, 2)):
        end = choose.randint(1, len(longer))
        longer[end:end] = longer[choose.randint(0, end - 1) : end]
    return longer
