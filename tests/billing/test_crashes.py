"""Wherever a process dies, billing is done once and whole: by a retry, the job, or a report.

Each scenario is done without interruption first. Then it is done for one customer after the other,
each time dying at another call of the table or of Stripe, before the call or after it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import pytest

from orchard.store.table import Table
from tests.billing.conftest import Shop
from tests.builders import a_feature, a_plan
from tests.concurrency.faults import Fault, trouble
from tests.concurrency.interruptions import LEASE_S, Interrupted, finish, outcome
from tests.concurrency.worlds import THOROUGH
from tests.conftest import Call, session_of
from tests.harness import Response

pytestmark = pytest.mark.concurrency

KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
#: Who comes first after a process died: the client, the job, or a report of Stripe.
RETRY, JOB, REPORT = "the client", "the job", "a report"
#: What tells a client that repeats itself that it was done.
REPEATED = {"duplicate_idempotency_key", "plan_already_attached"}
METERED = {
    "feature_id": "messages",
    "included": 100,
    "price": {"amount": 0.1, "interval": "month", "billing_method": "usage_based"},
}
SEATS = {
    "feature_id": "seats",
    "included": 1,
    "price": {"amount": 10, "interval": "month", "billing_method": "usage_based"},
    "proration": {"on_increase": "bill_immediately", "on_decrease": "prorate"},
}


class Case:
    """One customer, and what is asked and reported about it."""

    def __init__(self, shop: Shop, table: Table, number: int, card: str | None) -> None:
        self.shop, self.table = shop, table
        self.customer_id = f"user_{number}"
        self.stripe_id = shop.customer(self.customer_id, card)
        self.key = f"key_{number}"
        self._heard: set[str] = set()

    def ask(self, operation: str, *, is_keyed: bool = True, **body: Any) -> Response:
        headers = {"idempotency-key": self.key} if is_keyed else None
        self.shop.clock.advance(seconds=1)
        asked = {"customer_id": self.customer_id, **body}
        return self.shop.call(operation, asked, headers=headers)

    def done(self, operation: str, **body: Any) -> Any:
        answered = self.ask(operation, is_keyed=False, **body)
        assert answered.status == 200, answered
        self.hear()
        return answered.body

    def hear(self) -> list[Response]:
        """Let Stripe report what it did not get an answer for; return what was refused."""
        refused: list[Response] = []
        while fresh := [one for one in self._reports() if one["id"] not in self._heard]:
            answers = [(one["id"], self.shop.stripe.deliver(one)) for one in fresh]
            self._heard |= {name for name, answered in answers if answered.status == 200}
            refused = [answered for _, answered in answers if answered.status != 200]
            if refused:
                break
        return refused

    def hear_again(self) -> None:
        """Let Stripe report everything once more."""
        self._heard.clear()
        assert self.hear() == []

    def gone(self) -> None:
        """Let nothing about the customer happen any more."""
        self.shop.api(f"customers/{self.stripe_id}", "DELETE")
        self.hear()

    def seen(self) -> dict[str, Any]:
        session = session_of(self.table, self.shop.clock.now)
        return outcome(self.shop, session, self.customer_id, self.stripe_id)

    def _reports(self) -> Iterator[Any]:
        for event in self.shop.stripe.reports(""):
            about = event["data"]["object"]
            if self.stripe_id in (about.get("customer"), about["id"]):
                yield event


type Act = Callable[[Case], object]


class Scenario(NamedTuple):
    """What is interrupted, and what was before."""

    act: Act
    given: Sequence[Act] = ()
    card: str | None = "pm_card_visa"


def attach(plan_id: str, **body: Any) -> Act:
    return lambda case: case.done("billing.attach", plan_id=plan_id, **body)


def ask(operation: str, **body: Any) -> Act:
    def act(case: Case) -> None:
        answered = case.ask(operation, **body)
        is_done = answered.status == 200 or answered.body["code"] in REPEATED
        assert is_done, answered

    return act


def seats(change: float) -> Act:
    return lambda case: case.done("balances.track", feature_id="seats", value=change)


def update(**body: Any) -> Act:
    return lambda case: case.done("billing.update", **body)


def paid_page(case: Case) -> None:
    url = case.done("billing.attach", plan_id="pro")["payment_url"]
    session_id = url.rpartition("/")[2].partition("#")[0]
    case.shop.stripe.control(f"checkout/sessions/{session_id}/pay", {"card": "pm_card_visa"})


def paid_later(case: Case) -> None:
    case.shop.save_card(case.stripe_id, "pm_card_chargeCustomerFail")
    answer = case.done("billing.attach", plan_id="premium")
    assert answer["required_action"]["code"] == "payment_failed"
    case.shop.save_card(case.stripe_id)
    case.shop.api(f"invoices/{answer['invoice']['stripe_id']}/pay")


def month_end(case: Case) -> None:
    case.shop.done("balances.track", customer_id=case.customer_id, feature_id="messages", value=130)
    told = {"by": 31 * 86_400, "stop_after": "invoice.created"}
    answer = case.shop.stripe.control("clock/advance", told)
    case.shop.clock.now = int(answer["now"]) * 1000


def hear(case: Case) -> None:
    """Stripe reports until it is believed; a lock of somebody who died may be in the way once."""
    if case.hear():
        case.shop.clock.advance(seconds=LEASE_S)
        assert case.hear() == []


SCENARIOS: dict[str, Scenario] = {
    "a first plan": Scenario(ask("billing.attach", plan_id="pro")),
    "a trial": Scenario(ask("billing.attach", plan_id="tried")),
    "an upgrade": Scenario(ask("billing.attach", plan_id="premium"), [attach("pro")]),
    "an upgrade out of a trial": Scenario(
        ask("billing.attach", plan_id="premium"), [attach("tried")]
    ),
    "an upgrade that begins anew": Scenario(
        ask("billing.attach", plan_id="premium", billing_cycle_anchor="now"), [attach("pro")]
    ),
    "a downgrade": Scenario(ask("billing.attach", plan_id="pro"), [attach("premium")]),
    "another downgrade": Scenario(
        ask("billing.attach", plan_id="pro"), [attach("growth"), attach("premium")]
    ),
    "an upgrade beside a downgrade": Scenario(
        ask("billing.attach", plan_id="addon"), [attach("premium"), attach("pro")]
    ),
    "a page": Scenario(ask("billing.attach", plan_id="pro"), card=None),
    "a paid page": Scenario(hear, [paid_page], card=None),
    "a change that was paid for later": Scenario(hear, [attach("pro"), paid_later]),
    "a way down to what is free": Scenario(ask("billing.attach", plan_id="free"), [attach("pro")]),
    "a purchase": Scenario(ask("billing.attach", plan_id="once")),
    "a purchase beside a plan": Scenario(ask("billing.attach", plan_id="once"), [attach("pro")]),
    "a cancellation": Scenario(
        ask("billing.update", plan_id="pro", cancel_action="cancel_end_of_cycle"), [attach("pro")]
    ),
    "a cancellation at once": Scenario(
        ask("billing.update", plan_id="pro", cancel_action="cancel_immediately"), [attach("pro")]
    ),
    "a cancellation taken back": Scenario(
        ask("billing.update", plan_id="pro", cancel_action="uncancel"),
        [attach("pro"), update(plan_id="pro", cancel_action="cancel_end_of_cycle")],
    ),
    "a renewal with usage": Scenario(hear, [attach("metered"), month_end]),
    "seats that are taken": Scenario(
        ask("balances.track", feature_id="seats", value=3), [attach("team")]
    ),
    "seats that are given back": Scenario(
        ask("balances.track", feature_id="seats", value=-2), [attach("team"), seats(4)]
    ),
}


@pytest.fixture
def selling(call: Call, shop: Shop) -> Shop:
    a_plan(call, "metered", METERED, price={"amount": 20, "interval": "month"})
    a_feature(call, "seats", consumable=False)
    a_plan(call, "team", SEATS, price={"amount": 20, "interval": "month"})
    trial = {"duration_length": 7, "duration_type": "day", "card_required": False}
    a_plan(call, "tried", price={"amount": 20, "interval": "month"}, free_trial=trial)
    return shop


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_a_process_that_dies_leaves_nothing_half_done(
    selling: Shop, table: Table, monkeypatch: pytest.MonkeyPatch, scenario: Scenario
) -> None:
    interrupted = Interrupted(table, monkeypatch)
    numbers = count()
    case = _prepared(selling, table, next(numbers), scenario)
    wanted, length = _undisturbed(case, scenario, interrupted)
    for position, fault, first in _cases(length, list(SCENARIOS.values()).index(scenario)):
        case = _prepared(selling, table, next(numbers), scenario)
        interrupted.during(position, trouble(fault), lambda: scenario.act(case))  # noqa: B023
        _recover(case, first)
        scenario.act(case)
        case.hear()
        case.hear_again()
        assert case.seen() == wanted, (position, fault, first)
        case.gone()


@pytest.mark.parametrize("fault", KILLS)
def test_a_customer_that_is_deleted_after_a_crash_pays_for_nothing_untold(
    selling: Shop, table: Table, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    interrupted = Interrupted(table, monkeypatch)
    for number in range(40) if THOROUGH else range(9, 24, 5):
        case = Case(selling, table, number, "pm_card_visa")
        act = partial(case.ask, "billing.attach", plan_id="pro")
        interrupted.during(number, trouble(fault), act)
        selling.clock.advance(seconds=LEASE_S)
        receipt = case.done("customers.delete")["receipt"]
        finish(selling, table)
        case.hear()

        found = selling.subscriptions(case.stripe_id)
        live = [one["id"] for one in found if one["status"] == "active"]
        # What was bought before stays, and the receipt says so.
        assert live == receipt["stripe"]["subscriptions_going_on"], number


def _prepared(shop: Shop, table: Table, number: int, scenario: Scenario) -> Case:
    case = Case(shop, table, number, scenario.card)
    for step in scenario.given:
        step(case)
    return case


def _undisturbed(
    case: Case, scenario: Scenario, interrupted: Interrupted
) -> tuple[dict[str, Any], int]:
    """What it comes to, and of how many calls it consists."""
    before = case.seen()
    length = interrupted.counted(lambda: scenario.act(case))
    case.hear()
    wanted = case.seen()
    assert wanted != before
    assert not wanted["lock"]
    assert wanted["left"] == []
    case.gone()
    return wanted, length


def _recover(case: Case, first: str) -> None:
    if first == REPORT:
        case.hear()
    case.shop.clock.advance(seconds=LEASE_S)
    if first == JOB:
        assert finish(case.shop, case.table)["OrdersFailed"] == 0
        case.hear()


def _cases(length: int, number: int) -> Iterator[tuple[int, Fault, str]]:
    """All that can go wrong; or, if there is no time for all, one of it, another each time."""
    every = [
        (position, fault, first)
        for position in range(length)
        for fault in KILLS
        for first in (RETRY, JOB, REPORT)
    ]
    yield from every if THOROUGH else every[number * 37 % len(every) :][:1]
