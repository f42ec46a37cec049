"""What a deletion of a customer would remove: `customers.delete` with `dry_run`."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from orchard.contracts import deletion as contract
from orchard.contracts.deletion import DeleteCustomerRequest, Loss
from orchard.domain.customer import Customer
from orchard.domain.invoice import Invoice
from orchard.store import customers, due, invoices, keys, removals
from orchard.store.customers import Account
from orchard.store.invoices import Wanted
from orchard.store.session import Session

#: Nobody needs to know exactly how many there are.
MOST_COUNTED = 500
_OPEN, _MOST_OPEN = ("open", "draft"), 100


def preview(session: Session, request: DeleteCustomerRequest) -> dict[str, Any]:
    """Return what would be lost; nothing is written. Errors: `CustomerNotFound`."""
    return foreseen(session, customers.require(session, request.customer_id), request)


def foreseen(session: Session, account: Account, request: DeleteCustomerRequest) -> dict[str, Any]:
    """Return the same of a customer that was read: two more requests, if it has not too much."""
    customer = account.customer
    billed = _invoices(session, customer)
    changes, events = removals.counted(session, customer.internal_id, MOST_COUNTED)
    loss = Loss(
        customer=customer,
        plans=tuple(plan for plan in account.plans if plan.is_held(session.now)),
        entities=account.entities,
        state=account.state(session.now),
        open_invoices=_open(session, customer, billed),
        counts={"events": events, "changes": changes, "invoices": len(billed)},
        counted_up_to=MOST_COUNTED,
    )
    return contract.preview(
        loss,
        ends_at_stripe=ends_at_stripe(customer, request),
        anonymize=request.anonymize,
        deletion=_begun(session, customer),
    )


def ends_at_stripe(customer: Customer, request: DeleteCustomerRequest) -> bool:
    """Whether Stripe is to delete its customer too: as said now, else as said when it began."""
    if customer.stripe_id is None:
        return False
    if customer.deleting_since is not None:
        return request.delete_in_stripe or "delete_in_stripe" not in request.model_fields_set
    return request.delete_in_stripe


def _invoices(session: Session, customer: Customer) -> list[Invoice]:
    found = invoices.of_customer(session, customer.internal_id, Wanted(page=MOST_COUNTED))
    return list(islice(found, MOST_COUNTED))


def _open(session: Session, customer: Customer, billed: list[Invoice]) -> tuple[Invoice, ...]:
    """The open ones; they are looked for by themselves where there are more than were counted."""
    found: Iterable[Invoice] = (one for one in billed if one.status in _OPEN)
    if len(billed) == MOST_COUNTED:
        found = invoices.of_customer(session, customer.internal_id, Wanted(statuses=_OPEN))
    return tuple(islice(found, _MOST_OPEN))


def _begun(session: Session, customer: Customer) -> dict[str, Any] | None:
    """A deletion that waits for Stripe: since when, how often it was refused, and why."""
    if customer.deleting_since is None:
        return None
    found = due.get_deletion(session.table, keys.deletion(session.tenant, customer.internal_id))
    return {
        "began_at": customer.deleting_since,
        "attempts": 0 if found is None else found.attempts,
        "error": None if found is None else found.error,
    }
