"""What attaching a plan would be for a customer who pays already."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain.catalog import Plan, catalog
from orchard.domain.customer import EXPIRED, SCHEDULED, CustomerPlan
from orchard.domain.plan_eligibility import Holder, eligibility

NOW = 1_000_000


def plan(plan_id: str, amount: int | None = None, interval: str = "month", **fields: Any) -> Plan:
    price = None if amount is None else {"amount": Decimal(amount), "interval": interval}
    return Plan(id=plan_id, version=1, name=plan_id, created_at=0, price=price, **fields)


def pay_per_use(interval: str = "month") -> dict[str, Any]:
    return {"feature_id": "a", "price": {"amount": Decimal(1), "interval": interval}}


PLANS = (
    plan("free"),
    plan("cheap", 10),
    plan("pro", 20),
    plan("twin", 20),
    plan("premium", 50),
    plan("yearly", 15, "year"),
    plan("annual", 360, "year"),
    plan("usage", items=(pay_per_use(),)),
    plan("other", 20, group="other"),
    plan("extra", 5, add_on=True),
    plan("once", 5, "one_off"),
)


def held(plan_id: str = "pro", **fields: Any) -> CustomerPlan:
    return CustomerPlan(id="cus_prod_1", plan_id=plan_id, plan_version=1, started_at=0, **fields)


def view(plan_id: str, *plans: CustomerPlan) -> dict[str, Any]:
    known = catalog([], PLANS)
    return eligibility(known.plan(plan_id), Holder(plans, NOW), known)


@pytest.mark.parametrize(
    ("plan_id", "action"),
    [
        ("free", "downgrade"),
        ("cheap", "downgrade"),
        ("usage", "downgrade"),
        ("pro", "none"),
        ("twin", "upgrade"),
        ("premium", "upgrade"),
        ("yearly", "upgrade"),
        ("other", "activate"),
        ("extra", "activate"),
        ("once", "purchase"),
    ],
)
def test_from_a_paid_plan(plan_id: str, action: str) -> None:
    assert view(plan_id, held())["attach_action"] == action


@pytest.mark.parametrize("plan_id", ["cheap", "usage", "yearly"])
def test_whatever_has_a_price_is_an_upgrade_from_a_free_plan(plan_id: str) -> None:
    assert view(plan_id, held("free"))["attach_action"] == "upgrade"


@pytest.mark.parametrize(
    ("plan_id", "action"), [("pro", "downgrade"), ("premium", "upgrade"), ("yearly", "downgrade")]
)
def test_from_a_longer_commitment_it_matters_what_a_month_costs(plan_id: str, action: str) -> None:
    assert view(plan_id, held("annual"))["attach_action"] == action


def test_the_own_plan_tells_that_it_was_cancelled() -> None:
    assert view("pro", held(canceled_at=NOW - 1, expires_at=NOW + 1)) == {
        "attach_action": "none",
        "status": "active",
        "canceling": True,
        "trialing": False,
        "trial_available": False,
    }


def test_the_own_plan_tells_that_it_is_scheduled() -> None:
    assert view("cheap", held(), held("cheap", status=SCHEDULED))["status"] == "scheduled"


def test_what_ended_counts_no_more() -> None:
    for ended in (held(status=EXPIRED), held(expires_at=NOW), held(trial_ends_at=NOW)):
        assert view("cheap", ended)["attach_action"] == "activate"


def test_an_add_on_or_a_purchase_is_not_the_plan_of_its_group() -> None:
    beside = (held("extra", add_on=True), held("once", one_off=True))

    assert view("cheap", *beside)["attach_action"] == "activate"
    assert view("extra", *beside)["attach_action"] == "none"
    assert view("once", *beside)["attach_action"] == "purchase"


def test_a_trial_can_be_had_once() -> None:
    trial = {"duration_length": Decimal(7), "duration_type": "day", "card_required": True}
    tried = plan("tried", 5, free_trial=trial)
    known = catalog([], [tried])

    for plans, available in (((), True), ((held("tried", trial_ends_at=NOW - 1),), False)):
        found = eligibility(tried, Holder(plans, NOW), known)
        assert found["trial_available"] is available


def test_a_plan_that_is_gone_from_the_catalogue_gives_way_to_any_other() -> None:
    assert view("free", held("gone"))["attach_action"] == "upgrade"
