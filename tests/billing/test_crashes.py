"""Wherever a process dies, billing is done once and whole: by a retry, the job, or a report.

Each scenario is done once without a fault. Then the table and Stripe are put back to each moment
at which the process can have died; and it is done again with the answer to each call lost. Whoever
comes next, the client, the job or a report, it comes to the same.
"""

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import pytest

from orchard.store.table import Table
from tests import harness
from tests.billing.conftest import Shop
from tests.billing.crash_scenarios import (
    SCENARIOS,
    Case,
    Scenario,
    asked,
    not_now,
    prepared,
)
from tests.billing.crashing import Lost, Moment, World
from tests.billing.test_stripe_trouble import refunds
from tests.concurrency.interruptions import LEASE_S, finish
from tests.concurrency.worlds import THOROUGH

# All of a scenario may take minutes, on a machine that does other things as well.
pytestmark = [pytest.mark.concurrency, pytest.mark.timeout(3600)]

_LOG = logging.getLogger(__name__)
#: Who comes first after a fault: the client, the job, or a report of Stripe.
RETRY, JOB, REPORT = "the client", "the job", "a report"
FIRST = (RETRY, JOB, REPORT)
PURGE = "purge_customers"
PRO = asked("billing.attach", plan_id="pro")
EARLY = {"enabled": True, "enable_plan_immediately": True}


class Fault(NamedTuple):
    """A process that died at a moment, or a call whose answer was lost; and who comes first."""

    place: int
    lost: Lost | None
    first: str


class Film(NamedTuple):
    """A scenario without a fault: what was before, each moment of it, and what it came to."""

    start: Moment
    before: dict[str, Any]
    moments: list[Moment]
    calls: int
    wanted: dict[str, Any]

    def faults(self) -> list[Fault]:
        """All that can go wrong."""
        died = product(range(len(self.moments)), [None], FIRST)
        once = product(range(self.calls), [Lost.ONCE], [RETRY])
        silent = ((place, Lost.FOR_GOOD, FIRST[place % 3]) for place in range(self.calls))
        return [Fault(*one) for some in (died, once, silent) for one in some]


@pytest.fixture
def world(shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(shop, table, monkeypatch)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_process_that_dies_leaves_nothing_half_done(world: World, name: str) -> None:
    scenario, case = SCENARIOS[name], Case(world)
    film = _film(case, scenario)
    faults = _chosen(film.faults(), list(SCENARIOS).index(name))
    ends = _play(case, scenario, film, faults)
    _LOG.info(
        "%s: died at %d moments, lost %d answers, came to %d ends",
        *(name, len(film.moments), film.calls, ends),
    )


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("an upgrade beside a downgrade", slice(-3, None)),
        ("a cancellation that comes true", slice(5, 8)),
    ],
)
def test_what_was_done_before_a_process_died_is_not_undone_or_left(
    world: World, name: str, end: slice
) -> None:
    scenario, case = SCENARIOS[name], Case(world)
    film = _film(case, scenario)
    places = range(len(film.moments))[end]
    faults = [Fault(place, None, RETRY) for place in places]
    assert _play(case, scenario, film, faults) == len(faults)


@pytest.mark.parametrize(
    ("at_stripe", "job", "scenario"),
    [
        (False, "finish_orders", Scenario(PRO)),
        (True, "finish_orders", Scenario(PRO)),
        (False, PURGE, Scenario(PRO)),
        (False, PURGE, Scenario(PRO, card="pm_card_chargeCustomerFail")),
        (False, PURGE, Scenario(asked("billing.attach", plan_id="pro", invoice_mode=EARLY))),
    ],
)
def test_a_customer_that_is_deleted_after_a_crash_pays_for_nothing_untold(
    world: World, job: str, scenario: Scenario, *, at_stripe: bool
) -> None:
    case = Case(world)
    moments = _film(case, scenario).moments
    for number, moment in enumerate(moments):
        world.back(moment)
        world.shop.clock.advance(seconds=LEASE_S)
        receipt = case.done("customers.delete", delete_in_stripe=at_stripe)["receipt"]
        harness.handler(f"jobs.{job}")({}, None)
        case.hear()

        found = case.at_stripe("subscription")
        live = [one["id"] for one in found if one["status"] == "active"]
        # What was bought before stays, and the receipt says so.
        assert live == receipt["stripe"].get("subscriptions_going_on", []), number
        invoices = case.at_stripe("invoice")
        assert live or not [one for one in invoices if one["status"] == "open"], number
        paid = sum(one["amount_paid"] for one in invoices)
        assert at_stripe or refunds(world.shop) == (0 if live else paid), number


def _film(case: Case, scenario: Scenario) -> Film:
    """Do it without a fault."""
    world = case.world
    prepared(case, scenario)
    start = world.moment()
    before = case.seen()
    world.back(start)
    moments, calls = world.filmed(partial(scenario.act, case))
    case.hear()
    wanted = case.seen()
    assert wanted != before
    assert wanted.get("lock") is not True
    assert "open" not in wanted["left"]
    return Film(start, before, moments, calls, wanted)


def _play(case: Case, scenario: Scenario, film: Film, faults: Iterable[Fault]) -> int:
    """Let it come to the same with each of the faults; return how many came to different ends."""
    known: set[tuple[str, str]] = set()
    for fault in faults:
        _go_wrong(case, scenario, film, fault)
        # What it comes to from here was seen already if it was the same with another fault.
        here = (case.world.likeness(), fault.first)
        if here not in known:
            known.add(here)
            _come_first(case, scenario, film, fault)
            scenario.act(case)
            _settle(case, film, is_repeated=fault.first == RETRY)
            assert case.seen() == film.wanted, fault
    return len(known)


def _go_wrong(case: Case, scenario: Scenario, film: Film, fault: Fault) -> None:
    if fault.lost is None:
        case.world.back(film.moments[fault.place])
        return
    case.world.back(film.start)
    act = partial(not_now, partial(scenario.act, case))
    case.world.losing(fault.place, fault.lost, act)


def _come_first(case: Case, scenario: Scenario, film: Film, fault: Fault) -> None:
    shop = case.shop
    if fault.first == RETRY:
        not_now(partial(scenario.act, case))
    if fault.first == REPORT:
        not_now(case.hear)
    shop.clock.advance(seconds=LEASE_S)
    if fault.first == JOB:
        assert finish(shop, case.world.table)["OrdersFailed"] == 0
        not_now(case.hear)
        if scenario.is_order:
            assert case.seen() in (film.before, film.wanted), fault


def _settle(case: Case, film: Film, *, is_repeated: bool) -> None:
    """Let everything be reported, and once more; and the job come."""
    case.hear()
    if is_repeated:
        case.world.heard = film.start.heard
        case.hear()
    # What a report began and did not end is left to the job.
    assert finish(case.shop, case.world.table)["OrdersFailed"] == 0
    case.hear()


def _chosen(faults: list[Fault], number: int) -> Iterator[Fault]:
    """All of them; or, if there is no time for all, one, another in each scenario."""
    yield from faults if THOROUGH else faults[number * 37 % len(faults) :][:1]
