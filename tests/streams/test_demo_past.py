"""The demo data of `make dev`: a customer whose balances have a past."""

from local.demo import past
from local.demo.product import FEATURES, PLANS
from orchard.store.table import Table
from tests.conftest import START, TENANT, Call, Clock
from tests.streams import recording


def test_a_customer_has_lived_through_two_months(call: Call, clock: Clock, table: Table) -> None:
    for feature in FEATURES:
        call("features.create", feature)
    call("plans.create", next(plan for plan in PLANS if plan["plan_id"] == "free"))
    clock.advance(days=0.5)

    past.live(table, TENANT, clock.now)
    # Once more changes nothing.
    past.live(table, TENANT, clock.now)
    recording.catch_up(table)

    asked = {"customer_id": past.CUSTOMER, "feature_id": "messages", "range": "90d"}
    told = call("balances.history", asked).body
    shown = [row["remaining"] for row in told["list"] if row["remaining"] is not None]
    assert len(shown) == past.DAYS + 1
    assert len(set(shown)) > past.DAYS / 3
    assert min(shown) >= 0
    assert [mark["type"] for mark in told["marks"]] == [
        *("plan_change", "edit", "reset", "grant", "expiry", "edit"),
    ]
    credits_ = call("balances.history", {**asked, "feature_id": "credits"}).body
    assert credits_["list"][-1]["usage"] > 0
    created = call("customers.get", {"customer_id": past.CUSTOMER}).body["created_at"]
    assert created < START - (past.DAYS - 2) * past.DAY
