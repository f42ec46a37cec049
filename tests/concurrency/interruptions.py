"""Processes that die between any two calls, of the table or of Stripe; and what comes of billing.

The calls of both are counted in one row: a call that is to go wrong is named by its position.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import stripe

from orchard.domain.billing.order import OPEN
from orchard.store import customers, orders
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.triggers import connection, job
from orchard.usecases.billing.orders import finishing
from tests.billing.conftest import Shop
from tests.concurrency.faults import Faulty, Killed, Trouble
from tests.conftest import forget

#: How long a lock lasts that its holder did not let go of, and a little more.
LEASE_S = 31


class Interrupted:
    """The table's client and the transport to Stripe, whose calls are counted together."""

    def __init__(self, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self._faulty = Faulty(table.client)
        self._table = table
        transport: Any = stripe.RequestsClient.request
        faulty: Any = self._faulty

        def request(client: Any, *arguments: Any, **named: Any) -> Any:
            return faulty._call(partial(transport, client), *arguments, **named)  # noqa: SLF001

        monkeypatch.setattr(stripe.RequestsClient, "request", request)
        monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
        monkeypatch.setattr(table, "client", self._faulty)

    def during(self, position: int, trouble: Trouble, act: Callable[[], object]) -> bool:
        """Act with trouble at a position; return whether it came to that."""
        self._faulty.arrange(position, trouble)
        try:
            act()
        except Killed:
            restart()
        return self._faulty.clear()

    def counted(self, act: Callable[[], object]) -> int:
        """Act without trouble; return how many calls that took."""
        made: list[None] = []

        def noted(call: Callable[[], Any]) -> Any:
            made.append(None)
            return call()

        self._faulty.arrange_all(noted)
        act()
        self._faulty.clear()
        return len(made)


def restart() -> None:
    """Go on in a new process, which remembers nothing."""
    table = connection.table()
    forget()
    connection.use(table)


def each(keys: Any, work: Any) -> Any:
    """Do the work of a job with its keys, whose failures are counted."""
    run = job.Run(None, 0, lambda: True)  # type: ignore[arg-type]  # the table is not asked for
    return run.each(keys, work)


def finish(shop: Shop, table: Table) -> dict[str, int]:
    """Let the job come that finishes orders."""
    return finishing.run(table, lambda: shop.clock.now, each)


def redeliver(shop: Shop) -> None:
    """Let Stripe report all of it once more, what was handled already too."""
    shop.clock.advance(seconds=1)
    for event in shop.stripe.reports(""):
        answered = shop.stripe.deliver(event)
        assert answered.status == 200, (event["type"], answered)


def outcome(shop: Shop, session: Session, customer_id: str, stripe_id: str) -> dict[str, Any]:
    """All that billing came to for a customer: here, and at Stripe, without ids."""
    shown = shop.done("customers.get", customer_id=customer_id)
    listed = shop.api("invoices", "GET", customer=stripe_id, limit=100)["data"]
    refunded = shop.api("refunds", "GET", limit=100)["data"]
    paid = {one["id"]: one["amount_paid"] for one in listed if one["status"] == "paid"}
    held = customers.require(session, customer_id)
    pending = orders.pending(session, held.customer.internal_id)
    return {
        "plans": sorted(shop.plans(customer_id).items()),
        "purchases": sorted(one["plan_id"] for one in shown["purchases"]),
        "balances": {
            name: (one["granted"], one["usage"], one["remaining"])
            for name, one in shown["balances"].items()
        },
        "stored": sorted(invoice for invoice in shop.invoices(customer_id) if invoice[1] != "void"),
        "paid": sorted(paid.values()),
        "open": [one["status"] for one in listed if one["status"] in ("open", "draft")],
        "refunded": sum(
            one["amount"] for one in refunded if one.get("charge") and _of(shop, one, stripe_id)
        ),
        "subscriptions": sorted(_seen(one) for one in shop.subscriptions(stripe_id)),
        "coupons": [one.coupon.id for one in held.customer.coupons],
        "lock": pending.lock is not None and pending.lock.until > session.now,
        "left": [one.status for one in pending.orders if one.status == OPEN],
        "waiting": sorted(one.status for one in pending.orders if one.status != OPEN),
    }


def _of(shop: Shop, refund: Any, stripe_id: str) -> bool:
    intent = shop.api(f"payment_intents/{refund['payment_intent']}", "GET")
    return bool(intent["customer"] == stripe_id)


def _seen(one: Any) -> str:
    items = sorted(
        (item["price"]["unit_amount"], item["quantity"]) for item in one["items"]["data"]
    )
    ends = "ends" if one["cancel_at"] or one["cancel_at_period_end"] else ""
    planned = "planned" if one["schedule"] else ""
    return f"{one['status']} {items} {ends} {planned}"
