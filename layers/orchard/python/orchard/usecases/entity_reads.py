"""`entities.get`, and finding the entity that a request means."""

from collections.abc import Collection
from itertools import islice
from typing import Any

from orchard.contracts import entity as contract
from orchard.contracts import invoices as invoice_contract
from orchard.contracts.customer import Profile
from orchard.contracts.entity_reads import GetEntityRequest
from orchard.domain.entity import Entity, plans_of
from orchard.domain.scope import Subject
from orchard.errors import EntityNotFound, Invalid
from orchard.store import customers, entities, invoices
from orchard.store.customers import Account
from orchard.store.invoices import Wanted
from orchard.store.session import Session
from orchard.usecases import viewing

_INVOICES_SHOWN = 10


def get(session: Session, request: GetEntityRequest) -> dict[str, Any]:
    """Return an entity with what it has of its own and what it shares with its customer.

    Errors: 404 for an unknown customer or entity; 400 `entity_id_required` when the id alone does
    not say which entity is meant.
    """
    account, entity = require(session, request.entity_id, request.customer_id, whole=False)
    return view(session, account, entity, request.expand)


def require(
    session: Session, entity_id: str, customer_id: str | None, *, whole: bool = True
) -> tuple[Account, Entity]:
    """Return the entity with this id, and its account; the customer may be left out.

    Unless the `whole` account is wanted, it is only what the entity sees. Errors: as in `get`.
    """
    hot_id = customer_id or _owner(session, entity_id)
    account = customers.require(session, hot_id, None if whole else entity_id)
    entity = next((one for one in account.entities if one.id == entity_id), None)
    if entity is None:
        raise EntityNotFound(entity_id)
    return account, entity


def view(
    session: Session, account: Account, entity: Entity, expand: Collection[str] = ()
) -> dict[str, Any]:
    """Return an entity with the parts asked for."""
    profile = profile_of(session, account, entity)
    shown = viewing.expanded(session, profile, set(expand) - {"invoices"})
    if "invoices" in expand:
        parts = {"invoices": _invoices(session, account, entity)}
        shown = shown._replace(parts=parts)
    return contract.entity(entity, profile, shown)


def profile_of(session: Session, account: Account, entity: Entity) -> Profile:
    """Return what counts for an entity now: plans and rows of its own and of its customer."""
    whole = viewing.profile_of(session, account)
    pooled = not account.customer.config.get("disable_pooled_balance", False)
    subject = Subject(entity.id, pooled)
    return whole._replace(
        plans=plans_of(entity, whole.plans),
        subject=subject,
        versions=viewing.versions(account, subject),
    )


def _owner(session: Session, entity_id: str) -> str:
    """Where the one customer is kept that has such an entity."""
    found = list(islice(entities.owners(session, entity_id), 2))
    if not found:
        raise EntityNotFound(entity_id)
    if len(found) > 1:
        message = f"Several customers have an entity {entity_id}: say whose with customer_id"
        raise Invalid(message, "entity_id_required")
    return found[0]


def _invoices(session: Session, account: Account, entity: Entity) -> list[dict[str, Any]]:
    every = invoices.of_customer(session, account.customer.internal_id, Wanted())
    theirs = (one for one in every if one.entity_id == entity.id)
    shown = islice(theirs, _INVOICES_SHOWN)
    return [invoice_contract.entry(one, session.base_url) for one in shown]
