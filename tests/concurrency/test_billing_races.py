"""Requests and reports about the billing of one customer at once: one of them after the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchard.store.session import Session
from orchard.store.table import Table
from tests.billing.conftest import Shop, shop
from tests.concurrency.interruptions import finish, outcome
from tests.harness import Response

__all__ = ["shop"]

pytestmark = pytest.mark.concurrency

#: What a client is told that has to wait, or that comes second.
REFUSED = {(423, "lock_already_exists"), (409, "plan_already_attached")}


def at_once(*acts: Callable[[], Response]) -> list[Response]:
    with ThreadPoolExecutor(len(acts)) as threads:
        return [one.result() for one in [threads.submit(act) for act in acts]]


def asking(shop: Shop, operation: str, **body: Any) -> Callable[[], Response]:
    return lambda: shop.call(operation, {"customer_id": "user_1", **body})


def paid(shop: Shop, url: str) -> list[Any]:
    """Pay on a page; return what Stripe has to report of that."""
    before = len(shop.stripe.reports(""))
    session_id = url.rpartition("/")[2].partition("#")[0]
    shop.stripe.control(f"checkout/sessions/{session_id}/pay", {"card": "pm_card_visa"})
    return shop.stripe.reports("")[before:]


def live(shop: Shop, stripe_id: str) -> list[Any]:
    return [one for one in shop.subscriptions(stripe_id) if one["status"] == "active"]


def assert_closed(shop: Shop, session: Session, stripe_id: str) -> None:
    seen = outcome(shop, session, "user_1", stripe_id)
    assert (seen["lock"], seen["left"], seen["open"]) == (False, [], [])


def test_of_identical_attaches_at_once_one_is_done(shop: Shop, session: Session) -> None:
    stripe_id = shop.customer()

    answers = at_once(*[asking(shop, "billing.attach", plan_id="pro") for _ in range(4)])
    shop.report()

    told = [(one.status, one.body.get("code")) for one in answers]
    assert sum(status == 200 for status, _ in told) == 1
    assert {one for one in told if one[0] != 200} <= REFUSED
    assert len(live(shop, stripe_id)) == 1
    assert shop.invoices() == [(20, "paid")]
    assert_closed(shop, session, stripe_id)


def test_of_two_plans_at_once_the_last_one_holds(shop: Shop, session: Session) -> None:
    stripe_id = shop.customer()

    names = ("pro", "premium")
    answers = at_once(*[asking(shop, "billing.attach", plan_id=one) for one in names])
    shop.report()

    assert {one.status for one in answers} <= {200, 423}
    (held,) = shop.plans().values()
    assert held in ("active", "canceling")
    assert len(live(shop, stripe_id)) == 1
    assert_closed(shop, session, stripe_id)


def test_a_page_that_is_paid_is_completed_once(shop: Shop, session: Session, table: Table) -> None:
    stripe_id = shop.customer(card=None)
    events = paid(shop, shop.attach("pro")["payment_url"])
    (done,) = [one for one in events if one["type"] == "checkout.session.completed"]
    shop.clock.advance(days=11)

    def job() -> Response:
        finish(shop, table)
        return Response(200, {}, {})

    at_once(*[lambda: shop.stripe.deliver(done) for _ in range(3)], job)
    shop.report()

    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500
    assert shop.invoices() == [(20, "paid")]
    assert_closed(shop, session, stripe_id)


def test_a_page_that_is_paid_while_another_plan_is_attached(shop: Shop, session: Session) -> None:
    stripe_id = shop.customer(card=None)
    events = paid(shop, shop.attach("pro")["payment_url"])
    (done,) = [one for one in events if one["type"] == "checkout.session.completed"]

    at_once(
        lambda: shop.stripe.deliver(done),
        asking(shop, "billing.attach", plan_id="premium"),
        asking(shop, "billing.attach", plan_id="premium"),
    )
    shop.clock.advance(seconds=31)
    shop.report()

    assert len(live(shop, stripe_id)) == 1
    assert len(shop.plans()) == 1
    assert_closed(shop, session, stripe_id)


def test_a_free_plan_that_came_first_makes_room_for_the_one_that_was_paid(shop: Shop) -> None:
    shop.customer(card=None)
    url = shop.attach("pro")["payment_url"]
    shop.attach("free")
    shop.pay(url)

    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500


def test_a_customer_that_is_renamed_meanwhile_keeps_the_plan(shop: Shop, session: Session) -> None:
    stripe_id = shop.customer()

    attached, renamed = at_once(
        asking(shop, "billing.attach", plan_id="pro"),
        asking(shop, "customers.update", new_customer_id="user_2"),
    )
    shop.report()

    assert renamed.status == 200, renamed
    assert attached.status in (200, 404), attached
    seen = outcome(shop, session, "user_2", stripe_id)
    assert bool(seen["plans"]) == bool(live(shop, stripe_id))
    assert (seen["lock"], seen["left"]) == (False, [])


@pytest.mark.parametrize("cancels", [True, False])
def test_a_customer_that_is_deleted_meanwhile_leaves_nothing_that_bills(
    shop: Shop,
    cancels: bool,  # noqa: FBT001 - a case
) -> None:
    stripe_id = shop.customer()

    attached, deleted = at_once(
        asking(shop, "billing.attach", plan_id="pro"),
        asking(shop, "customers.delete", delete_in_stripe=cancels),
    )
    shop.report()

    assert attached.status in (200, 404, 409, 423, 400), attached
    assert deleted.status in (200, 423), deleted
    is_there = shop.call("customers.get", {"customer_id": "user_1"}).status == 200
    if not is_there and attached.status != 200:
        assert live(shop, stripe_id) == []


def test_usage_during_an_upgrade_is_not_lost(shop: Shop) -> None:
    shop.customer()
    shop.attach("pro")
    uses = [asking(shop, "balances.track", feature_id="messages", value=1) for _ in range(12)]

    upgraded, *used = at_once(asking(shop, "billing.attach", plan_id="premium"), *uses)
    shop.report()

    assert {one.status for one in (upgraded, *used)} == {200}
    shown = shop.done("customers.get", customer_id="user_1")["balances"]["messages"]
    assert shown["granted"] == 1000
    # What came before the upgrade was used of the plan that ended.
    assert 0 <= shown["usage"] <= 12
    assert shown["remaining"] == 1000 - shown["usage"]
