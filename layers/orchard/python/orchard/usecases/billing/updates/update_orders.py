"""Orders for updates of a plan that is held: what is to be done, and what it is about."""

from typing import NamedTuple

from orchard.contracts.billing.update import Refunded, UpdateRequest
from orchard.domain import ids
from orchard.domain.billing.order import PAYMENT, Order
from orchard.errors import Conflict
from orchard.store.customers import Account
from orchard.store.orders import Pending
from orchard.store.session import Session
from orchard.usecases.billing.updates.update_wishes import Target
from orchard.usecases.billing.wishes import Chosen

#: What an update is about, as previews tell it.
PLAN, UNITS, NOTHING = "update_plan", "update_quantity", "none"
_UNPAID = "invoice_pending"


class Change(NamedTuple):
    """A request, with what tells it apart; `offer` is that which it was, if it was one."""

    request: UpdateRequest
    digest: str
    offer: str | None = None


class Decided(NamedTuple):
    """What is to be done with a plan, and what is paid back."""

    target: Target
    chosen: Chosen
    refund: Refunded | None = None


def intent_of(target: Target) -> str:
    """Return what an update is about, as previews tell it."""
    request = target.request
    if request.cancel_action is not None:
        return request.cancel_action
    if target.after is not target.before:
        return PLAN
    return UNITS if request.feature_quantities else NOTHING


def made(session: Session, account: Account, found: Decided, change: Change) -> Order:
    """Return the order for what was decided."""
    chosen, request = found.chosen, found.target.request
    mode = request.invoice_mode
    return Order(
        id=ids.new("ord_", session.now),
        internal_id=account.customer.internal_id,
        stripe_id=account.customer.stripe_id,
        created_at=found.target.deal.now,
        kind="update_plan",
        digest=change.digest,
        offer=change.offer,
        currency=found.target.deal.currency,
        steps=chosen.steps,
        effect=chosen.effect,
        discounts=chosen.discounts if chosen.steps else (),
        audit={
            "by": session.actor,
            "request_id": session.request_id,
            "plan_id": found.target.held.plan_id,
            "intent": intent_of(found.target),
            **request.audit,
        },
        finalizes=mode.finalize if mode else True,
        early=mode is not None and mode.enabled and mode.enable_plan_immediately,
    )


def refuse_unpaid(found: Decided, held: Pending) -> None:
    """Refuse to bill a plan anew while an invoice for what it has is to be paid. Errors: 409."""
    plan_id = found.target.held.id
    sent = (one for one in held.orders if one.status == PAYMENT and one.expires_at is None)
    waiting = {
        name
        for one in sent
        for name in (
            *(change.customer_plan_id for change in one.effect.amended),
            *(gain.customer_plan_id for gain in one.effect.gains),
        )
    }
    if plan_id in waiting and found.chosen.lines:
        raise Conflict(
            f"An invoice for plan {found.target.held.plan_id} is still to be paid or voided",
            _UNPAID,
        )
