"""Many requests at once: nothing is lost, nothing counted twice, nothing below zero."""

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from orchard.domain import balance as balance_of
from orchard.domain.holding import Place
from orchard.errors import Invalid
from orchard.store import balances
from orchard.store.keys import Key
from orchard.store.statements import Put, Update
from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance, left, monthly
from tests.concurrency.worlds import THOROUGH
from tests.conftest import Call, Clock, session_of
from tests.harness import Response, handler

pytestmark = pytest.mark.concurrency

THREADS = 32
TEXT = {"#text": "text"}
BODY = {"customer_id": "user_1", "feature_id": "messages"}


def at_once[T](work: Iterable[Callable[[], T]]) -> list[T]:
    """Run all of the work in as many threads, started together."""
    jobs = list(work)
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


def patiently(ask: Callable[[], Response]) -> Response:
    """Ask again when told to: a 503 after a lost race had no effect."""
    for _ in range(20):
        answer = ask()
        if answer.status != 503:
            return answer
        assert answer.headers["retry-after"] == "1"
    return answer


def taken(answers: Iterable[Response]) -> Decimal:
    """What tracks say they took, less what they gave back."""
    paid = (one["value"] for answer in answers for one in answer.body.get("deductions", ()))
    return sum((Decimal(str(value)) for value in paid), Decimal(0))


def assert_sound(table: Table, clock: Clock) -> None:
    """The stored counter agrees with the rows, and no row is overdrawn."""
    stored = balances.get(session_of(table, clock.now), "user_1", Place("messages"))
    assert stored is not None
    assert stored.headroom == balance_of.room(stored.holding) - stored.pending
    assert min(row.balance for row in stored.current(clock.now).rows) >= 0


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_plan(call, "free", monthly("messages", 300), auto_enable=True)


def test_tracks_refunds_and_edits_of_one_balance_add_up(
    call: Call, table: Table, clock: Clock
) -> None:
    a_customer(call)
    a_grant(call, 200)
    answers: list[Response] = []
    added: list[Decimal] = []

    def worker(seed: int) -> None:
        choose = random.Random(seed)
        for _ in range(100 if THOROUGH else 15):
            cents = Decimal(choose.randint(1, 300)) / 100
            kind = choose.random()
            if kind < 0.75:
                answers.append(patiently(partial(call, "balances.track", {**BODY, "value": cents})))
            elif kind < 0.85:
                body = {**BODY, "value": -cents / 10}
                answers.append(patiently(partial(call, "balances.track", body)))
            else:
                body = {**BODY, "add_to_balance": cents}
                edited = patiently(partial(call, "balances.update", body))
                assert edited.status == 200, edited
                added.append(cents)

    at_once([partial(worker, seed) for seed in range(THREADS)])

    assert {answer.status for answer in answers} == {200}
    remaining = Decimal(str(balance(call)["remaining"]))
    assert remaining == 500 + sum(added) - taken(answers)
    assert_sound(table, clock)


def test_a_due_balance_is_reset_once_whoever_comes_first(
    call: Call, table: Table, clock: Clock
) -> None:
    """Tracks, edits and two runs of the job meet a balance that has just fallen due."""
    a_customer(call)
    reset_job = handler("jobs.reset_balances")

    for _ in range(3):
        call("balances.track", {**BODY, "value": 250})
        clock.now = balance(call)["next_reset_at"]
        tracks = [lambda: call("balances.track", {**BODY, "value": Decimal("1.5")})] * 20
        edits = [lambda: call("balances.update", {**BODY, "add_to_balance": 2})] * 10
        jobs = [lambda: reset_job(None, None)] * 2
        work: list[Callable[[], object]] = [*tracks, *edits, *jobs]
        random.Random(7).shuffle(work)
        at_once(work)

        assert left(call) == (300 - 30 + 20, 10)
        assert_sound(table, clock)
        call("balances.update", {**BODY, "remaining": 300})


def test_no_more_is_used_than_there_is(call: Call) -> None:
    """150 checks at once that each use 2 of 200."""
    a_customer(call)
    call("balances.update", {**BODY, "remaining": 200})
    body = {**BODY, "required_balance": 2, "send_event": True}

    answers: list[Response] = []
    for _ in range(5):
        answers += at_once([lambda: call("balances.check", body)] * 30)

    assert sorted(answer.body["allowed"] for answer in answers) == [False] * 50 + [True] * 100
    assert left(call)[0] == 0


def test_capped_tracks_take_exactly_what_is_left(call: Call, table: Table, clock: Clock) -> None:
    a_customer(call)
    answers = at_once([lambda: call("balances.track", {**BODY, "value": 17})] * THREADS)

    assert taken(answers) == 300
    assert left(call) == (0, 300)
    assert_sound(table, clock)


