"""Refusing what Stripe could not bill before anything is done: now, or when it renews."""

from decimal import Decimal

from orchard.domain.billing import limits
from orchard.domain.billing.lines import LineItem, sum_of
from orchard.usecases.billing.wishes import Chosen


def checked(chosen: Chosen, currency: str) -> Chosen:
    """Return a decision whose invoices are possible. Errors: `Invalid`, `amount_too_large`."""
    later = () if chosen.next_cycle is None else chosen.next_cycle.lines
    limits.check((*_amounts(chosen.lines), *_amounts(later)), currency)
    return chosen


def _amounts(lines: tuple[LineItem, ...]) -> tuple[Decimal, ...]:
    return (*(line.amount for line in lines), sum_of(lines))
