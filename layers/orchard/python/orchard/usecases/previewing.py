"""Previews of denied checks: which plans would help the customer or the entity."""

from typing import Any

from orchard.contracts import checking as contract
from orchard.contracts.checking import CheckRequest
from orchard.contracts.product import product
from orchard.domain import previews
from orchard.domain.plan_eligibility import Holder
from orchard.domain.previews import Lack
from orchard.store import catalog, customers
from orchard.store.session import Session


def preview(session: Session, request: CheckRequest, lack: Lack) -> dict[str, Any]:
    """Return why a check was denied and which plans would give more: one read, of the customer.

    Errors: `CustomerNotFound`.
    """
    known, entity_id = catalog.cached(session), request.entity_id
    account = customers.require(session, request.customer_id, entity_id)
    # Plans take each other's place within one scope; those of the customer count for entities too.
    holder = Holder(
        tuple(plan for plan in account.plans if plan.entity_id == entity_id), session.now
    )
    visible = [plan for plan in account.plans if plan.entity_id in (None, entity_id)]
    held = {plan.plan_id for plan in visible if plan.is_live(session.now)}
    found = previews.offers(known, known.costs(lack.feature.id), holder, held)
    shown = [product(one, known.features, session.environment) for one in found]
    return contract.preview(lack, found, shown)
