"""Plans that are held already, as what a customer gets: when they begin, or come back."""

from orchard.domain.billing.order import Gain
from orchard.domain.customer import CustomerPlan


def gain_of(held: CustomerPlan) -> Gain:
    """Return a plan as it is held, to be given from now on, without its dates and not billed."""
    return Gain(
        customer_plan_id=held.id,
        plan_id=held.plan_id,
        plan_version=held.plan_version,
        custom=held.custom,
        quantities=held.quantities,
        external_id=held.external_id,
        entity_id=held.entity_id,
    )
