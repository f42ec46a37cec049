"""What came of an order, or would come of it, in the form of the API's answers."""

from typing import Any

from orchard.contracts.billing import responses, update
from orchard.contracts.billing.responses import Cycle, Invoiced, Party, Shown, Usage
from orchard.contracts.billing.update import Refunded, UpdateRequest
from orchard.domain.billing.lines import Bought
from orchard.domain.billing.order import Checkout, Effect
from orchard.domain.customer import CustomerPlan
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.orders.performing import Outcome
from orchard.usecases.billing.updates.update_wishes import Target
from orchard.usecases.billing.wishes import Chosen, NextCycle, Wish


def billed(customer_id: str, entity_id: str | None, outcome: Outcome) -> dict[str, Any]:
    """Return what came of an order."""
    url = outcome.session.url if outcome.session is not None else None
    invoice = outcome.invoice
    if invoice is None:
        return responses.billed(customer_id, entity_id, url, None)
    is_open = invoice.status == "open"
    shown = Invoiced(
        stripe_id=invoice.id,
        status=invoice.status,
        total=invoice.total,
        currency=invoice.currency,
        hosted_invoice_url=invoice.hosted_invoice_url,
        obstacle=invoice.obstacle if _is_charged(outcome) else None,
    )
    pay_at = invoice.hosted_invoice_url if is_open else None
    return responses.billed(customer_id, entity_id, url or pay_at, shown)


def _is_charged(outcome: Outcome) -> bool:
    """Whether the card was to be charged: an invoice that is sent is no failure."""
    steps = outcome.order.steps
    return all(getattr(step, "days_until_due", None) is None for step in steps)


def preview(customer_id: str, wish: Wish, chosen: Chosen) -> dict[str, Any]:
    """Return what an attach would do."""
    return responses.preview(shown(customer_id, wish, chosen))


def shown(customer_id: str, wish: Wish, chosen: Chosen) -> Shown:
    """Return what an attach would do, to be shown in whichever form."""
    deal = wish.deal
    to_stripe = any(isinstance(step, Checkout) for step in chosen.steps)
    to_us = "autumn_checkout" if wish.is_confirmed else None
    return Shown(
        customer_id=customer_id,
        currency=deal.currency,
        lines=chosen.lines,
        incoming=tuple(_incoming(wish, chosen.effect)),
        outgoing=tuple(outgoing(deal, chosen.effect)),
        next_cycle=cycle(deal, chosen.next_cycle),
        checkout_type="stripe_checkout" if to_stripe else to_us,
    )


def update_preview(
    request: UpdateRequest, target: Target, chosen: Chosen, intent: str, refund: Refunded | None
) -> dict[str, Any]:
    """Return what an update would do."""
    return update.preview(updated(request.customer_id, target, chosen), intent, refund)


def updated(customer_id: str, target: Target, chosen: Chosen) -> Shown:
    """Return what an update would do, to be shown in whichever form."""
    deal = target.deal
    return Shown(
        customer_id=customer_id,
        currency=deal.currency,
        lines=chosen.lines,
        incoming=tuple(_coming(target, chosen.effect)),
        outgoing=tuple(_going(target, chosen.effect)),
        next_cycle=cycle(deal, chosen.next_cycle),
    )


def _coming(target: Target, effect: Effect) -> list[Party]:
    """The plan as it will be, or as it goes on, and plans that begin."""
    deal, held = target.deal, target.held
    found = [
        Party(
            plan_id=gain.plan_id,
            quantities=tuple(gain.quantities.items()),
            effective_at=gain.starts_at or deal.now,
        )
        for gain in effect.gains
    ]
    for change in effect.amended:
        units = tuple({**change.quantities, **change.upcoming_quantities}.items())
        found.append(Party(held.plan_id, units, deal.now, *_ends(held, effect)))
    restored = (one for one in deal.account.plans if one.id in effect.restored)
    changed = {change.customer_plan_id for change in effect.amended}
    found += [
        Party(one.plan_id, tuple(one.quantities.items()), deal.now)
        for one in restored
        if one.id not in changed
    ]
    return found


def _going(target: Target, effect: Effect) -> list[Party]:
    """The plan as it was, plans that end, and those that will not begin after all."""
    deal, held = target.deal, target.held
    found = outgoing(deal, effect)
    units = tuple(held.quantities.items())
    for _change in effect.amended:
        found.append(Party(held.plan_id, units, deal.now, held.canceled_at, held.expires_at))
    for one in deal.account.plans:
        if one.id in effect.dropped:
            found.append(Party(one.plan_id, tuple(one.quantities.items()), None))
    return found


def _ends(held: CustomerPlan, effect: Effect) -> tuple[int | None, int | None]:
    return (None, None) if held.id in effect.restored else (held.canceled_at, held.expires_at)


def outgoing(deal: Deal, effect: Effect) -> list[Party]:
    """Return the plans that end, or will end, by an effect."""
    found = []
    for held in deal.account.plans:
        ends_at = deal.now if held.id in effect.ended else effect.canceled.get(held.id)
        if ends_at is not None:
            found.append(
                Party(
                    plan_id=held.plan_id,
                    quantities=tuple(held.quantities.items()),
                    effective_at=ends_at,
                    canceled_at=held.canceled_at or deal.now,
                    expires_at=ends_at,
                )
            )
    return found


def cycle(deal: Deal, later: NextCycle | None) -> Cycle | None:
    """Return the next invoice as it is shown."""
    if later is None:
        return None
    usage = [shown for one in later.metered for shown in _metered(deal, one)]
    return Cycle(later.starts_at, later.lines, tuple(usage))


def _metered(deal: Deal, bought: Bought) -> list[Usage]:
    """The features of a plan that usage is billed of."""
    found: list[Usage] = []
    for item in bought.plan.items:
        price = item.get("price")
        if price and price["billing_method"] == "usage_based":
            period = deal.period_of(price)
            name = item["feature_id"]
            feature = deal.known.features.get(name)
            shown = feature.name if feature else name
            found.append(Usage(bought.plan.id, name, shown, period))
    return found


def _incoming(wish: Wish, effect: Effect) -> list[Party]:
    return [
        Party(
            plan_id=gain.plan_id,
            quantities=tuple(gain.quantities.items()),
            effective_at=gain.starts_at or wish.deal.now,
            expires_at=gain.ends_at,
        )
        for gain in effect.gains
    ]
