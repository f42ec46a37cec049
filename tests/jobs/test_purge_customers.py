"""The job that removes what is left of deleted customers."""

from typing import Any

import pytest

from orchard.domain.customer import Customer
from orchard.domain.holding import NOTHING, Place
from orchard.domain.ledger import Change
from orchard.store import balances, changes, due, keys, parked
from orchard.store.due import Deletion
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Put
from orchard.store.stored import Owner
from orchard.store.table import Table
from orchard.usecases import purging
from tests.conftest import START, TENANT, Clock, session_of
from tests.jobs.conftest import Job
from tests.streams import recording

HOURS_25 = 25 * 3_600_000


def partitions(internal_id: str) -> list[str]:
    names = (keys.ledger, keys.usage, keys.invoices)
    return [name(TENANT, internal_id) for name in names]


def fill(table: Table, internal_id: str, lines: int = 3) -> None:
    """Leave some history of a customer."""
    invoice = {"status": "paid", "stripe_id": "in_1", "id": "inv_1", "owner": internal_id}
    items = [
        {"pk": pk, "sk": f"{number:06}", **invoice}
        for pk in partitions(internal_id)
        for number in range(lines)
    ]
    table.put_many(items)


def left(table: Table, internal_id: str) -> int:
    return sum(len(recording.partition(table, pk)) for pk in partitions(internal_id))


def delete(session: Session, internal_id: str) -> None:
    customer = Customer(internal_id, "user_gone", START)
    session.commit(due.deletion(session, customer, session.stamp("delete")))


def test_the_history_of_a_deleted_customer_is_removed(
    session: Session, run: Job, clock: Clock
) -> None:
    del clock
    fill(session.table, "cus_gone")
    fill(session.table, "cus_here")
    delete(session, "cus_gone")

    assert run("purge_customers") == {"Purged": 1, "PurgeFailed": 0}

    assert left(session.table, "cus_gone") == 0
    assert left(session.table, "cus_here") == 9


def test_what_a_racing_request_left_is_removed_and_a_new_customer_is_not(
    session: Session, run: Job, clock: Clock
) -> None:
    del clock
    for feature_id, internal_id in (("words", "cus_gone"), ("messages", "cus_new")):
        owner, last = Owner("user_gone", internal_id), session.stamp("track")
        session.commit(balances.created(session, owner, Place(feature_id), NOTHING, last))
    delete(session, "cus_gone")

    run("purge_customers")

    assert balances.get(session, "user_gone", Place("words")) is None
    assert balances.get(session, "user_gone", Place("messages")) is not None


def test_what_came_later_is_removed_a_day_later_and_nothing_is_due_then(
    session: Session, run: Job, clock: Clock
) -> None:
    delete(session, "cus_gone")
    clock.advance(seconds=3600)
    run("purge_customers")
    fill(session.table, "cus_gone")

    clock.now = START + HOURS_25 - 1
    assert run("purge_customers")["Purged"] == 0
    assert left(session.table, "cus_gone") == 9

    clock.now = START + HOURS_25
    assert run("purge_customers")["Purged"] == 1
    assert left(session.table, "cus_gone") == 0
    assert due.get_deletion(session.table, keys.deletion(TENANT, "cus_gone")) is None
    assert run("purge_customers")["Purged"] == 0


@pytest.mark.parametrize("asks", range(12))
def test_a_run_may_stop_anywhere_and_the_next_goes_on(
    session: Session, run: Job, clock: Clock, asks: int
) -> None:
    fill(session.table, "cus_gone", 150)
    delete(session, "cus_gone")

    run("purge_customers", asks=asks)
    pending = session.table.get(keys.deletion(TENANT, "cus_gone"))
    assert pending is not None
    assert pending["pass"] == "first" or left(session.table, "cus_gone") == 0
    run("purge_customers")
    assert left(session.table, "cus_gone") == 0

    clock.now = START + HOURS_25
    fill(session.table, "cus_gone", 150)
    run("purge_customers", asks=asks)
    gone = due.get_deletion(session.table, keys.deletion(TENANT, "cus_gone")) is None
    assert not gone or left(session.table, "cus_gone") == 0
    run("purge_customers")
    assert left(session.table, "cus_gone") == 0
    assert due.get_deletion(session.table, keys.deletion(TENANT, "cus_gone")) is None


def test_a_pass_that_another_run_completed_is_not_completed_again(
    session: Session, run: Job, clock: Clock
) -> None:
    del clock
    delete(session, "cus_gone")
    deletion = due.get_deletion(session.table, keys.deletion(TENANT, "cus_gone"))
    assert deletion is not None
    session.table.update(due.await_last_pass(deletion, START))

    assert run("purge_customers")["Purged"] == 0
    pending = session.table.get(deletion.key)
    assert pending is not None
    assert pending["due_at"] == START + HOURS_25


