"""What a deletion of a customer would remove: `customers.delete` with `dry_run`."""

from itertools import islice
from typing import Any

from orchard.contracts import deletion as contract
from orchard.contracts.deletion import DeleteCustomerRequest, Loss
from orchard.domain.customer import Customer
from orchard.store import customers, due, invoices, keys, removals
from orchard.store.invoices import Wanted
from orchard.store.session import Session

#: Nobody needs to know exactly how many there are.
MOST_COUNTED = 1000
_MOST_OPEN = 100


def preview(session: Session, request: DeleteCustomerRequest) -> dict[str, Any]:
    """Return what would be lost; nothing is written. Errors: `CustomerNotFound`."""
    account = customers.require(session, request.customer_id)
    customer = account.customer
    loss = Loss(
        customer=customer,
        plans=tuple(plan for plan in account.plans if plan.is_held(session.now)),
        entities=account.entities,
        state=account.state(session.now),
        open_invoices=_open_invoices(session, customer),
        counts=_counts(session, customer),
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


def _open_invoices(session: Session, customer: Customer) -> tuple[Any, ...]:
    wanted = Wanted(statuses=("open", "draft"))
    return tuple(islice(invoices.of_customer(session, customer.internal_id, wanted), _MOST_OPEN))


def _counts(session: Session, customer: Customer) -> dict[str, int]:
    ledger = keys.ledger(session.tenant, customer.internal_id)
    stored = keys.invoices(session.tenant, customer.internal_id)
    places = {
        "events": (ledger, keys.EVENTS),
        "changes": (ledger, keys.CHANGES),
        "invoices": (stored, ""),
    }
    return {
        name: removals.counted(session.table, *place, MOST_COUNTED)
        for name, place in places.items()
    }


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