def test_of_absolute_edits_one_is_last(call: Call, table: Table, clock: Clock) -> None:
    a_customer(call)
    targets = range(100, 116)
    edits = [partial(call, "balances.update", {**BODY, "remaining": to}) for to in targets]
    tracks = [lambda: call("balances.track", {**BODY, "value": 1})] * 16
    work: list[Callable[[], Response]] = [*edits, *tracks]
    answers = at_once(work)

    assert {answer.status for answer in answers} == {200}
    assert 100 - 16 <= left(call)[0] <= 115
    assert_sound(table, clock)


def test_a11_and_a14_one_customer_however_many_ask_for_it(call: Call) -> None:
    body = {"customer_id": "user_1", "with_autumn_id": True}
    bodies = [{**body, "name": "Ada"}, *[body] * 15]
    answers = at_once([partial(call, "customers.get_or_create", one) for one in bodies])

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["autumn_id"] for answer in answers}) == 1
    assert len({answer.body["subscriptions"][0]["id"] for answer in answers}) == 1
    assert {answer.body["balances"]["messages"]["remaining"] for answer in answers} == {300}
    assert call("customers.get", {"customer_id": "user_1"}).body["name"] == "Ada"


def test_a12_one_customer_for_each_email(call: Call) -> None:
    body = {"customer_id": None, "email": "one@example.com", "with_autumn_id": True}
    answers = at_once([lambda: call("customers.get_or_create", body)] * 16)

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["autumn_id"] for answer in answers}) == 1
    assert {answer.body["id"] for answer in answers} == {None}
    assert len(call("customers.list", {}).body["list"]) == 1


def test_an_idempotency_key_has_one_effect(call: Call) -> None:
    a_customer(call)
    headers = {"idempotency-key": "once"}
    answers = at_once([lambda: call("balances.track", {**BODY, "value": 5}, headers=headers)] * 16)

    assert sorted(answer.status for answer in answers) == [200] + [409] * 15
    assert left(call) == (295, 5)


def test_usage_is_not_lost_while_a_customer_is_renamed(call: Call) -> None:
    """A track under either name counts once; under the wrong name it is told so."""
    a_customer(call)
    names = ["user_1", "user_2"]

    def track(name: str) -> Response:
        return call("balances.track", {**BODY, "customer_id": name, "value": 1})

    def rename() -> Response:
        return call("customers.update", {"customer_id": names[0], "new_customer_id": names[1]})

    work = [*[lambda: track("user_1")] * 20, rename, *[lambda: track("user_2")] * 10]
    answers = at_once(work)

    assert answers[20].status == 200
    tracks = [*answers[:20], *answers[21:]]
    assert {answer.status for answer in tracks} <= {200, 404}
    counted = sum(answer.status == 200 for answer in tracks)
    shown = balance(call, customer_id="user_2")
    assert shown["usage"] == counted


def test_a_deleted_customer_leaves_nothing_that_a_new_one_finds(call: Call) -> None:
    a_customer(call)
    body = {**BODY, "included_grant": 50}
    delete = [lambda: call("customers.delete", {"customer_id": "user_1"})]
    grants = [lambda: call("balances.create", body)] * 8
    tracks = [lambda: call("balances.track", {**BODY, "value": 1})] * 8
    answers = at_once([*grants, *tracks, *delete])

    assert answers[-1].status == 200
    assert {answer.status for answer in answers} <= {200, 404}
    assert a_customer(call)["balances"]["messages"]["granted"] == 300


def test_a_transaction_whose_answer_is_lost_is_made_once(
    call: Call, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent again with its token, it is known again: that is the engine's part."""
    real = table.client.transact_write_items

    def lose(**arguments: Any) -> None:
        monkeypatch.setattr(table.client, "transact_write_items", real)
        real(**arguments)
        raise ReadTimeoutError(endpoint_url="http://table")

    monkeypatch.setattr(table.client, "transact_write_items", lose)
    body = {"customer_id": "user_1"}
    made = call("customers.get_or_create", body, headers={"idempotency-key": "K"})

    assert made.status == 200
    assert len(call("customers.list", {}).body["list"]) == 1
    assert call("customers.get_or_create", body, headers={"idempotency-key": "K"}).status == 409


def test_what_can_not_be_stored_is_refused_clearly(table: Table) -> None:
    """The engine's own words for an item over 400 KB, alone and in a transaction."""
    large = {"pk": "large", "sk": "0", "text": "x" * 410_000}
    update = Update(Key("large", "1"), "SET #text = :text", {":text": large["text"]}, None, TEXT)

    for write in (
        lambda: table.put(Put(large)),
        lambda: table.update(update),
        lambda: table.transact([Put(large), Put({"pk": "small", "sk": "0"})]),
        lambda: table.transact([update, Put({"pk": "small", "sk": "0"})]),
    ):
        with pytest.raises(Invalid, match="more than can be stored"):
            write()
    assert table.get(Key("small", "0")) is None
