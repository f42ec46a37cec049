"""Plans that came while the payment of another of their group was waited for."""

from collections.abc import Iterable

from orchard.domain.billing.order import Effect, Gain
from orchard.domain.catalog import Catalog
from orchard.domain.customer import ACTIVE
from orchard.usecases.billing.orders.effects import Setting, plan_of


def making_room(setting: Setting, effect: Effect) -> Effect:
    """Return an effect that also ends the unpaid plans whose place its gains take.

    When it was decided they were not there yet. A plan that is paid for is not ended by the way:
    whoever attaches one gives up the orders that wait.
    """
    gained = {gain.customer_plan_id for gain in effect.gains}
    now = tuple(gain for gain in effect.gains if gain.starts_at is None)
    groups = _groups(setting.known, now)
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


def exclude(known: Catalog, one: Effect, other: Effect) -> bool:
    """Whether of two effects only one can be had: they are about the same plan, or its place."""
    return bool(
        _groups(known, one.gains) & _groups(known, other.gains) or _changed(one) & _changed(other)
    )


def ends(given: Effect, other: Effect) -> bool:
    """Whether what one effect gave, or changed, ends at once with another."""
    amended = (change.customer_plan_id for change in given.amended)
    return not {*amended, *(gain.customer_plan_id for gain in given.gains)}.isdisjoint(other.ended)


def _changed(effect: Effect) -> set[str]:
    amended = (change.customer_plan_id for change in effect.amended)
    return {*effect.ended, *effect.canceled, *amended}


def _groups(known: Catalog, gains: Iterable[Gain]) -> set[tuple[str, str | None]]:
    """The places that main plans take: their groups, of the customer or of an entity."""
    found = set()
    for gain in gains:
        plan = plan_of(known, gain)
        one_off = plan.price is not None and plan.price["interval"] == "one_off"
        if not plan.add_on and not one_off:
            found.add((plan.group, gain.entity_id))
    return found
