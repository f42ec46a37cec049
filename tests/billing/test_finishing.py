"""Orders that nobody comes back for, and what Stripe never reported."""

from typing import Any

from orchard.store.table import Table
from orchard.triggers import job
from orchard.usecases import resets
from orchard.usecases.billing.orders import finishing
from tests.billing.conftest import Shop


def each(keys: Any, work: Any) -> Any:
    run = job.Run(None, 0, lambda: True)  # type: ignore[arg-type]  # the table is not asked for
    return run.each(keys, work)


def finish(shop: Shop, table: Table) -> int:
    numbers = finishing.run(table, lambda: shop.clock.now, each)
    assert numbers["OrdersFailed"] == 0
    return numbers["OrdersFinished"]


def test_a_payment_that_was_never_reported_is_found(shop: Shop, table: Table) -> None:
    shop.customer(card=None)
    answer = shop.attach("pro")
    session_id = answer["payment_url"].rpartition("/")[2]
    shop.stripe.control(f"checkout/sessions/{session_id}/pay", {"card": "pm_card_visa"})
    assert shop.plans() == {}

    shop.clock.advance(days=11)
    assert finish(shop, table) == 1

    assert shop.plans() == {"pro": "active"}
    assert finish(shop, table) == 0


def test_a_change_that_is_not_paid_for_is_given_up(shop: Shop, table: Table) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.attach("premium")

    shop.clock.advance(seconds=601)
    assert finish(shop, table) == 1
    shop.report()

    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(30, "void"), (20, "paid")]


def test_an_end_that_was_never_reported_is_found(shop: Shop, table: Table) -> None:
    shop.customer()
    shop.attach("pro")
    shop.attach("free")
    shop.stripe.control("clock/advance", {"by": 32 * 86_400})
    shop.clock.advance(days=32)

    assert shop.plans() == {"pro": "canceling", "free": "scheduled"}
    resets.run(table, shop.clock.now, each)

    assert shop.plans() == {"free": "active"}
