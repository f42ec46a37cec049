"""Credits known to pay alone, while something else begins to pay or to limit as well."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.builders import a_customer, a_feature, a_grant, balance
from tests.concurrency.test_races import at_once, patiently, taken
from tests.conftest import Call
from tests.harness import Response

pytestmark = pytest.mark.concurrency

CHAT = {"customer_id": "user_1", "feature_id": "chat"}


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call, "chat")
    for name, cost in (("credits", 2), ("tokens", 5)):
        schema = [{"metered_feature_id": "chat", "credit_cost": cost}]
        a_feature(call, name, type="credit_system", credit_schema=schema)
    a_customer(call)
    a_grant(call, 1000, "credits")
    for _ in range(2):
        use(call)()


def use(call: Call, value: float = 1) -> Callable[[], Response]:
    return partial(patiently, partial(call, "balances.track", {**CHAT, "value": value}))


def ask(call: Call, operation: str, **body: Any) -> Callable[[], Response]:
    return partial(patiently, partial(call, operation, {"customer_id": "user_1", **body}))


def paid(answers: list[Response], feature_id: str) -> Decimal:
    """What the answers say that one feature paid."""
    found = [
        Decimal(str(one["value"]))
        for answer in answers
        for one in answer.body.get("deductions", ())
        if one["feature_id"] == feature_id
    ]
    return sum(found, Decimal(0))


def remaining(call: Call, feature_id: str) -> Decimal:
    listed = call("customers.get", {"customer_id": "user_1"}).body["balances"]
    return Decimal(str(listed[feature_id]["remaining"]))


def test_a_balance_of_its_own_pays_from_the_moment_it_is_granted(call: Call) -> None:
    grant = ask(call, "balances.create", feature_id="chat", included_grant=100)

    answers = at_once([*[use(call)] * 12, grant, *[use(call)] * 12])

    assert {answer.status for answer in answers} == {200}
    own, credits_paid = paid(answers, "chat"), paid(answers, "credits")
    assert own + credits_paid / 2 == 24
    assert remaining(call, "chat") == 100 - own
    assert remaining(call, "credits") == 1000 - 4 - credits_paid
    later = use(call)()
    assert [one["feature_id"] for one in later.body["deductions"]] == ["chat"]


def test_other_credits_are_not_overlooked(call: Call) -> None:
    grant = ask(call, "balances.create", feature_id="tokens", included_grant=1000)
    answers = at_once([*[use(call)] * 10, grant, *[use(call)] * 10])

    assert paid(answers, "credits") / 2 + paid(answers, "tokens") / 5 == 20
    spent = ask(call, "balances.update", feature_id="credits", remaining=0)()
    assert spent.status == 200
    after = use(call)()
    assert [(one["feature_id"], one["value"]) for one in after.body["deductions"]] == [
        ("tokens", 5)
    ]


def test_a_limit_on_what_credits_pay_for_holds_once_it_is_set(call: Call) -> None:
    limit = {"feature_id": "chat", "limit": 5, "interval": "month"}
    controls = {"usage_limits": [limit]}
    at_once(
        [
            *[use(call)] * 8,
            ask(call, "customers.update", billing_controls=controls),
            *[use(call)] * 8,
        ]
    )

    before = remaining(call, "credits")
    answers = at_once([use(call)] * 10)

    # Uses before the limit was set don't count; since then five at most.
    assert taken(answers) <= 10
    assert before - remaining(call, "credits") == taken(answers)
    shut = call("balances.check", CHAT).body
    assert shut["allowed"] is False
    assert balance(call, "credits")["remaining"] > 900
