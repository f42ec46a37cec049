"""Ending what is paid for of an entity, before the entity is removed."""

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.billing.update import UpdateRequest
from orchard.domain.customer import ACTIVE, Customer, CustomerPlan
from orchard.store.session import Session
from orchard.usecases.billing.updates import update


def end_all(
    session: Session, customer: Customer, paid: list[CustomerPlan], cause: AuditedRequest
) -> None:
    """End plans of one entity at once, each by an order of its own; nothing is credited.

    Errors: as in `billing.update`. What was ended by then stays so, and a repetition goes on.
    """
    # A plan that waits goes first: ending the present one would take it along.
    for held in sorted(paid, key=lambda one: one.status == ACTIVE):
        ending = UpdateRequest(
            customer_id=customer.hot_id,
            entity_id=held.entity_id,
            subscription_id=held.id,
            cancel_action="cancel_immediately",
            proration_behavior="none",
            reason=cause.reason,
            reference=cause.reference,
        )
        update.carried_out(session, ending)
