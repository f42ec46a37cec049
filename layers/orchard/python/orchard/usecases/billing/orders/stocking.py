"""What orders of automatic top-ups leave in the record of each feature: begun, paid, or not."""

from typing import Any

from orchard.domain import money
from orchard.domain.billing import top_ups as rules
from orchard.domain.billing.order import Order
from orchard.domain.holding import Place
from orchard.gateways.stripe_billing import Bill
from orchard.store import customers, top_ups
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.usecases.top_ups import BOUGHT, FAILED

#: Why an order came to nothing, in its audit.
OBSTACLE = "obstacle"


def begun(session: Session, account: Account, order: Order) -> list[Write]:
    """Return the writes that go along with an order that is begun: an attempt was made."""
    last, seen = session.stamp("auto_topup"), {one.place: one.seq for one in account.balances}
    writes: list[Write] = []
    for stock in order.effect.stocks:
        known, seq = account.top_up(stock.feature_id), seen.get(Place(stock.feature_id), 0)
        after = rules.attempted(known, session.now, seq)
        writes.append(top_ups.put(session, account.customer, after, last))
    return writes


def paid(session: Session, account: Account, order: Order, bill: Bill | None) -> list[Write]:
    """Return the writes that go along with the effect of an order: a purchase was made."""
    writes: list[Write] = []
    for stock in order.effect.stocks:
        after = rules.bought(account.top_up(stock.feature_id), stock, session.now)
        told: Item = {} if bill is None else {"invoice": _invoice(bill)}
        last = {**session.stamp(BOUGHT), "quantity": stock.units, **told}
        writes.append(top_ups.put(session, account.customer, after, last))
    return writes


def unpaid(session: Session, order: Order) -> list[Write]:
    """Return the writes that go along with giving an order up: nothing is bought for a while."""
    account = customers.find(session, order.internal_id) if order.effect.stocks else None
    if account is None:
        return []
    writes: list[Write] = []
    reason = order.audit.get(OBSTACLE) or "payment_failed"
    for stock in order.effect.stocks:
        last = {**session.stamp(FAILED), "quantity": stock.units, "reason": reason}
        after = rules.failed(account.top_up(stock.feature_id), session.now)
        writes.append(top_ups.put(session, account.customer, after, last))
    return writes


def _invoice(bill: Bill) -> dict[str, Any]:
    return {
        "stripe_id": bill.id,
        "status": bill.status,
        "total": money.minor(bill.total, bill.currency),
        "currency": bill.currency,
        "hosted_invoice_url": bill.hosted_invoice_url,
    }
