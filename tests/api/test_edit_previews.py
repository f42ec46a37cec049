"""What an edit would do: balances.preview_update runs the edit itself and writes nothing."""

import json
from decimal import Decimal
from typing import Any
from unittest.mock import ANY

import pytest

from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant, a_plan, balance, monthly
from tests.conftest import Call, Clock
from tests.harness import Response

BOTH = ("balances.preview_update", "balances.update")
DAY = 86_400_000
NEXT_MONTH = 1_790_812_800_000


@pytest.fixture(autouse=True)
def _customer(call: Call) -> None:
    a_feature(call)
    a_feature(call, "users", consumable=False)
    a_plan(call, "free", auto_enable=True)
    a_customer(call)


def asked(call: Call, operation: str = "balances.preview_update", **fields: Any) -> Response:
    return call(operation, {"customer_id": "user_1", "feature_id": "messages", **fields})


def previewed(call: Call, **fields: Any) -> Any:
    answered = asked(call, **fields)
    assert answered.status == 200, answered
    return answered.body


def track(call: Call, value: float, feature_id: str = "messages") -> None:
    body = {"customer_id": "user_1", "feature_id": feature_id, "value": value}
    assert call("balances.track", body).status == 200


def everything(table: Table) -> str:
    items = table.client.scan(TableName=table.name)["Items"]
    return json.dumps(items, sort_keys=True)


def pay_per_use(clock: Clock, call: Call, item: Any = None, **price: Any) -> None:
    """50 messages a month and $0.50 for each beyond them, as a paid upgrade would give them."""
    billed = {"amount": 0.5, "interval": "month", "billing_method": "usage_based", **price}
    a_plan(call, "metered", {**monthly("messages", 50), **(item or {}), "price": billed})
    clock.advance(ms=1)
    unpaid = {"customer_id": "user_1", "plan_id": "metered", "no_billing_changes": True}
    attached = call("billing.attach", unpaid)
    assert attached.status == 200, attached


@pytest.mark.parametrize(
    "fields",
    [
        {"remaining": 80},
        {"remaining": -20},
        {"remaining": 500},
        {"add_to_balance": 25},
        {"add_to_balance": -130, "interval": "month"},
        {"usage": 0},
        {"included_grant": 300},
        {"remaining": 10, "included_grant": 40},
        {"next_reset_at": NEXT_MONTH + DAY, "add_to_balance": 1},
        {"expires_at": NEXT_MONTH - DAY, "balance_id": "extra"},
        {},
    ],
)
def test_a_preview_shows_what_the_edit_then_makes(call: Call, fields: dict[str, Any]) -> None:
    a_grant(call, 30, balance_id="extra")
    track(call, 110)
    before = balance(call)

    seen = previewed(call, **fields)
    assert asked(call, "balances.update", **fields).status == 200

    after = balance(call)
    assert seen["before"]["balance"] == _without_version(before)
    assert seen["after"]["balance"] == _without_version(after)


def _without_version(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "version"}


def test_a_preview_writes_nothing(call: Call, table: Table) -> None:
    before = everything(table)
    previewed(call, remaining=7, reason="Only a look")
    assert everything(table) == before


def test_it_tells_whether_the_customer_is_blocked_before_and_after(call: Call) -> None:
    track(call, 100)
    seen = previewed(call, add_to_balance=10)
    assert (seen["before"]["allowed"], seen["after"]["allowed"]) == (False, True)
    seen = previewed(call, remaining=0.5)
    assert not seen["after"]["allowed"]


def test_credits_that_pay_for_the_feature_keep_it_allowed(call: Call) -> None:
    schema = [{"metered_feature_id": "messages", "credit_cost": 2}]
    a_feature(call, "credits", type="credit_system", credit_schema=schema)
    a_grant(call, 10, "credits")
    assert previewed(call, remaining=0)["after"]["allowed"]


def test_an_edit_lasts_until_the_reset_which_starts_anew(call: Call) -> None:
    track(call, 30)
    seen = previewed(call, add_to_balance=50)
    assert seen["lasts_until"] == NEXT_MONTH
    assert seen["next_reset"]["resets_at"] == NEXT_MONTH
    shown = seen["next_reset"]["balance"]
    assert (shown["granted"], shown["remaining"], shown["usage"]) == (100, 100, 0)
    (changed,) = seen["changes"]
    assert changed == {
        "balance_id": ANY,
        "plan_id": "free",
        "entity_id": None,
        "before": {
            "granted": 100,
            "balance": 70,
            "usage": 30,
            "next_reset_at": NEXT_MONTH,
            "expires_at": None,
        },
        "after": {
            "granted": 100,
            "balance": 120,
            "usage": -20,
            "next_reset_at": NEXT_MONTH,
            "expires_at": None,
        },
        "lasts_until": NEXT_MONTH,
    }


def test_an_edit_of_a_grant_without_an_end_lasts(call: Call) -> None:
    a_grant(call, 30, balance_id="extra")
    seen = previewed(call, add_to_balance=5, balance_id="extra")
    assert seen["lasts_until"] is None
    # The plan's source resets all the same, and leaves the edit alone.
    assert seen["next_reset"]["balance"]["remaining"] == 135


