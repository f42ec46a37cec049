"""A step of an order that is to be taken, and what it has made so far."""

from typing import NamedTuple

from orchard.domain.billing.order import Order


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
