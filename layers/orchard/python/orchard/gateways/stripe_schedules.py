"""What schedules of Stripe plan for subscriptions, those of others among them."""

from typing import NamedTuple

from orchard.errors import StripeMissing
from orchard.gateways.stripe_connection import connected

_EXPANDED = ["phases.items.price"]


class PhaseItem(NamedTuple):
    """So many units of a price of a product."""

    product: str
    quantity: int


class Phase(NamedTuple):
    """What a subscription consists of from a time on."""

    starts_at: int
    items: tuple[PhaseItem, ...]


def phases(environment: str, schedule_id: str) -> tuple[Phase, ...]:
    """Return the phases of a schedule that is going on, in their order; none if it is over."""
    try:
        with connected(environment) as client:
            found = client.v1.subscription_schedules.retrieve(
                schedule_id, {"expand": _EXPANDED}
            ).to_dict()
    except StripeMissing:
        return ()
    if found["status"] not in ("active", "not_started"):
        return ()
    return tuple(
        Phase(
            one["start_date"] * 1000,
            tuple(
                PhaseItem(str(item["price"]["product"]), int(item.get("quantity") or 0))
                for item in one["items"]
            ),
        )
        for one in found["phases"]
    )
