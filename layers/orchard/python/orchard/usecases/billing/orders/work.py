"""A step of an order that is to be taken, what it has made so far, and what it came to."""

from typing import NamedTuple

from orchard.domain.billing.order import Order
from orchard.domain.billing.subscription import Subscription
from orchard.gateways.stripe_billing import Bill as Invoice
from orchard.gateways.stripe_checkout import Session as CheckoutSession


class Work(NamedTuple):
    """A step to take: for which order, where, under which idempotency key.

    `made` is what it made before; `begun` is told what it has made so far, by the step's number.
    """

    environment: str
    order: Order
    key: str
    made: str | None
    number: int
    begun: dict[str, str]

    def note(self, made: str) -> None:
        """Remember what the step has made, so that it can be taken back if it goes no further."""
        self.begun[str(self.number)] = made

    @property
    def noted(self) -> str:
        """What the step has made so far, in this try."""
        return self.begun.get(str(self.number), "")


class Taken(NamedTuple):
    """What a step came to; `is_paid` False lets the order wait."""

    id: str
    subscription: Subscription | None = None
    invoice: Invoice | None = None
    session: CheckoutSession | None = None
    is_paid: bool = True