def test_a_date_that_was_set_stays(call: Call) -> None:
    seen = previewed(call, next_reset_at=NEXT_MONTH + DAY)
    assert seen["lasts_until"] is None
    assert seen["next_reset"]["resets_at"] == NEXT_MONTH + DAY


@pytest.mark.parametrize("amount", [50, -50])
def test_an_edit_with_an_end_lasts_until_then(call: Call, clock: Clock, amount: int) -> None:
    end = clock.now + 90 * DAY
    seen = previewed(call, add_to_balance=amount, ends_at=end)
    assert (seen["lasts_until"], len(seen["changes"])) == (end, 1)
    # A reset on the way leaves it as it is.
    assert seen["next_reset"]["balance"]["remaining"] == 100 + amount
    assert asked(call, "balances.update", add_to_balance=amount, ends_at=end).status == 200
    assert balance(call)["remaining"] == seen["after"]["balance"]["remaining"] == 100 + amount


def test_without_a_usage_price_nothing_is_invoiced(call: Call) -> None:
    assert previewed(call, remaining=-20)["next_invoice"] is None


def test_the_next_invoice_changes_by_what_the_edit_overdraws(call: Call, clock: Clock) -> None:
    pay_per_use(clock, call)
    asked(call, "balances.update", remaining=0, interval="month")
    track(call, 10)

    assert previewed(call, add_to_balance=-5)["next_invoice"] == {
        "currency": "usd",
        "before": 5,
        "after": 7.5,
        "change": 2.5,
    }
    assert previewed(call, add_to_balance=4)["next_invoice"]["change"] == -2
    assert previewed(call, remaining=40)["next_invoice"]["after"] == 0


def test_overage_that_is_waived_costs_nothing(call: Call, clock: Clock) -> None:
    pay_per_use(clock, call)
    limit = {"feature_id": "messages", "enabled": True, "skip_overage_billing": True}
    controls = {"spend_limits": [limit | {"overage_limit": 1000}]}
    body = {"customer_id": "user_1", "billing_controls": controls}
    assert call("customers.update", body).status == 200

    seen = previewed(call, remaining=-20)["next_invoice"]
    assert (seen["before"], seen["after"], seen["change"]) == (0, 0, 0)


def test_billing_units_are_whole(call: Call, clock: Clock) -> None:
    pay_per_use(clock, call, billing_units=100, amount=3)
    seen = previewed(call, remaining=-101, interval="month")["next_invoice"]
    assert Decimal(str(seen["after"])) == 6


def test_what_other_entities_use_beyond_is_on_the_same_invoice(call: Call, clock: Clock) -> None:
    for seat in ("seat_1", "seat_2"):
        body = {"customer_id": "user_1", "entity_id": seat, "feature_id": "users"}
        assert call("entities.create", body).status == 200
    pay_per_use(clock, call, {"entity_feature_id": "users"}, billing_units=100, amount=3)
    for seat, beyond in (("seat_1", -60), ("seat_2", -70)):
        asked(call, "balances.update", entity_id=seat, remaining=beyond)

    seen = previewed(call, entity_id="seat_1", add_to_balance=50)["next_invoice"]

    assert (seen["before"], seen["after"], seen["change"]) == (6, 3, -3)


def test_an_entity_sees_the_effect_on_what_it_can_use(call: Call) -> None:
    body = {"customer_id": "user_1", "entity_id": "seat_1", "feature_id": "users"}
    assert call("entities.create", body).status == 200
    a_grant(call, 7, entity_id="seat_1")
    seen = previewed(call, entity_id="seat_1", interval="one_off", add_to_balance=3)
    assert seen["after"]["balance"]["remaining"] == 110
    assert [one["entity_id"] for one in seen["changes"]] == ["seat_1"]


def test_its_version_lets_the_edit_insist_on_what_was_shown(call: Call) -> None:
    version = previewed(call, remaining=80)["version"]
    track(call, 1)
    refused = asked(call, "balances.update", remaining=80, if_version=version)
    assert (refused.status, refused.body["code"]) == (409, "version_conflict")
    version = previewed(call, remaining=80)["version"]
    assert asked(call, "balances.update", remaining=80, if_version=version).status == 200


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"feature_id": "nothing"}, 404, "feature_not_found"),
        ({"customer_id": "nobody"}, 404, "customer_not_found"),
        ({"entity_id": "nobody"}, 404, "entity_not_found"),
        ({"balance_id": "nothing", "remaining": 1}, 404, "invalid_request"),
        ({"remaining": 1, "add_to_balance": 1}, 400, "invalid_inputs"),
        ({"expires_at": 1}, 400, "invalid_inputs"),
        ({"remaining": 1, "if_version": 99}, 409, "version_conflict"),
    ],
)
def test_what_the_edit_would_refuse_is_refused(
    call: Call, fields: dict[str, Any], status: int, code: str
) -> None:
    previewed_, edited = (asked(call, one, **fields) for one in BOTH)
    assert (previewed_.status, previewed_.body["code"]) == (status, code)
    assert previewed_.body == edited.body
