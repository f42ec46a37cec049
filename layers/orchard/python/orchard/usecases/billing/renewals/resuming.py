"""Payments that work again: top-ups that failed need not be waited with any longer."""

from orchard.domain.billing import top_ups as rules
from orchard.gateways.stripe_events import Event
from orchard.store import customers, stripe_links, top_ups
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.table import Table


def resume_top_ups(table: Table, event: Event, now: int) -> str:
    """Let an invoice that was paid end the suspension of top-ups; it may be reported twice."""
    link = stripe_links.find(table, event.environment, str(event.object.get("customer")))
    if link is None:
        return "unknown customer"
    session = Session(table, link.tenant, event.environment, now, "stripe", event.id)

    def attempt() -> int:
        account = customers.find(session, link.internal_id)
        failed = [one for one in account.top_ups if one.failed_at] if account else []
        if account is not None and failed:
            last = session.stamp("resume")
            resumed = (rules.resumed(one) for one in failed)
            session.commit(*(top_ups.put(session, account.customer, one, last) for one in resumed))
        return len(failed)

    return f"top-ups resumed: {optimistic(attempt)}"
