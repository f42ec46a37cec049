"""Which customer of which tenant a Stripe customer stands for."""

from typing import NamedTuple

from orchard.store import keys
from orchard.store.statements import Check
from orchard.store.table import Table


class Link(NamedTuple):
    """A customer, found by its id at Stripe."""

    environment: str
    stripe_id: str
    tenant: str
    internal_id: str
    hot_id: str


def find(table: Table, environment: str, stripe_id: str) -> Link | None:
    """Return the customer that is linked to a Stripe customer now."""
    item = table.get(keys.stripe_pointer(environment, stripe_id))
    if item is None:
        return None
    return Link(environment, stripe_id, item["tenant"], item["internal_id"], item["hot_id"])


def holds(link: Link) -> Check:
    """Require that the link is still there and leads to the same customer."""
    return Check(
        keys.stripe_pointer(link.environment, link.stripe_id),
        "internal_id = :internal_id",
        {":internal_id": link.internal_id},
    )
