"""`entities.create`, `.update` and `.delete`: sub-accounts, each a unit of a feature."""

from decimal import Decimal
from typing import Any

from orchard.contracts.billing_controls import merged
from orchard.contracts.entities import CreateEntityRequest, UpdateEntityRequest
from orchard.contracts.entity_reads import DeleteEntityRequest
from orchard.domain import attachment, changes, ids, ledger, plan_items, pool
from orchard.domain.arrangement import Household
from orchard.domain.billing import estates
from orchard.domain.customer import Customer
from orchard.domain.entity import Entity
from orchard.domain.holding import Holding, State
from orchard.domain.ledger import Details
from orchard.domain.pool import Use
from orchard.domain.row import ordered
from orchard.domain.scope import CUSTOMER
from orchard.errors import Conflict, InsufficientBalance, Invalid
from orchard.store import catalog, customers, entities, removals
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Contention, Delete, Item, Write
from orchard.store.stored import Stored
from orchard.usecases import arranging, creating, entity_reads, seating

_ONE = Decimal(1)


def create(session: Session, request: CreateEntityRequest) -> dict[str, Any]:
    """Make an entity, which takes one unit of its feature, and return it.

    A customer that is not there yet is made first. Errors: 404 for an unknown feature; 409
    `entity_already_exists`; 400 `insufficient_balance` when no unit is left and none may be
    overdrawn.
    """
    optimistic(lambda: _create(session, request))
    account, entity = entity_reads.require(
        session, request.entity_id, request.customer_id, whole=False
    )
    return entity_reads.view(session, account, entity)


def update(session: Session, request: UpdateEntityRequest) -> dict[str, Any]:
    """Replace the billing controls that were sent and return the entity.

    Nothing is written when nothing changes. Errors: as in `entities.get`.
    """
    account, entity = optimistic(lambda: _update(session, request))
    return entity_reads.view(session, account, entity)


def delete(session: Session, request: DeleteEntityRequest) -> dict[str, Any]:
    """Remove an entity with its plans and balances, and give its unit of the feature back.

    What is paid for of it ends at once, without a credit. Errors: as in `entities.get`; for an
    entity with such a plan also as in `billing.update`.
    """
    optimistic(lambda: _delete(session, request))
    return {"success": True}


def _create(session: Session, request: CreateEntityRequest) -> None:
    feature = catalog.feature(session, request.feature_id)
    if not plan_items.counts_entities(feature):
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
    last = session.stamp(
        "create_entity", entity_id=entity.id, feature_id=feature.id, **request.audit
    )
    household = Household(_next(customer), account.plans, (*account.entities, entity))
    state = _counted(session, customer, account.state(session.now), feature.id, _ONE)
    session.commit(
        customers.put(
            session, household.customer, account.plans, last | {"after": changes.entity(entity)}
        ),
        *entities.creation(session, customer, entity, last),
        *_balances(session, household, account.balances, _sliced(state, entity), last),
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
    customer = _next(account.customer)
    family = tuple(after if one.id == after.id else one for one in account.entities)
    last = session.stamp(
        "update_entity", entity_id=after.id, feature_id=after.feature_id, **request.audit
    )
    told = {"before": changes.entity(before), "after": changes.entity(after)}
    household = Household(customer, account.plans, family)
    session.commit(
        customers.put(session, customer, account.plans, last | told),
        entities.changed(session, customer, after, last),
        *_balances(session, household, account.balances, {}, last),
    )
    # Controls are kept with the balances too, so these may have changed as well.
    return entity_reads.require(session, after.id, customer.hot_id, whole=False)


def _delete(session: Session, request: DeleteEntityRequest) -> None:
    account, entity = entity_reads.require(session, request.entity_id, request.customer_id)
    customer = account.customer
    _end_paid(session, account, entity, request)
    plans = tuple(plan for plan in account.plans if plan.entity_id != entity.id)
    told = {"before": _lost(session, account, entity)}
    family = tuple(one for one in account.entities if one.id != entity.id)
    held = tuple(one for one in account.balances if one.place.entity_id != entity.id)
    gone = (item for item in account.items if item.get("entity_id") == entity.id)
    inherited = estates.inherited(account.state(session.now), entity.id)
    before = {one.place: inherited[one.place] for one in held}
    state = _counted(session, customer, before, entity.feature_id, -_ONE)
    household = Household(_next(customer), plans, family)
    last = session.stamp(
        "delete_entity", entity_id=entity.id, feature_id=entity.feature_id, **request.audit
    )
    session.commit(
        customers.put(session, household.customer, plans, last | told),
        *entities.removal(session, customer, entity),
        *(_removal(customer, item) for item in gone),
        *_balances(session, household, held, state, last),
    )


def _end_paid(
    session: Session, account: Account, entity: Entity, request: DeleteEntityRequest
) -> None:
    """End what would go on being paid for without the entity that it is for.

    Errors: `Contention` when that changed something; those of `billing.update`.
    """
    own = (one for one in account.plans if one.entity_id == entity.id and one.is_held(session.now))
    paid = [one for one in own if one.stripe_subscription_id is not None]
    if paid:
        from orchard.usecases.billing.updates import leaving  # noqa: PLC0415 - few entities need it

        leaving.end_all(session.unmarked(), account.customer, paid, request)
        raise Contention


def _removal(customer: Customer, item: Item) -> Delete:
    """Remove what is an entity's; a balance as it was read: what is used of it may be billed."""
    delete = removals.removal(customer, item)
    if "seq" not in item:
        return delete
    values = {**(delete.values or {}), ":seq": item["seq"]}
    return delete._replace(condition=f"{delete.condition} AND seq = :seq", values=values)


def _lost(session: Session, account: Account, entity: Entity) -> Details:
    """What goes with an entity: no line of the ledger but this one tells of it."""
    plans = (plan for plan in account.plans if plan.entity_id == entity.id)
    state = account.state(session.now)
    own = {place.feature_id: held for place, held in state.items() if place.entity_id == entity.id}
    balances = {name: ledger.figures(held.rows) for name, held in own.items() if held.rows}
    return {**changes.entity(entity), **changes.plans(plans), "balances": balances}


def _next(customer: Customer) -> Customer:
    """The customer's next version: whatever is decided on this one takes turns."""
    return customer._replace(version=customer.version + 1)


def _counted(
    session: Session, customer: Customer, state: State, feature_id: str, units: Decimal
) -> State:
    """Take units of the feature that counts entities, or give them back, where it has a balance.

    What has to be paid is paid first. Errors: `InsufficientBalance`; those of `seating.taken`.
    """
    use = Use(feature_id, units, catalog.costs(session, feature_id))
    if not pool.candidates(state, CUSTOMER, use.costs):
        return state
    drawn = pool.draw(state, CUSTOMER, use)
    if drawn.left > 0 and units > 0:
        raise InsufficientBalance(f"No {feature_id} left for another entity")
    return seating.taken(session, customer.hot_id, state, drawn.state)


def _sliced(state: State, entity: Entity) -> State:
    """What balances hold once an entity has its share of what is granted to each."""
    cast = attachment.slices(state, entity)
    return {**state, **{place: Holding(ordered(rows)) for place, rows in cast.items()}}


def _balances(
    session: Session, household: Household, held: tuple[Stored, ...], state: State, last: Item
) -> list[Write]:
    known = catalog.cached(session)
    return arranging.writes(session, known, household, held, state, last=last)
