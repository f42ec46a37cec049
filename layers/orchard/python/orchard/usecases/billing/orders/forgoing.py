"""What giving an order up means for its customer: what it got before paying, its top-ups."""

from orchard.domain.billing.order import Order
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases.billing.orders import early, stocking


def writes(session: Session, order: Order) -> list[Write]:
    """Return the writes that go along with giving an order up."""
    return [*early.taken_back(session, order), *stocking.unpaid(session, order)]
