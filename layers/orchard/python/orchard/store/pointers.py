"""The ways to a customer other than its id: internal id, e-mail, Stripe id."""

from orchard.domain.customer import Customer
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, Write


def find(session: Session, customer_id: str) -> str | None:
    """Return where the customer with this internal id is kept."""
    return _target(session.table.get(keys.pointer(session.tenant, customer_id)))


def find_by_email(session: Session, email: str) -> str | None:
    """Return where the customer without an id that has this address is kept."""
    return _target(session.table.get(keys.email_pointer(session.tenant, email.lower())))


def claimed(session: Session, customer: Customer) -> list[Put]:
    """Return the writes that make a customer findable; one fails if its address is another's."""
    return [
        Put(
            {
                "pk": key.pk,
                "sk": key.sk,
                "tenant": session.tenant,
                "hot_id": customer.hot_id,
                "internal_id": customer.internal_id,
            },
            "attribute_not_exists(pk) OR internal_id = :internal_id",
            {":internal_id": customer.internal_id},
        )
        for key in _addresses(session, customer)
    ]


def dropped(session: Session, before: Customer, after: Customer | None) -> list[Write]:
    """Return the writes that drop the pointers which a changed or deleted customer has no more."""
    kept = set() if after is None else set(_addresses(session, after))
    return [
        Delete(
            key,
            "attribute_not_exists(pk) OR internal_id = :internal_id",
            {":internal_id": before.internal_id},
        )
        for key in _addresses(session, before)
        if key not in kept
    ]


def is_stripe_claim(session: Session, customer: Customer, write: Write) -> bool:
    """Whether a write is the claim of the customer's Stripe id."""
    if customer.stripe_id is None:
        return False
    return _is_claim(write, keys.stripe_pointer(session.environment, customer.stripe_id))


def is_email_claim(session: Session, customer: Customer, write: Write) -> bool:
    """Whether a write is the claim of the address by which a customer without an id is found."""
    if not customer.email:
        return False
    return _is_claim(write, keys.email_pointer(session.tenant, customer.email.lower()))


def _is_claim(write: Write, key: Key) -> bool:
    return isinstance(write, Put) and (write.item["pk"], write.item["sk"]) == key


def _addresses(session: Session, customer: Customer) -> list[Key]:
    """The ways to a customer other than its id."""
    found = [keys.pointer(session.tenant, customer.internal_id)]
    if customer.id is None and customer.email:
        found.append(keys.email_pointer(session.tenant, customer.email.lower()))
    if customer.stripe_id:
        found.append(keys.stripe_pointer(session.environment, customer.stripe_id))
    return found


def _target(item: Item | None) -> str | None:
    return None if item is None else item["hot_id"]
