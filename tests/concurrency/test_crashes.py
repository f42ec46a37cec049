"""Whatever happens between two calls of the table, an operation is made once and made whole.

Each scenario runs without interruption first. Then it runs again and again, each time with another
call going wrong, and is repeated by its client until it succeeds: the outcome must be the same.
"""

import random
from collections.abc import Iterable
from itertools import count

import pytest

from tests.concurrency.faults import Fault, trouble
from tests.concurrency.scenarios import SCENARIOS, Scenario
from tests.concurrency.worlds import THOROUGH, Picture, World, said
from tests.harness import Response

pytestmark = pytest.mark.concurrency

LOSSES = (Fault.REQUEST_LOST, Fault.ANSWER_LOST)
#: Runs in which every third call goes wrong, and the operations that have such days.
BAD_DAYS = 3 if THOROUGH else 1
UNLUCKY = dict(list(SCENARIOS.items())[:: 1 if THOROUGH else 6])


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_an_interrupted_operation_is_made_once_and_whole(world: World, scenario: Scenario) -> None:
    answer, wanted = prepared(world, scenario)

    chosen = list(plans(scenario))
    for turn, (fault, is_keyed) in enumerate(chosen):
        # Every other call goes wrong in one way, or, if there is time, each in all of them.
        for position in count() if THOROUGH else count(turn, 2 * len(chosen)):
            world.back()
            world.client.arrange(position, trouble(fault))
            answered = acted(world, scenario, is_keyed=is_keyed)
            was_made = world.client.clear()
            case = fault, position, is_keyed, answered
            assert world.pictured() == wanted, case
            assert is_repetition(answered, fault) or said(answered) == said(answer), case
            if not was_made:
                break


@pytest.mark.parametrize("scenario", UNLUCKY.values(), ids=UNLUCKY)
def test_on_a_bad_day_operations_are_made_once_and_whole(world: World, scenario: Scenario) -> None:
    _answer, wanted = prepared(world, scenario)

    for seed in range(BAD_DAYS):
        world.back()
        world.client.arrange_often(random.Random(seed), list(Fault))
        answered = acted(world, scenario, is_keyed=scenario.is_keyed)
        world.client.clear()
        assert world.pictured() == wanted, (seed, answered)


def prepared(world: World, scenario: Scenario) -> tuple[Response | None, Picture]:
    """Do it without interruption: what was answered, and how things are then."""
    for step in scenario.given:
        step(world.stage)
    world.keep()
    before = world.pictured()
    answer = scenario.act(world.stage)
    wanted = world.pictured()
    assert wanted != before
    return answer, wanted


def acted(world: World, scenario: Scenario, *, is_keyed: bool) -> Response | None:
    world.stage.key = "key" if is_keyed else None
    answered = scenario.act(world.stage)
    world.stage.key = None
    return answered


def plans(scenario: Scenario) -> Iterable[tuple[Fault, bool]]:
    """What can go wrong, each with an idempotency key or without.

    A client without one that gets no answer can't know: what it repeats may happen twice.
    """
    if not scenario.is_keyed:
        return [(fault, False) for fault in Fault]
    return [*((fault, True) for fault in Fault), *((fault, False) for fault in LOSSES)]


def is_repetition(answered: Response | None, fault: Fault) -> bool:
    """Whether a client whose process died is told that it was done before."""
    code = None if answered is None else answered.body.get("code")
    return fault.kills and code == "duplicate_idempotency_key"
