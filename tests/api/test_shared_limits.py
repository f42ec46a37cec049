"""Limits that entities share, while several of them are used in the same moment."""

from collections.abc import Callable
from typing import Any

import pytest

from orchard.store.table import Table
from tests.builders import a_customer, a_feature, a_grant
from tests.conftest import Call

OVERAGE = {"feature_id": "credits", "enabled": True}


@pytest.fixture
def meanwhile(table: Table, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Do something else once, right before the next transaction is sent."""
    transact = table.transact

    def arm(work: Callable[[], None]) -> None:
        def interrupted(writes: Any) -> None:
            monkeypatch.setattr(table, "transact", transact)
            work()
            transact(writes)

        monkeypatch.setattr(table, "transact", interrupted)

    return arm


def test_entities_share_the_overage_of_credits_that_pay_beside_their_own(
    call: Call, meanwhile: Any
) -> None:
    a_feature(call, "searches")
    a_feature(call, "seats", consumable=False)
    priced = [{"metered_feature_id": "searches", "credit_cost": 1}]
    a_feature(call, "credits", type="credit_system", credit_schema=priced)
    limit = {**OVERAGE, "overage_limit": 10}
    a_customer(call, billing_controls={"overage_allowed": [OVERAGE], "spend_limits": [limit]})
    for entity_id in ("one", "two"):
        body = {"customer_id": "user_1", "entity_id": entity_id, "feature_id": "seats"}
        assert call("entities.create", body).status == 200
        for feature_id in ("searches", "credits"):
            a_grant(call, 1, feature_id, entity_id=entity_id)
    meanwhile(lambda: track(call, "two"))

    track(call, "one")

    assert credits_used(call, "one") + credits_used(call, "two") == 12


def track(call: Call, entity_id: str) -> None:
    body = {"customer_id": "user_1", "feature_id": "searches", "value": 20}
    assert call("balances.track", {**body, "entity_id": entity_id}).status == 200


def credits_used(call: Call, entity_id: str) -> float:
    """A grant that is just used up is not shown."""
    body = {"customer_id": "user_1", "feature_id": "credits", "entity_id": entity_id}
    shown = call("balances.check", body).body["balance"]
    return float(shown["usage"]) if shown else 1.0
