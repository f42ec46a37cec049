"""Stripe reports that its customer was changed: name and e-mail address follow.

What was cleared there stays here, and a change that this application made there is none.
"""

from typing import Any

from orchard.domain.customer import Customer
from orchard.gateways import stripe
from orchard.gateways.stripe import OWN, StripeCustomer
from orchard.gateways.stripe_events import Event
from orchard.store import customers, pointers, stripe_links
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Write
from orchard.store.stripe_links import Link
from orchard.store.table import Table

_FOLLOWED = ("name", "email")


def customer_updated(table: Table, event: Event, now: int) -> str:
    """Take over the name and e-mail that were changed at Stripe, as they are there now."""
    if (event.key or "").startswith(OWN):
        return "our own"
    changed = tuple(name for name in _FOLLOWED if name in event.previous)
    if not changed:
        return "nothing to follow"
    return optimistic(lambda: _follow(table, event, now, changed))


def _follow(table: Table, event: Event, now: int, changed: tuple[str, ...]) -> str:
    link = stripe_links.find(table, event.environment, event.object["id"])
    if link is None:
        return "unknown customer"
    session = Session(table, link.tenant, event.environment, now, "stripe", event.id)
    account = _account(session, link)
    # Asked between reading and writing: whoever writes last has seen the latest.
    there = stripe.customer(event.environment, event.object["id"])
    if account is None or there is None or account.customer.deleting_since is not None:
        return "gone"
    return _written(session, account, there, changed)


def _account(session: Session, link: Link) -> Account | None:
    account = customers.find(session, link.hot_id)
    is_it = account is not None and account.customer.internal_id == link.internal_id
    return account if is_it else None


def _written(
    session: Session, account: Account, there: StripeCustomer, changed: tuple[str, ...]
) -> str:
    before = account.customer
    texts: dict[str, Any] = {name: getattr(there, name) for name in changed}
    after = before._replace(**{name: text for name, text in texts.items() if text})
    if after == before:
        return "unchanged"
    after = after._replace(version=before.version + 1)
    writes: list[Write] = [customers.put(session, after, account.plans, session.stamp("update"))]
    if after.email != before.email:
        writes += _pointers(session, before, after)
    try:
        session.commit(*writes)
    except ConditionFailed as failed:
        if not pointers.is_email_claim(session, after, writes[failed.position]):
            raise
        # Customers without an id are known by their address, so it stays that of one alone.
        return _written(session, account, there, tuple(n for n in changed if n != "email"))
    return "followed"


def _pointers(session: Session, before: Customer, after: Customer) -> list[Write]:
    return [*pointers.claimed(session, after), *pointers.dropped(session, before, after)]
