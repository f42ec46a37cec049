"""More is bought by itself: when, how much, what it does to balances, and what is told of it."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from orchard.store import customers, keys, orders
from orchard.store.statements import Delete
from orchard.store.table import Table
from tests.billing.conftest import Shop
from tests.billing.machine import Machine, running
from tests.builders import a_plan
from tests.concurrency.faults import Fault, trouble
from tests.concurrency.interruptions import LEASE_S, Interrupted
from tests.concurrency.worlds import THOROUGH
from tests.conftest import Call, session_of
from tests.streams.recording import partition

KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
PACKS = {
    "feature_id": "credits",
    "price": {
        "amount": 10,
        "interval": "one_off",
        "billing_method": "prepaid",
        "billing_units": 100,
    },
}
METERED = {
    "feature_id": "credits",
    "included": 10,
    "price": {"amount": 1, "interval": "month", "billing_method": "usage_based"},
}


@pytest.fixture
def machine(
    call: Call, shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    a_plan(call, "packs", PACKS, add_on=True, create_in_stripe=False)
    shop.customer()
    with running(shop, table, monkeypatch) as made:
        shop.attach("packs", feature_quantities=[{"feature_id": "credits", "quantity": 100}])
        yield made


def wish(shop: Shop, threshold: float = 20, quantity: float = 100, **fields: Any) -> Any:
    entry = {
        "feature_id": "credits",
        "enabled": True,
        "threshold": threshold,
        "quantity": quantity,
        **fields,
    }
    return shop.done(
        "customers.update", customer_id="user_1", billing_controls={"auto_topups": [entry]}
    )


def use(machine: Machine, value: float, **fields: Any) -> Any:
    machine.shop.clock.advance(seconds=1)
    asked = {"customer_id": "user_1", "feature_id": "credits", "value": value, **fields}
    return machine.shop.done("balances.track", **asked)


def figures(shop: Shop) -> tuple[float, float, float]:
    shown = shop.done("customers.get", customer_id="user_1")["balances"]["credits"]
    return shown["granted"], shown["remaining"], shown["usage"]


def window(shop: Shop) -> Any:
    name = "billing_controls.auto_topups.purchase_limit"
    shown = shop.done("customers.get", customer_id="user_1", expand=[name])
    return shown["billing_controls"]["auto_topups"][0].get("purchase_limit")


def test_a_use_that_leaves_little_buys_whole_packs_once(shop: Shop, machine: Machine) -> None:
    wish(shop, quantity=150)
    use(machine, 79)
    machine.run()
    assert figures(shop) == (100, 21, 79)

    use(machine, 1)
    assert machine.run(twice=True) == []

    assert figures(shop) == (300, 220, 80)
    assert shop.invoices() == [(20, "paid"), (10, "paid")]
    assert shop.done("invoices.list", customer_id="user_1")["list"][0]["plan_ids"] == ["packs"]
    ((kind, detail),) = {json.dumps(one): one for one in machine.notices()}.values()
    assert kind == "billing.auto_topup_succeeded"
    assert (detail["customer_id"], detail["feature_id"], detail["quantity"]) == (
        "user_1",
        "credits",
        200,
    )
    assert (detail["invoice"]["total"], detail["invoice"]["status"]) == (2000, "paid")


def test_a_payment_that_fails_voids_the_invoice_and_is_not_tried_for_an_hour(
    shop: Shop, machine: Machine
) -> None:
    stripe_id = shop.done("customers.get", customer_id="user_1")["stripe_id"]
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    wish(shop)
    use(machine, 90)
    machine.run(twice=True)

    assert figures(shop) == (100, 10, 90)
    assert shop.invoices() == [(10, "void"), (10, "paid")]
    ((kind, detail),) = {json.dumps(one): one for one in machine.notices()}.values()
    assert (kind, detail["reason"]) == ("billing.auto_topup_failed", "payment_failed")

    shop.save_card(stripe_id)
    use(machine, 10)
    machine.run()
    assert figures(shop) == (100, 0, 100)
    shop.clock.advance(seconds=3600)
    asked = {"customer_id": "user_1", "feature_id": "credits"}
    for _ in range(2):
        assert not shop.done("balances.check", **asked)["allowed"]
    assert len(machine.messages()) == 1
    assert machine.buy() == machine.buy() == []
    assert figures(shop) == (200, 100, 100)


def test_a_payment_of_something_else_ends_the_wait(shop: Shop, machine: Machine) -> None:
    stripe_id = shop.done("customers.get", customer_id="user_1")["stripe_id"]
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    wish(shop)
    use(machine, 90)
    machine.run()
    shop.save_card(stripe_id)
    shop.attach("once")
    use(machine, 1)
    machine.run()

    assert figures(shop)[0] == 210


def test_a_limit_holds_for_its_window_whose_count_can_be_set(shop: Shop, machine: Machine) -> None:
    plain = {"interval": "day", "interval_count": 1, "limit": 1}
    wish(shop, threshold=1000, purchase_limit=plain)
    assert window(shop) == plain
    for _ in range(2):
        use(machine, 1)
        machine.run()
    shown = window(shop)
    assert shown == {**plain, "count": 1, "next_reset_at": shown["next_reset_at"]}
    wish(shop, threshold=1000, purchase_limit={**plain, "count": 0})
    assert window(shop) == {**shown, "count": 0}
    for _ in range(2):
        use(machine, 1)
        machine.run()
    assert figures(shop)[0] == 300

    shop.clock.now = int(shown["next_reset_at"])
    assert window(shop) == plain
    wish(shop, threshold=1000, purchase_limit={**plain, "count": 1})
    assert window(shop)["next_reset_at"] == shop.clock.now + 86_400_000
    use(machine, 1)
    machine.run()
    assert figures(shop)[0] == 300


def test_what_was_bought_goes_along_with_the_customer(
    shop: Shop, machine: Machine, table: Table
) -> None:
    wish(shop, purchase_limit={"interval": "day", "limit": 3})
    use(machine, 90)
    machine.run()
    told_once = len(machine.notices())
    shown = window(shop)
    shop.done("customers.update", customer_id="user_1", new_customer_id="user_2")
    machine.run()
    shop.done("customers.update", customer_id="user_2", new_customer_id="user_1")
    use(machine, 100)
    machine.run()

    assert window(shop) == {**shown, "count": 2}
    assert len(machine.notices()) == told_once + 1
    shop.done("customers.delete", customer_id="user_1")
    assert partition(table, "org/sandbox#CUSTOMER#user_1") == []


def test_what_is_owed_elsewhere_is_paid_down_first(
    call: Call, shop: Shop, machine: Machine
) -> None:
    a_plan(call, "metered", METERED)
    shop.attach("metered")
    machine.run()
    use(machine, 140)
    wish(shop, threshold=-30)
    use(machine, 1)
    machine.run()

    shown = shop.done("customers.get", customer_id="user_1")["balances"]["credits"]
    assert (shown["granted"], shown["remaining"], shown["usage"]) == (210, 69, 141)
    rows = {one["plan_id"]: (one["prepaid_grant"], one["usage"]) for one in shown["breakdown"]}
    assert rows == {"packs": (200, 131), "metered": (0, 10)}


def test_an_invoice_that_is_sent_is_paid_before_more_is_there(shop: Shop, machine: Machine) -> None:
    wish(shop, invoice_mode=True)
    for value in (90, 1):
        use(machine, value)
        machine.run()
    (sent, *_) = shop.done("invoices.list", customer_id="user_1")["list"]
    assert sent["status"] == "open"
    assert figures(shop) == (100, 9, 91)
    assert machine.notices() == []

    shop.api(f"invoices/{sent['stripe_id']}/pay")
    shop.report()
    assert figures(shop) == (200, 109, 91)


@pytest.mark.parametrize(
    ("is_early", "how", "granted"), [(True, "pay", 300), (False, "pay", 300), (True, "void", 200)]
)
def test_what_is_bought_while_an_invoice_for_more_waits_comes_beside(
    shop: Shop, machine: Machine, how: str, granted: float, *, is_early: bool
) -> None:
    wish(shop)
    more = [{"feature_id": "credits", "quantity": 200}]
    body = {"customer_id": "user_1", "plan_id": "packs", "feature_quantities": more}
    mode = {"enabled": True, "enable_plan_immediately": is_early}
    sent = shop.done("billing.update", **body, invoice_mode=mode)
    shop.report()
    use(machine, 190 if is_early else 90)
    machine.run()
    shop.api(f"invoices/{sent['invoice']['stripe_id']}/{how}")
    shop.report()

    assert figures(shop)[0] == granted
    assert 10 * sum(total for total, status in shop.invoices() if status == "paid") == granted


def test_others_who_change_the_billing_are_waited_for(
    shop: Shop, machine: Machine, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(table, shop.clock.now)
    customer = customers.require(session, "user_1").customer
    lock = orders.taken(session, customer.internal_id, "ord_other")
    waited: list[float] = []

    def leave(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 5:
            key = keys.billing_lock(session.tenant, customer.internal_id)
            session.commit(Delete(key))

    monkeypatch.setattr(time, "sleep", leave)
    wish(shop)
    session.commit(lock)
    use(machine, 90)
    machine.read()

    assert len(machine.buy()) == 1
    assert waited == [1, 2, 4]
    assert machine.buy() == []
    assert figures(shop) == (200, 110, 90)


def dying(machine: Machine, interrupted: Interrupted, rest: int) -> int:
    """Use and buy again and again, killed at another call each time; return how often."""
    shop = machine.shop
    use(machine, 1)
    machine.read()
    length = interrupted.counted(machine.buy)
    shop.report()
    every = [(number, fault) for number in range(length) for fault in KILLS]
    tried = every if THOROUGH else every[rest::16]
    for position, fault in tried:
        machine.forget()
        shop.clock.advance(seconds=3601)
        use(machine, 1)
        machine.read()
        interrupted.during(position, trouble(fault), machine.buy)
        shop.clock.advance(seconds=LEASE_S)
        assert machine.buy() == machine.buy() == []
        shop.report()
    machine.read()
    return len(tried) + 1


def test_a_process_that_dies_buys_once(
    shop: Shop, machine: Machine, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between any two calls, of the table or of Stripe; then the message comes again."""
    wish(shop, threshold=100_000, purchase_limit={"interval": "month", "limit": 1000})
    wanted = dying(machine, Interrupted(table, monkeypatch), 5)

    assert figures(shop) == (100 + 100 * wanted, 100 + 99 * wanted, wanted)
    assert shop.invoices() == [(10, "paid")] * (wanted + 1)
    assert window(shop)["count"] == wanted


def test_a_process_that_dies_over_a_payment_that_fails_voids_it_and_says_so_once(
    shop: Shop, machine: Machine, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe_id = shop.done("customers.get", customer_id="user_1")["stripe_id"]
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    wish(shop, threshold=100_000)
    wanted = dying(machine, Interrupted(table, monkeypatch), 13)

    assert figures(shop) == (100, 100 - wanted, wanted)
    assert shop.invoices().count((10, "void")) == len(shop.invoices()) - 1
    assert len({detail["id"] for _kind, detail in machine.notices()}) == wanted
    session = session_of(table, shop.clock.now)
    account = customers.require(session, "user_1")
    assert orders.pending(session, account.customer.internal_id) == (None, ())