class Beaten(Table):
    """A table in which another run completes a pass between this one's read and its word."""

    rival: Deletion

    def get(self, key: Key) -> Any:
        item = super().get(key)
        self.update(due.await_last_pass(self.rival, START))
        return item


def test_of_a_deleted_customer_stays_who_deleted_it_and_why_and_no_more(
    session: Session, run: Job, clock: Clock
) -> None:
    customer = Customer("cus_gone", "user_gone", START, name="Ada", email="ada@example.com")
    last = session.stamp("delete", reason="Asked for it", reference="GDPR-1")
    session.commit(due.deletion(session, customer, last))

    clock.advance(seconds=3600)
    run("purge_customers")
    clock.now = START + HOURS_25
    run("purge_customers")

    kept = session.table.get(keys.deletion(TENANT, "cus_gone"))
    assert kept is not None
    assert "due_shard" not in kept
    line = changes.of_deletion(kept)
    assert (line.kind, line.customer_id, line.internal_id) == ("delete", "user_gone", "cus_gone")
    assert (line.by, line.reason, line.reference) == ("key:tests", "Asked for it", "GDPR-1")
    assert (line.at, line.details["purged_at"]) == (START, START + 3_600_000)
    assert "Ada" not in str(kept)
    assert "ada@" not in str(kept)


def test_a_rival_run_completes_a_pass_once(session: Session, clock: Clock) -> None:
    fill(session.table, "cus_gone")
    delete(session, "cus_gone")
    deletion = due.get_deletion(session.table, keys.deletion(TENANT, "cus_gone"))
    assert deletion is not None
    beaten = Beaten(session.table.client, session.table.name)
    beaten.rival = deletion

    assert not purging.purge(beaten, deletion.key, clock.now, lambda: True)

    pending = due.get_deletion(session.table, deletion.key)
    assert pending is not None
    assert (pending.is_last_pass, pending.due_at) == (True, START + HOURS_25)


def test_an_index_that_lags_behind_purges_nothing_early(session: Session, clock: Clock) -> None:
    fill(session.table, "cus_gone")
    delete(session, "cus_gone")
    key = keys.deletion(TENANT, "cus_gone")

    assert not purging.purge(session.table, key, clock.now - 1, lambda: True)
    assert not purging.purge(session.table, keys.deletion(TENANT, "x"), clock.now, lambda: True)
    assert left(session.table, "cus_gone") == 9


def test_a_bad_deletion_does_not_stop_the_others(session: Session, run: Job, clock: Clock) -> None:
    del clock
    key = keys.deletion(TENANT, "cus_bad")
    place = {"due_shard": keys.PURGE_SHARD, "due_at": START - 1}
    session.table.put(Put({"pk": key.pk, "sk": key.sk, **place}))
    fill(session.table, "cus_gone")
    delete(session, "cus_gone")

    assert run("purge_customers") == {"Purged": 1, "PurgeFailed": 1}
    assert left(session.table, "cus_gone") == 0


def test_the_reset_job_does_not_meet_deletions(session: Session, run: Job, clock: Clock) -> None:
    delete(session, "cus_gone")
    clock.advance(days=2)

    assert run("reset_balances") == {"Reset": 0, "ResetFailed": 0, "ResetLag": 0}


def test_parked_records_of_a_deleted_customer_are_removed(
    session: Session, run: Job, clock: Clock
) -> None:
    for internal_id in ("cus_gone", "cus_here"):
        keep = {"pk": {"S": keys.customer(TENANT, "user_gone").pk}, "sk": {"S": "0"}}
        images = {"OldImage": {"internal_id": {"S": internal_id}, "text": {"S": "x" * 400_000}}}
        change = {"Keys": keep, "SequenceNumber": internal_id, **images}
        parked.put(session.table, {"dynamodb": change}, "reason", clock.now)
    delete(session, "cus_gone")

    run("purge_customers")

    (here,) = parked.of_day(session.table, parked.day_of(clock.now))
    assert here.id.endswith("cus_here")
    gone = here.id.replace("cus_here", "cus_gone")
    assert recording.partition(session.table, keys.parked(gone, 0, "").pk) == []


def test_environments_are_apart(session: Session, run: Job, clock: Clock) -> None:
    live = session_of(session.table, clock.now, "live")
    change = Change("chg_1", "edit", "a", "cus_same", None, {}, {}, START, "me", "")
    session.table.put_many([changes.change_item(live.tenant, change, 400)])
    fill(session.table, "cus_same")
    delete(session, "cus_same")

    run("purge_customers")

    assert left(session.table, "cus_same") == 0
    assert len(recording.partition(session.table, keys.ledger(live.tenant, "cus_same"))) == 1
