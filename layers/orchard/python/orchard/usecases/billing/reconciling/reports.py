"""What reactions to Stripe's reports begin with: whose report it is, and whether it is new."""

from typing import NamedTuple

from orchard.errors import Locked
from orchard.gateways.stripe_events import Event
from orchard.store import customers, orders, stripe_links
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.store.table import Table

#: Stripe repeats a report for three days.
_REMEMBERED_MS = 7 * 86_400_000
#: How the keys of our own calls begin.
OURS = "orchard:"


class Opened(NamedTuple):
    """A report of a customer's: a session that remembers it, the account, what is pending."""

    session: Session
    account: Account
    pending: Pending

    @property
    def is_busy(self) -> bool:
        """Whether a request is changing the billing right now."""
        lock = self.pending.lock
        return lock is not None and lock.until > self.session.now


def opened(table: Table, event: Event, now: int, purpose: str) -> Opened | None:
    """Return the customer that a report is about; None if it is nobody's here.

    The next commit remembers the report. Errors: `DuplicateIdempotencyKey` for one that was
    handled for this purpose before.
    """
    link = stripe_links.find(table, event.environment, str(event.object.get("customer")))
    if link is None:
        return None
    session = Session(table, link.tenant, event.environment, now, "stripe", event.id)
    account = customers.find(session, link.internal_id)
    if account is None:
        return None
    session.once(f"stripe:{purpose}", event.id, _REMEMBERED_MS)
    return Opened(session, account, orders.pending(session, link.internal_id))


def refuse_meanwhile(event: Event, found: Opened) -> bool:
    """Whether a report is only the echo of a call that a request is making right now.

    Errors: `Locked` for another one that comes meanwhile: Stripe sends it again.
    """
    if not found.is_busy:
        return False
    if (event.key or "").startswith(OURS):
        return True
    raise Locked(orders.BUSY)
