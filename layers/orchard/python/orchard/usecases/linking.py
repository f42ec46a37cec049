"""The Stripe customer of a customer: linking it, and keeping name and e-mail alike."""

from collections.abc import Mapping

from orchard.domain.customer import Customer
from orchard.errors import Conflict, StripeFailed
from orchard.gateways import stripe
from orchard.store import customers, pointers
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Write


def follow(session: Session, before: Customer, after: Customer) -> None:
    """Do in Stripe what a change of a customer asks for, before it is stored.

    A newly linked Stripe customer must exist; the name and e-mail of a linked one are updated.
    Errors: `StripeFailed` and the like; nothing is stored then.
    """
    if after.stripe_id is None:
        return
    if after.stripe_id != before.stripe_id:
        if stripe.customer(session.environment, after.stripe_id) is None:
            raise StripeFailed(f"No such customer: '{after.stripe_id}'")
    elif (after.name, after.email) != (before.name, before.email):
        stripe.update_customer(
            session.environment, after.stripe_id, name=after.name or "", email=after.email or ""
        )


def create_in_stripe(session: Session, account: Account, audit: Mapping[str, str]) -> Account:
    """Return the account with a Stripe customer, made now unless a rival request made it."""
    return optimistic(lambda: _created(session, account.customer.hot_id, audit))


def introduce(session: Session, customer: Customer) -> None:
    """Tell Stripe the e-mail address of a customer whom it knows without one.

    Such a customer was linked, not created; a page of Stripe's would ask for the address.
    """
    if customer.stripe_id is None or not customer.email:
        return
    known = stripe.customer(session.environment, customer.stripe_id)
    if known is not None and not known.email:
        stripe.update_customer(session.environment, customer.stripe_id, email=customer.email)


def delete_in_stripe(session: Session, stripe_id: str) -> None:
    """Delete the Stripe customer; one that is gone already is fine."""
    stripe.delete_customer(session.environment, stripe_id)


def explain(session: Session, after: Customer, refused: Write) -> None:
    """Say so if a write was refused because the Stripe customer is another's."""
    if pointers.is_stripe_claim(session, after, refused):
        raise Conflict(
            f"Stripe customer {after.stripe_id} is linked to another customer", "invalid_request"
        )


def _created(session: Session, hot_id: str, audit: Mapping[str, str]) -> Account:
    account = customers.require(session, hot_id)
    before = account.customer
    if before.stripe_id is not None:
        return account
    linked = stripe.create_customer(
        session.environment, before, idempotency_key=f"orchard:customer:{before.internal_id}"
    )
    after = before._replace(stripe_id=linked.id, version=before.version + 1)
    last = session.stamp("link", stripe_id=linked.id, **audit)
    writes: list[Write] = [
        customers.put(session, after, account.plans, last),
        *pointers.claimed(session, after),
    ]
    try:
        session.commit(*writes)
    except ConditionFailed as failed:
        explain(session, after, writes[failed.position])
        raise
    return account._replace(customer=after)
