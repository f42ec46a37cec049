"""`entities.create`, `.update` and `.delete`: sub-accounts, each a unit of a feature."""

from decimal import Decimal
from typing import Any

from orchard.contracts.billing_controls import merged
from orchard.contracts.entities import CreateEntityRequest, UpdateEntityRequest
from orchard.contracts.entity_reads import DeleteEntityRequest
from orchard.domain import balance, ids
from orchard.domain.catalog import METERED
from orchard.domain.deduction import Overage
from orchard.domain.entity import Entity
from orchard.errors import Conflict, InsufficientBalance, Invalid
from orchard.store import balances, catalog, customers, entities, removals
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.usecases import creating, entity_reads

_ONE = Decimal(1)


def create(session: Session, request: CreateEntityRequest) -> dict[str, Any]:
    """Make an entity, which takes one unit of its feature, and return it.

    A customer that is not there yet is made first. Errors: 404 for an unknown feature; 409
    `entity_already_exists`; 400 `insufficient_balance` when no unit is left and none may be
    overdrawn.
    """
    optimistic(lambda: _create(session, request))
    account, entity = entity_reads.require(session, request.entity_id, request.customer_id)
    return entity_reads.view(session, account, entity)


def update(session: Session, request: UpdateEntityRequest) -> dict[str, Any]:
    """Replace the billing controls that were sent and return the entity.

    Nothing is written when nothing changes. Errors: as in `entities.get`.
    """
    account, entity = optimistic(lambda: _update(session, request))
    return entity_reads.view(session, account, entity)


def delete(session: Session, request: DeleteEntityRequest) -> dict[str, Any]:
    """Remove an entity with its plans and balances, and give its unit of the feature back.

    Errors: as in `entities.get`.
    """
    optimistic(lambda: _delete(session, request))
    return {"success": True}


def _create(session: Session, request: CreateEntityRequest) -> None:
    feature = catalog.feature(session, request.feature_id)
    if feature.type != METERED:
        raise Invalid(f"Feature {feature.id} can't be counted in entities: it is not metered")
    account = customers.find(session, request.customer_id) or _new_customer(session, request)
    customer = account.customer
    if any(one.id == request.entity_id for one in account.entities):
        raise Conflict(f"Entity {request.entity_id} already exists", "entity_already_exists")
    entity = Entity(
        id=request.entity_id,
        internal_id=ids.new("ety_", session.now),
        customer_internal_id=customer.internal_id,
        feature_id=feature.id,
        created_at=session.now,
        name=request.name or None,
        billing_controls=merged({}, request.billing_controls),
    )
    last = session.stamp("create_entity", entity_id=entity.id, feature_id=feature.id)
    session.commit(
        customers.put(
            session, customer._replace(version=customer.version + 1), account.plans, last
        ),
        *entities.creation(session, customer, entity, last),
        *_counted(session, account, feature.id, _ONE, last),
        *catalog.mark_feature(session, feature),
    )


def _new_customer(session: Session, request: CreateEntityRequest) -> Account:
    creating.get_or_create(session.unmarked(), request.customer)
    return customers.require(session, request.customer_id)


def _update(session: Session, request: UpdateEntityRequest) -> tuple[Account, Entity]:
    account, before = entity_reads.require(session, request.entity_id, request.customer_id)
    controls = merged(dict(before.billing_controls), request.billing_controls)
    if controls == before.billing_controls:
        return account, before
    after = before._replace(billing_controls=controls, version=before.version + 1)
    customer = account.customer._replace(version=account.customer.version + 1)
    last = session.stamp("update_entity", entity_id=after.id, billing_controls=controls)
    session.commit(
        customers.put(session, customer, account.plans, last),
        entities.changed(session, customer, after, last),
    )
    return account, after


def _delete(session: Session, request: DeleteEntityRequest) -> None:
    account, entity = entity_reads.require(session, request.entity_id, request.customer_id)
    customer = account.customer
    kept = tuple(plan for plan in account.plans if plan.entity_id != entity.id)
    last = session.stamp("delete_entity", entity_id=entity.id, feature_id=entity.feature_id)
    session.commit(
        customers.put(session, customer._replace(version=customer.version + 1), kept, last),
        *entities.removal(session, customer, entity),
        *(
            removals.removal(customer, item)
            for item in account.items
            if item.get("entity_id") == entity.id
        ),
        *_counted(session, account, entity.feature_id, -_ONE, last),
    )


def _counted(
    session: Session, account: Account, feature_id: str, units: Decimal, last: Item
) -> list[Write]:
    """Take units of the feature that counts entities, or give them back, where it has a balance."""
    stored = next((one for one in account.balances if one.feature_id == feature_id), None)
    if stored is None:
        return []
    before = stored.current(session.now)
    after, left = balance.track(before, units, Overage.CAP)
    if left > 0 and units > 0:
        raise InsufficientBalance(f"No {feature_id} left for another entity")
    return [balances.settled(stored, after, last)]
