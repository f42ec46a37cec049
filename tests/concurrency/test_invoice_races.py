"""Reports about one invoice, interleaved at random and at once, on AWS's own engine."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.concurrency.worlds import THOROUGH
from tests.pretended_stripe import Race

pytestmark = pytest.mark.concurrency

#: What may happen to an invoice, one life each.
LIVES = [
    ("finalize", "pay"),
    ("finalize", "fail", "pay"),
    ("finalize", "void"),
    ("finalize", "fail", "mark_uncollectible", "pay"),
    ("delete",),
]


@settings(
    max_examples=200 if THOROUGH else 20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(life=st.sampled_from(LIVES), script=st.lists(st.integers(0, 99), max_size=25))
def test_whatever_is_interleaved_what_stripe_has_is_stored_in_the_end(
    race: Race, life: tuple[str, ...], script: list[int]
) -> None:
    """Steps, deliveries, deliveries within deliveries; every report comes at least once."""
    run = race.again()
    steps, left, delivered = iter(life), iter(script), set()

    def play(depth: int, moves: int) -> None:
        for _, number in zip(range(moves), left, strict=False):
            if number % 3 == 0:
                run.step(*(step for step in [next(steps, None)] if step))
                continue
            event = run.reports()[number % len(run.reports())]
            delivered.add(event["id"])
            part = ("", "/lines")[number % 2]
            inner = 0 if depth == 3 else number % 4

            def within(moves: int = inner) -> None:
                play(depth + 1, moves)

            with run.while_fetching(part, within):
                run.deliver(event)

    play(0, len(script))
    run.step(*steps)
    for event in run.reports():
        if event["id"] not in delivered:
            run.deliver(event)

    run.assert_settled()


@pytest.mark.parametrize("life", LIVES)
def test_many_handlers_at_once_end_with_what_stripe_has(race: Race, life: tuple[str, ...]) -> None:
    """The invoice moves on while its reports arrive, each three times and in any order."""
    chance = random.Random(7)
    with ThreadPoolExecutor(12) as threads:
        waiting = [threads.submit(race.deliver, race.reports()[0])]
        seen = 1
        for step in life:
            race.step(step)
            events = race.reports()[seen:] * 3
            seen += len(events) // 3
            chance.shuffle(events)
            waiting += [threads.submit(race.deliver, event) for event in events]
        for one in waiting:
            one.result()

    race.assert_settled()
