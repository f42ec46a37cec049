"""Seats that are charged when they are taken: with plans, renewals and entities, after crashes."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.domain.sources import Overage
from orchard.gateways import stripe_billing
from orchard.triggers import connection
from orchard.usecases import bulk
from orchard.usecases.billing import seating
from tests.billing.conftest import Shop
from tests.builders import a_feature, a_plan
from tests.conftest import session_of

BASE = {"amount": 20, "interval": "month"}
PAID = {"amount": 10, "interval": "month", "billing_method": "usage_based"}
SPARED = {"on_increase": "bill_immediately", "on_decrease": "none"}
PRORATED = {"on_increase": "prorate_immediately", "on_decrease": "prorate_immediately"}


def seats(included: int, amount: float = 10, rule: dict[str, str] = SPARED) -> dict[str, Any]:
    price = {**PAID, "amount": amount}
    return {"feature_id": "seats", "included": included, "price": price, "proration": rule}


@pytest.fixture
def office(shop: Shop) -> Shop:
    """A customer with a card, and a plan with three seats of its own."""
    a_feature(shop.call, "seats", consumable=False)
    a_plan(shop.call, "team", seats(3), price=BASE)
    shop.customer()
    return shop


def hire(shop: Shop, *names: str) -> None:
    for name in names:
        body = {"customer_id": "user_1", "entity_id": name, "feature_id": "seats"}
        shop.done("entities.create", **body)


def take(shop: Shop, change: float) -> None:
    shop.done("balances.track", customer_id="user_1", feature_id="seats", value=change)


def totals(shop: Shop) -> list[float]:
    """What invoices came to, by size."""
    shop.report()
    return sorted(total for total, status in shop.invoices() if status != "void")


def test_a_plan_bills_the_seats_that_are_in_use_already(office: Shop) -> None:
    hire(office, "a", "b", "c", "d", "e")

    assert office.preview("team")["total"] == 40
    office.attach("team")
    assert totals(office) == [40]
    assert office.remaining("seats") == 0


def test_f6_entities_are_seats_and_one_that_goes_leaves_its_own(office: Shop) -> None:
    a_plan(office.call, "crew", seats(0, 50), group="crew")
    office.attach("crew")
    hire(office, "a", "b")
    office.done("entities.delete", customer_id="user_1", entity_id="a")
    hire(office, "c")
    assert [one for one in totals(office) if one] == [50, 50]
    hire(office, "d")
    assert [one for one in totals(office) if one] == [50, 50, 50]


def test_a_renewal_bills_the_seats_in_use_and_spares_none(office: Shop) -> None:
    office.attach("team")
    take(office, 6)
    take(office, -1)
    assert office.remaining("seats") == 1
    office.pass_time(days=32)

    assert totals(office) == [20, 30, 40]
    assert office.remaining("seats") == 0
    take(office, 1)
    assert totals(office) == [10, 20, 30, 40]


def test_a_renewal_that_nobody_heard_of_is_done_before_seats_are_charged(office: Shop) -> None:
    office.attach("team")
    take(office, 4)
    ends_at = office.done("customers.get", customer_id="user_1")["subscriptions"][0]
    office.clock.now = ends_at["current_period_end"]
    office.stripe.control("clock/advance", {"by": 0, "stop_after": "invoice.created"})
    take(office, 1)
    office.pass_time(days=1)

    assert totals(office) == [10, 10, 20, 30]


def test_a_trial_has_free_seats_that_are_paid_for_when_it_is_over(office: Shop) -> None:
    trial = {"duration_length": 7, "duration_type": "day", "card_required": True}
    a_plan(office.call, "try", seats(1), price=BASE, free_trial=trial)
    office.attach("try")
    take(office, 3)
    assert [one for one in totals(office) if one] == []
    office.pass_time(days=9)

    assert [one for one in totals(office) if one] == [40]


def test_seats_given_back_are_credited_where_the_plan_says_so(office: Shop) -> None:
    a_plan(office.call, "crew", seats(0, 30, PRORATED), price=BASE, group="crew")
    office.attach("crew")
    take(office, 2)
    office.pass_time(days=15)
    take(office, -1)

    credit, *paid = totals(office)
    assert paid == [20, 60]
    assert -17 < credit < -13
    assert office.remaining("seats") == 0


def test_a_dearer_plan_credits_the_seats_of_the_old_one_and_bills_its_own(office: Shop) -> None:
    a_plan(office.call, "corp", seats(3, 20), price={"amount": 50, "interval": "month"})
    office.attach("team")
    take(office, 5)
    assert totals(office) == [20, 20]
    before = office.preview("corp")["total"]
    office.attach("corp")

    # 50 + 2 seats at 20, less 20 + 2 seats at 10; a few seconds into the cycle.
    assert totals(office) == [20, 20, before]
    assert before == pytest.approx(50, abs=0.05)


def test_a_subscription_that_ends_bills_no_seats_for_a_cycle_that_does_not_come(
    office: Shop,
) -> None:
    office.attach("team")
    take(office, 4)
    office.done(
        "billing.update", customer_id="user_1", plan_id="team", cancel_action="cancel_end_of_cycle"
    )
    office.pass_time(days=33)

    assert totals(office) == [10, 20]


def test_other_changes_of_a_plan_leave_its_seats_alone(office: Shop) -> None:
    a_plan(office.call, "packs", seats(0), price=BASE, group="packs")
    office.attach("packs")
    take(office, 2)
    office.done(
        "billing.update",
        customer_id="user_1",
        plan_id="packs",
        customize={"price": {"amount": 20, "interval": "month"}, "items": [seats(0), MESSAGES]},
    )

    assert [one for one in totals(office) if one] == [20, 20]
    take(office, 1)
    assert [one for one in totals(office) if one] == [10, 20, 20]


MESSAGES = {"feature_id": "messages", "included": 5, "reset": {"interval": "month"}}


def test_a_use_within_what_is_included_asks_stripe_nothing(
    office: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.attach("team")
    monkeypatch.setattr(seating, "pay", lambda *_args: pytest.fail("nothing is to be paid"))
    take(office, 3)
    take(office, -2)

    assert office.remaining("seats") == 2


def test_seats_cannot_be_reserved(office: Shop) -> None:
    office.attach("team")
    status, code, _message = office.refused(
        "balances.check",
        customer_id="user_1",
        feature_id="seats",
        required_balance=1,
        lock={"enabled": True, "lock_id": "one"},
    )

    assert (status, code) == (400, "invalid_request")


def test_seats_beyond_what_is_sold_are_neither_taken_nor_billed(office: Shop) -> None:
    item = seats(1)
    item["price"]["max_purchase"] = 2
    a_plan(office.call, "small", item, group="small")
    office.attach("small")
    status, code, _message = office.refused(
        "balances.track", customer_id="user_1", feature_id="seats", value=4
    )

    assert (status, code) == (400, "insufficient_balance")
    take(office, 3)
    assert [one for one in totals(office) if one] == [20]


def test_a_cheaper_plan_bills_its_seats_from_the_cycle_in_which_it_begins(office: Shop) -> None:
    a_plan(office.call, "small", seats(0, 5), price={"amount": 8, "interval": "month"})
    office.attach("team")
    take(office, 4)
    office.attach("small")
    office.pass_time(days=33)
    assert office.plans() == {"small": "active"}
    assert totals(office) == [8, 10, 20]
    office.pass_time(days=31)

    # Four seats of the cycle before, and of the new one.
    assert totals(office) == [8, 10, 20, 8 + 20 + 20]


def test_queued_uses_are_charged_for_together(office: Shop) -> None:
    office.attach("team")
    uses = [
        bulk.Event(f"evt_{number}", Decimal(2), Overage.CAP, office.clock.now)
        for number in range(3)
    ]
    group = bulk.Group("user_1", None, "seats", ("seats",))
    bulk.record(session_of(connection.table(), office.clock.now), group, uses)

    assert totals(office) == [20, 30]
    assert office.remaining("seats") == 0


@pytest.mark.parametrize("later", [None, "pro"])
def test_what_an_entity_pays_for_ends_with_it_without_a_credit(
    office: Shop, later: str | None
) -> None:
    hire(office, "a")
    office.attach("team")
    office.attach("premium" if later else "pro", entity_id="a")
    if later:
        office.attach(later, entity_id="a")
    owner = office.done("customers.get", customer_id="user_1")["stripe_id"]
    office.clock.advance(seconds=1)
    office.done("entities.delete", customer_id="user_1", entity_id="a", reason="left")
    office.report()

    assert office.plans() == {"team": "active"}
    assert totals(office) == [20, 50 if later else 20]
    office.pass_time(days=32)
    assert totals(office)[:2] == [20, 20]
    assert len(totals(office)) == 3
    going = [one for one in office.subscriptions(owner) if one["status"] == "active"]
    assert [len(one["items"]["data"]) for one in going] == [1]
    hire(office, "a")
    assert office.plans() == {"team": "active"}


def test_f7_of_two_entities_made_at_once_one_is_told_to_wait(
    office: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_plan(office.call, "crew", seats(0, 50), group="crew")
    office.attach("crew")
    body = {"customer_id": "user_1", "feature_id": "seats"}
    finalize = stripe_billing.finalize
    others: list[tuple[int, str, str]] = []

    def meanwhile(*given: Any) -> Any:
        if not others:
            others.append(office.refused("entities.create", entity_id="b", **body))
        return finalize(*given)

    monkeypatch.setattr(stripe_billing, "finalize", meanwhile)
    office.done("entities.create", entity_id="a", **body)

    assert [(status, code) for status, code, _message in others] == [(423, "lock_already_exists")]
    assert [one for one in totals(office) if one] == [50]
    hire(office, "b")
    assert [one for one in totals(office) if one] == [50, 50]
