"""What is past its time is shown no more, though the table still holds it."""

import pytest

from orchard.domain import changes as kinds
from orchard.store import changes, keys, ledger
from orchard.store.ledger import Selection
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases import resets
from tests.builders import a_customer, a_feature
from tests.conftest import TENANT, Call, Clock
from tests.streams import recording
from tests.streams.conftest import HOT, INTERNAL, at, count, grant, row
from tests.streams.conftest import customer as customer  # noqa: PLC0414 - a fixture

DAYS = 400


@pytest.mark.parametrize("whose", [{"customer_id": HOT}, {}], ids=["a customer's", "everybody's"])
def test_an_event_is_listed_up_to_its_last_second(
    call: Call, table: Table, clock: Clock, whose: dict[str, str]
) -> None:
    a_feature(call, "messages")
    a_customer(call, HOT)
    for value in (1, 2):
        body = {"customer_id": HOT, "feature_id": "messages", "value": value}
        assert call("balances.track", body).status == 200
        clock.advance(seconds=1)
    recording.catch_up(table)

    def listed() -> list[int]:
        return [one["value"] for one in call("events.list", whose).body["list"]]

    clock.advance(days=DAYS, seconds=-3)
    assert listed() == [2, 1]
    clock.advance(seconds=1)
    assert listed() == [2]
    clock.advance(seconds=1)
    assert listed() == []


def test_a_reset_is_forgotten_and_what_somebody_did_is_not(
    session: Session, customer: object, clock: Clock
) -> None:
    del customer
    grant(session, "messages", row(20, interval="day", next_reset_at=clock.now + 86_400_000))
    clock.advance(days=2)
    resets.run(session.table, clock.now, lambda found, work: ([*map(work, found)], 0))
    recording.catch_up(session.table)

    def told() -> set[str]:
        found = changes.of_customer(at(session, clock), INTERNAL, Selection())
        return {line.kind for lines in found for line in lines}

    assert told() == {"create", "grant", kinds.RESET}
    clock.advance(days=DAYS)
    assert told() == {"create", "grant"}


def test_hours_are_forgotten_and_days_stay(
    session: Session, customer: object, clock: Clock
) -> None:
    del customer, clock
    grant(session, "messages", row())
    count(session, 3)
    recording.catch_up(session.table)

    sums = recording.partition(session.table, keys.usage(TENANT, INTERNAL))

    hour_end = session.now // 1000 + DAYS * 86_400
    assert {item["grain"]: item.get("ttl") for item in sums} == {"HOUR": hour_end, "DAY": None}
    (hour,) = [item for item in sums if "ttl" in item]
    assert ledger.is_kept(hour, session.now)
    assert not ledger.is_kept(hour, hour_end * 1000)
