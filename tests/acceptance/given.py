"""What a customer holds before anything happens: plans, grants, entities, billing controls."""

from collections.abc import Mapping
from typing import Any

from orchard.domain.billing import quantities
from orchard.store import catalog
from tests.acceptance.world import CUSTOMER, DAY, Ask, Step, World
from tests.conftest import session_of

type Item = dict[str, Any]


def _resetting(feature_id: str, included: float, interval: str, **fields: Any) -> Item:
    reset = {"interval": interval}
    return {"feature_id": feature_id, "included": included, "reset": reset, **fields}


def monthly(feature_id: str, included: float, **fields: Any) -> Item:
    return _resetting(feature_id, included, "month", **fields)


def hourly(feature_id: str, included: float) -> Item:
    return _resetting(feature_id, included, "hour")


def lifetime(feature_id: str, included: float, **fields: Any) -> Item:
    return {"feature_id": feature_id, "included": included, **fields}


def usage_based(
    feature_id: str, included: float, amount: float = 0.5, *, most: float | None = None
) -> Item:
    """A monthly item with pay-per-use beyond what is included, `most` units of it at most."""
    price = {"amount": amount, "interval": "month", "billing_method": "usage_based"}
    return monthly(feature_id, included, price=price | ({"max_purchase": most} if most else {}))


def prepaid(feature_id: str, included: float = 0, **price: Any) -> Item:
    """A monthly item of which more is bought in advance."""
    charged = {"interval": "month", "billing_method": "prepaid", **price}
    if "tiers" not in charged:
        charged.setdefault("amount", 1)
    return {"feature_id": feature_id, "included": included, "price": charged}


def carrying(item: Item, most: float | None) -> Item:
    """The item with unused balance carried over for a year, `most` of it in all."""
    rule = {"max": most, "expiry_duration_type": "month", "expiry_duration_length": 12}
    return {**item, "rollover": rule}


def per_entity(item: Item) -> Item:
    """The item granted to each user apart."""
    return {**item, "entity_feature_id": "users"}


def plan(
    plan_id: str, *items: Item, bought: Mapping[str, int] | None = None, **fields: Any
) -> Step:
    """A plan in a group of its own, attached at once; `bought` are prepaid units.

    `entity_id` attaches it to an entity.
    """
    entity_id = fields.pop("entity_id", None)
    body = {"group": plan_id, "name": plan_id, **fields}

    def attached(world: World) -> None:
        world.done("plans.create", plan_id=plan_id, items=list(items), **body)
        attach(plan_id, bought, entity_id=entity_id)(world)

    return attached


def attach(
    plan_id: str, bought: Mapping[str, int] | None = None, *, entity_id: str | None = None
) -> Step:
    """Attach a plan: through the API if it costs nothing, else without the payment."""

    def attached(world: World) -> None:
        session = session_of(world.table, world.clock.now)
        if catalog.read(session).plan(plan_id).is_free:
            entity = {"entity_id": entity_id} if entity_id else {}
            world.done("billing.attach", customer_id=CUSTOMER, plan_id=plan_id, **entity)
        else:
            _attach_unpaid(world, plan_id, entity_id, bought or {})

    return attached


def _attach_unpaid(
    world: World, plan_id: str, entity_id: str | None, bought: Mapping[str, int]
) -> None:
    """Do what an attach does once it is paid for; such a plan takes no other's place here."""
    world.clock.advance(ms=int(world.ticking))
    session = session_of(world.table, world.clock.now)
    plan = catalog.read(session).plan(plan_id)
    units = [
        {
            "feature_id": item["feature_id"],
            "quantity": float(quantities.included(item) + bought[item["feature_id"]]),
        }
        for item in quantities.prepaid_items(plan)
        if item["feature_id"] in bought
    ]
    body: dict[str, Any] = {
        "customer_id": CUSTOMER,
        "plan_id": plan_id,
        "feature_quantities": units,
    }
    entity = {"entity_id": entity_id} if entity_id else {}
    world.done("billing.attach", no_billing_changes=True, **body, **entity)


def grant(amount: float, feature_id: str = "messages", **fields: Any) -> Ask:
    """A balance apart from any plan."""
    body = {"customer_id": CUSTOMER, "feature_id": feature_id, "included_grant": amount}
    return Ask("balances.create", {**body, **fields})


def expiring(amount: float, feature_id: str, days: int) -> Step:
    """A grant that ends some days from now."""

    def granted(world: World) -> None:
        grant(amount, feature_id, expires_at=world.clock.now + days * DAY)(world)

    return granted


def entities(*entity_ids: str) -> Step:
    """Users of the customer."""

    def created(world: World) -> None:
        for entity_id in entity_ids:
            body = {"customer_id": CUSTOMER, "entity_id": entity_id, "feature_id": "users"}
            world.done("entities.create", **body)

    return created


def controls(entity_id: str | None = None, **lists: list[dict[str, Any]]) -> Ask:
    """Billing controls of the customer, or of one of its entities."""
    body: dict[str, Any] = {"customer_id": CUSTOMER, "billing_controls": lists}
    if entity_id is None:
        return Ask("customers.update", body)
    return Ask("entities.update", {**body, "entity_id": entity_id})


def spend_limit(limit: float, feature_id: str = "messages", **fields: Any) -> dict[str, Any]:
    return {"feature_id": feature_id, "enabled": True, "overage_limit": limit, **fields}


def percentage(limit: float, feature_id: str = "messages") -> dict[str, Any]:
    return spend_limit(limit, feature_id, limit_type="usage_percentage")


def usage_limit(
    limit: float, feature_id: str = "messages", interval: str = "month"
) -> dict[str, Any]:
    return {"feature_id": feature_id, "limit": limit, "interval": interval}


def limited(limit: float, feature_id: str = "messages", interval: str = "month") -> Ask:
    """The customer may use so much in a window."""
    return controls(usage_limits=[usage_limit(limit, feature_id, interval)])


def overage(feature_id: str = "messages", *, enabled: bool = True) -> Ask:
    """The customer may, or may not, use more than it has."""
    return controls(overage_allowed=[{"feature_id": feature_id, "enabled": enabled}])
