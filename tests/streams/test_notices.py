"""What the stream's consumer tells on the event bus."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest

from orchard.domain.customer import Customer
from orchard.domain.holding import Alert, Controls, Holding, Place, UsageLimit
from orchard.domain.row import Row
from orchard.errors import Unavailable
from orchard.gateways import aws
from orchard.store import balances, customers, keys
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.stored import Owner
from tests.conftest import START, TENANT, Clock, session_of
from tests.streams import recording

HOT, INTERNAL, BUS = "user_1", "cus_1", "orchard-tests"
OWNER, MESSAGES = Owner(HOT, INTERNAL), Place("messages")
DAY = 86_400_000
ALERT, LIMIT = "balances.usage_alert_triggered", "balances.limit_reached"
HALF = Alert(Decimal(500), "usage", "half")
MOST = Alert(Decimal(80), "usage_percentage")

type Told = list[tuple[str, dict[str, Any]]]


class Bus:
    """An event bus, and what was put on it: read from the requests, as no rule delivers here."""

    def __init__(self) -> None:
        self.client = boto3.client("events")
        self.put: list[dict[str, Any]] = []
        self.open()

    def open(self) -> None:
        self.client.create_event_bus(Name=BUS)

    def close(self) -> None:
        self.client.delete_event_bus(Name=BUS)

    def hear(self, params: dict[str, Any], **_rest: Any) -> None:
        """Note the entries of a request that is about to be sent."""
        self.put += params["Entries"]

    def heard(self) -> list[dict[str, Any]]:
        """Return what was put on the bus since the last time."""
        entries, self.put = self.put, []
        return entries


@pytest.fixture
def bus(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    customer = Customer(INTERNAL, HOT, START)
    session.commit(*customers.creation(session, customer, (), session.stamp("create")))
    monkeypatch.setenv("EVENT_BUS_NAME", BUS)
    bus, requests = Bus(), "before-parameter-build.events.PutEvents"
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register(requests, bus.hear)
    aws.forget()
    yield bus
    boto3.DEFAULT_SESSION.events.unregister(requests, bus.hear)
    bus.close()
    aws.forget()


def row(granted: int = 1000, **fields: Any) -> Row:
    given: dict[str, Any] = {"id": "cus_ent_1", "created_at": START} | fields
    return Row(**{"allowance": Decimal(granted), "balance": Decimal(granted), **given})


def grant(
    session: Session, controls: Controls, *rows: Row, place: Place = MESSAGES, owner: Owner = OWNER
) -> None:
    holding = Holding(rows or (row(),), controls)
    session.commit(balances.created(session, owner, place, holding, session.stamp("grant")))


def usage(session: Session, value: int | str, **details: Any) -> Item:
    given = {"timestamp": session.now, "properties": "{}", "name": "messages", **details}
    return session.stamp("track", "evt_", value=Decimal(value), **given)


def count(session: Session, value: int | str, place: Place = MESSAGES, **details: Any) -> None:
    balances.count(session, HOT, place, Decimal(value), usage(session, value, **details))


def told(bus: Bus, session: Session) -> Told:
    recording.catch_up(session.table)
    return [(entry["DetailType"], json.loads(entry["Detail"])) for entry in bus.heard()]


def thresholds(found: Told) -> list[Any]:
    return [one["usage_alert"]["threshold"] for kind, one in found if kind == ALERT]


def test_an_alert_that_usage_crosses_is_told_with_whose_it_is(session: Session, bus: Bus) -> None:
    grant(session, Controls(alerts=(HALF, MOST)))
    count(session, 600)

    recording.catch_up(session.table)

    (entry,) = bus.heard()
    assert (entry["Source"], entry["DetailType"]) == ("orchard", ALERT)
    assert entry["Time"].timestamp() * 1000 == START
    detail = json.loads(entry["Detail"])
    assert detail.pop("id").startswith("ntc_")
    assert detail == {
        "organization": "org",
        "environment": "sandbox",
        "customer_id": HOT,
        "feature_id": "messages",
        "usage_alert": {"name": "half", "threshold": 500, "threshold_type": "usage"},
    }


def test_each_alert_is_told_once(session: Session, bus: Bus) -> None:
    grant(session, Controls(alerts=(HALF, MOST)))
    for value in (600, 300, 50):
        count(session, value)

    found = told(bus, session)

    assert thresholds(found) == [500, 80]
    assert len({detail["id"] for _kind, detail in found}) == 2


def test_a_record_that_comes_again_tells_the_same_under_the_same_id(
    session: Session, bus: Bus
) -> None:
    grant(session, Controls(alerts=(HALF,)), row(600))
    count(session, 600)

    first, again = told(bus, session), told(bus, session)

    assert [kind for kind, _detail in first] == [ALERT, LIMIT]
    assert first == again


def test_using_up_a_balance_is_told_once(session: Session, bus: Bus) -> None:
    grant(session, Controls(), row(100))
    count(session, 100)
    stored = balances.get(session, HOT, MESSAGES)
    assert stored is not None
    session.commit(balances.noted(stored, usage(session, 50)))

    ((kind, detail),) = told(bus, session)

    assert kind == LIMIT
    assert detail["limit_type"] == "included"
    assert "filter" not in detail
    assert "entity_id" not in detail


def test_a_balance_that_another_one_backs_has_not_reached_its_limit(
    session: Session, bus: Bus
) -> None:
    window = UsageLimit(Decimal(100), "day", resets_at=START + DAY)
    grant(session, Controls(), row(100))
    grant(session, Controls(usage_limits=(window,)), row(100), place=Place("words"))
    count(session, 100, goes_on=True)
    count(session, 100, Place("words"), goes_on=True)

    # A usage limit stops the feature whoever pays.
    assert [
        (detail["feature_id"], detail["limit_type"]) for _kind, detail in told(bus, session)
    ] == [("words", "usage_limit")]


def test_an_entity_is_named_where_the_balance_is_its_own(session: Session, bus: Bus) -> None:
    ada = Place("messages", "ada")
    grant(session, Controls(alerts=(HALF,)), place=ada, owner=Owner(HOT, INTERNAL, "ety_1"))
    grant(session, Controls(alerts=(HALF,)))
    count(session, 500, ada)
    count(session, 500)

    found = told(bus, session)

    assert [detail.get("entity_id") for _kind, detail in found] == ["ada", None]
    assert len({detail["id"] for _kind, detail in found}) == 2


def test_a_limit_for_some_events_says_for_which(session: Session, bus: Bus) -> None:
    window = UsageLimit(Decimal(5), "day", (("model", "large"),), resets_at=START + DAY)
    grant(session, Controls(usage_limits=(window,)))
    stored = balances.get(session, HOT, MESSAGES)
    assert stored is not None
    shut = Controls(usage_limits=(window._replace(used=Decimal(5)),))
    holding = Holding((row(balance=Decimal(995)),), shut)
    session.commit(balances.settled(stored, holding, usage(session, 5)))

    ((kind, detail),) = told(bus, session)

    assert (kind, detail["limit_type"]) == (LIMIT, "usage_limit")
    assert detail["filter"] == {"properties": {"model": "large"}}


def test_usage_after_a_reset_crosses_the_alert_again(
    session: Session, clock: Clock, bus: Bus
) -> None:
    monthly = row(interval="month", next_reset_at=START + DAY)
    grant(session, Controls(alerts=(HALF,)), monthly)
    count(session, 900)
    clock.advance(days=2)
    later = session_of(session.table, clock.now)
    stored = balances.get(later, HOT, MESSAGES)
    assert stored is not None
    holding = stored.current(later.now)
    used = holding.rows[0]._replace(balance=Decimal(400))
    later.commit(balances.settled(stored, holding._replace(rows=(used,)), usage(later, 600)))

    assert thresholds(told(bus, later)) == [500, 500]


def test_a_bus_that_does_not_answer_keeps_no_line_from_the_ledger(
    session: Session, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant(session, Controls(alerts=(HALF,)))
    count(session, 600)
    monkeypatch.setattr(aws, "pause", lambda _seconds: None)
    bus.close()

    with pytest.raises(Unavailable):
        recording.catch_up(session.table)
    kept = recording.partition(session.table, keys.ledger(TENANT, INTERNAL))
    bus.open()
    bus.heard()

    assert [item["value"] for item in kept if item["sk"].startswith(keys.EVENTS)] == [600]
    assert thresholds(told(bus, session)) == [500]
    assert len(recording.partition(session.table, keys.ledger(TENANT, INTERNAL))) == len(kept)
