"""Renewals that are not paid: balances stay as they are until they are, and nothing is lost."""

from typing import Any

import pytest

from orchard.store.table import Table
from orchard.usecases import resets
from orchard.usecases.billing.reconciling import marking
from tests.billing.conftest import Shop
from tests.billing.test_renewals import metered, subscribed, track
from tests.billing.test_rows_reports import a_default
from tests.builders import a_feature, a_plan

WEEKLY = {"amount": 20, "interval": "week"}


def daily(feature_id: str, included: float, **fields: Any) -> dict[str, Any]:
    reset = {"interval": "day"}
    return {"feature_id": feature_id, "included": included, "reset": reset, **fields}


def held(shop: Shop, *feature_ids: str) -> list[float]:
    shown = shop.done("customers.get", customer_id="user_1")
    return [shown["balances"][name]["remaining"] for name in feature_ids]


def overdue(shop: Shop, *items: Any, **fields: Any) -> str:
    """A customer whose first renewal after a week was not paid; return its Stripe id."""
    stripe_id = subscribed(shop, *items, price=WEEKLY, **fields)
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.pass_time(days=7.2)
    (plan,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert plan["past_due"]
    return stripe_id


def pay(shop: Shop, stripe_id: str) -> list[Any]:
    """Pay what is open with another card; return the reports of it, which are still to come."""
    shop.save_card(stripe_id)
    known = {one["id"] for one in shop.stripe.reports("")}
    for one in shop.api("invoices", "GET", customer=stripe_id, status="open")["data"]:
        shop.api(f"invoices/{one['id']}/pay")
    return [one for one in shop.stripe.reports("") if one["id"] not in known]


def reset_all(shop: Shop, table: Table) -> int:
    found = resets.run(table, shop.clock.now, lambda due, work: ([work(one) for one in due], 0))
    return found["Reset"]


def test_balances_of_a_plan_wait_for_its_payment_and_start_anew_with_it(
    shop: Shop, table: Table
) -> None:
    a_feature(shop.call, "words")
    rollover = {"expiry_duration_type": "forever", "max": 500}
    stripe_id = overdue(shop, metered(interval="week"), daily("words", 50, rollover=rollover))
    shop.done(
        "balances.create",
        customer_id="user_1",
        feature_id="words",
        included_grant=5,
        reset={"interval": "day"},
    )
    track(shop, 140)
    track(shop, 25, "words")
    assert held(shop, "messages", "words") == [0, 80]
    late = shop.stripe.reports("customer.subscription.updated")

    # The second renewal comes before the first is paid: it bills what was used, and gives nothing.
    shop.pass_time(days=7)
    track(shop, 4, "words")
    assert held(shop, "messages", "words") == [0, 76]
    assert shop.invoices()[0] == (24, "open")
    shop.clock.advance(days=1)
    assert [reset_all(shop, table), reset_all(shop, table)] == [1, 0]
    shown = shop.done("customers.get", customer_id="user_1")
    assert shown["balances"]["messages"]["next_reset_at"] < shop.clock.now
    assert shown["balances"]["words"]["next_reset_at"] > shop.clock.now
    track(shop, 7)

    told = pay(shop, stripe_id)
    for event in (*reversed(told), *late, *told):
        assert shop.stripe.deliver(event).status == 200
    assert held(shop, "messages", "words")[0] == 100
    shown = shop.done("customers.get", customer_id="user_1")
    (plan,) = shown["subscriptions"]
    assert not plan["past_due"]
    assert shown["balances"]["messages"]["next_reset_at"] == plan["current_period_end"]
    assert reset_all(shop, table) == 0
    # What was used unpaid is on the next invoice, once.
    shop.pass_time(days=7)
    assert shop.invoices()[:2] == [(20.7, "paid"), (24, "paid")]


def test_a_plan_that_ignores_it_resets_all_the_same_from_the_next_look_on(
    shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be chosen while a payment is overdue; entities that come then get no more either."""
    for name in ("words", "seats", "calls"):
        a_feature(shop.call, name, **({"consumable": False} if name == "seats" else {}))
    each = daily("calls", 10, entity_feature_id="seats")
    overdue(shop, daily("words", 50), each, config={"ignore_past_due": True})
    track(shop, 20, "words")
    shop.clock.advance(days=1)
    assert held(shop, "words") == [50]

    def choose(*, ignored: bool) -> list[str]:
        shop.done("plans.update", plan_id="metered", config={"ignore_past_due": ignored})
        return list(shop.done("billing.sync", customer_id="user_1")["done"])

    # However many balances there are: most are written ahead of the plan.
    monkeypatch.setattr(marking, "_MOST_WRITES", 3)
    for number in range(4):
        entity = {"customer_id": "user_1", "entity_id": f"seat_{number}", "feature_id": "seats"}
        shop.done("entities.create", name=entity["entity_id"], **entity)
        track(shop, 4, "calls", entity_id=entity["entity_id"])
    assert [len(choose(ignored=False)), len(choose(ignored=False))] == [1, 0]
    newcomer = {"customer_id": "user_1", "entity_id": "late", "feature_id": "seats"}
    shop.done("entities.create", name="Late", **newcomer)
    track(shop, 4, "calls", entity_id="late")
    track(shop, 20, "words")
    shop.clock.advance(days=3)
    assert held(shop, "words", "calls") == [30, 30]
    assert reset_all(shop, table) == 0
    assert len(choose(ignored=True)) == 1
    assert held(shop, "words", "calls") == [50, 50]


def test_an_unpaid_plan_leaves_what_others_pay_for_alone_and_makes_room_when_it_ends(
    shop: Shop, table: Table
) -> None:
    a_default(shop)
    for name in ("words", "more"):
        a_feature(shop.call, name)
    a_plan(shop.call, "pack", daily("more", 5), price=WEEKLY, add_on=True)
    stripe_id = subscribed(shop, daily("words", 50), price=WEEKLY)
    shop.pass_time(days=1)
    shop.attach("pack", new_billing_subscription=True)
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.pass_time(days=6.2)
    shown = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert {one["plan_id"]: one["past_due"] for one in shown} == {"metered": True, "pack": False}
    track(shop, 20, "words")
    track(shop, 3, "more")
    shop.clock.advance(days=0.9)
    edit = {"customer_id": "user_1", "feature_id": "words", "add_to_balance": 7}
    preview = shop.done("balances.preview_update", **edit)
    assert preview["next_reset"] is None
    shop.done("balances.update", **edit)
    assert held(shop, "words", "more") == [37, 5]

    shop.pass_time(days=16)
    assert shop.plans() == {"basic": "active"}
    assert held(shop, "messages") == [10]
    assert reset_all(shop, table) == 0
