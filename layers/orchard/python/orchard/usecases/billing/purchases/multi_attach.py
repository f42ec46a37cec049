"""`billing.multi_attach` and `billing.preview_multi_attach`: several plans in one purchase."""

from typing import Any

from orchard.contracts.billing.attach import AttachRequest
from orchard.contracts.billing.customize import Customize
from orchard.contracts.billing.multi_attach import MultiAttachRequest
from orchard.contracts.plans import FreeTrial
from orchard.domain import plan_rules
from orchard.domain.catalog import Catalog
from orchard.store import catalog, customers
from orchard.store.session import Session
from orchard.usecases import creating, entities
from orchard.usecases.billing import answers
from orchard.usecases.billing.orders import settings
from orchard.usecases.billing.purchases import attach_wishes, buying, offering
from orchard.usecases.billing.purchases.buying import Purchase


def multi_attach(session: Session, request: MultiAttachRequest) -> dict[str, Any]:
    """Give a customer several plans: all or none of them, paid for together.

    A customer, or entity, that is not there is made first if the request says with what. Errors:
    as `attach`; 400 `invalid_redirect_mode`.
    """
    purchase = _purchase_of(request, catalog.read(session))
    _settled_in(session, request)
    return offering.bought_or_offered(session, purchase, request.customer_id, request.entity_id)


def preview(session: Session, request: MultiAttachRequest) -> dict[str, Any]:
    """Return what `multi_attach` would do and charge; nothing is written, here or at Stripe."""
    account = customers.require(session, request.customer_id)
    known = catalog.read(session)
    wish = buying.wish_of(session, account, known, _purchase_of(request, known))
    return answers.preview(request.customer_id, wish, buying.chosen(wish))


def _settled_in(session: Session, request: MultiAttachRequest) -> None:
    """Make the customer and the entity that are to have the plans, if that was asked for."""
    account = customers.find(session, request.customer_id)
    if account is None and request.customer_data is not None:
        creating.get_or_create(session.unmarked(), request.customer)
        account = customers.find(session, request.customer_id)
    entity, there = request.entity, () if account is None else account.entities
    if account is not None and entity and all(one.id != entity.entity_id for one in there):
        entities.create(session.unmarked(), entity)


def _purchase_of(request: MultiAttachRequest, known: Catalog) -> Purchase:
    """Return the purchase that a request asks for. Errors: `PlanNotFound` and the like."""
    requests = request.requests()
    if request.asks_for_trial:
        requests = tuple(_on_trial(known, one, request.free_trial) for one in requests)
    for one in requests:
        attach_wishes.plan_of(known, one)
    digest = settings.digest(request.model_dump(exclude={"reason", "reference"}))
    return Purchase(requests, digest, has_own_trial=request.asks_for_trial, joint=True)


def _on_trial(known: Catalog, request: AttachRequest, trial: FreeTrial | None) -> AttachRequest:
    """A request for a plan that begins with this trial, or without any (None)."""
    plan = attach_wishes.plan_of(known, request)
    wanted = None if trial is None else trial.model_dump()
    if plan.is_free or plan_rules.is_one_off(plan) or plan.free_trial == wanted:
        return request
    custom = request.customize or Customize.model_construct()
    changed = custom.model_copy(update={"free_trial": trial})
    return request.model_copy(update={"customize": changed})
