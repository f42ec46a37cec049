"""Plans that came while the payment of another of their group was waited for."""

from orchard.domain.billing.order import Effect
from orchard.domain.customer import ACTIVE
from orchard.usecases.billing.effects import Setting, plan_of


def making_room(setting: Setting, effect: Effect) -> Effect:
    """Return an effect that also ends the unpaid plans whose place its gains take.

    When it was decided they were not there yet. A plan that is paid for is not ended by the way:
    whoever attaches one gives up the orders that wait.
    """
    gained = {gain.customer_plan_id for gain in effect.gains}
    groups = set()
    for gain in effect.gains:
        plan = plan_of(setting.known, gain)
        one_off = plan.price is not None and plan.price["interval"] == "one_off"
        if gain.starts_at is None and not plan.add_on and not one_off:
            groups.add((plan.group, gain.entity_id))
    late = (
        held.id
        for held in setting.account.plans
        if held.status == ACTIVE
        and held.is_live(setting.session.now)
        and (held.group, held.entity_id) in groups
        and not (held.add_on or held.one_off or held.stripe_subscription_id)
        and held.id not in gained
    )
    return effect._replace(ended=tuple(dict.fromkeys((*effect.ended, *late))))
