"""How a plan ends: at once, its rest credited or paid back; with its cycle; or not after all."""

from dataclasses import dataclass, replace
from functools import cached_property

from orchard.contracts.billing.update import Refunded, UpdateRequest
from orchard.domain import interval
from orchard.domain.billing import stripe_prices
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import LineItem
from orchard.domain.billing.order import Arrange, Bill, Effect, End, Goods, Refund, Step, Void
from orchard.domain.customer import SCHEDULED, CustomerPlan
from orchard.domain.quantity import total
from orchard.errors import Invalid
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.reconciling import defaults, following
from orchard.usecases.billing.updates import (
    crediting,
    leftovers,
    planning,
    refunding,
    renewal_views,
    writing_off,
)
from orchard.usecases.billing.updates.leftovers import Leftovers
from orchard.usecases.billing.updates.planning import Turn
from orchard.usecases.billing.updates.renewal_views import Beginning
from orchard.usecases.billing.wishes import Chosen


@dataclass(frozen=True)
class Ending:
    """A plan that is to end, and what was asked about that."""

    deal: Deal
    held: CustomerPlan
    prorate: bool = True
    bills_nothing: bool = False
    #: Whether the last payment is paid back, `prorated` or `full`, instead of a credit.
    refund: str | None = None

    @property
    def waiting(self) -> tuple[CustomerPlan, ...]:
        """The plans that were to take its place."""
        if self.held.add_on or self.held.one_off:
            return ()
        return tuple(following.successors(self.deal, self.held))

    @property
    def is_repeated(self) -> bool:
        """Whether it is to end already, and nothing waits but what such an end lets follow.

        A plan that was chosen for the next cycle is no end: it would go on being paid for.
        """
        if self.held.canceled_at is None or self.held.status == SCHEDULED:
            return False
        coming = (self.deal.bought(one).plan for one in self.waiting)
        return all(plan.is_free and plan.auto_enable for plan in coming)

    @property
    def is_written_off(self) -> bool:
        """Whether it ends at once although its cycle is not over, and what is owed with it."""
        return not self.bills_nothing and writing_off.is_due(self.deal, self.held, self.gone)

    @property
    def is_free(self) -> bool:
        """Whether nothing is credited, and nothing billed that was used."""
        return self.bills_nothing or not self.prorate or self.is_written_off

    @cached_property
    def leftovers(self) -> Leftovers:
        """What waits for the next invoice of the subscription, if that ends with the plan."""
        paid = self.deal.subscription
        if paid is None or self.held.stripe_subscription_id != paid.id or self.bills_nothing:
            return ()
        return () if _staying(self, self.gone).items else leftovers.of(self.deal)

    @property
    def gone(self) -> tuple[str, ...]:
        """The plans that the subscription is not to pay for any more, by their ids."""
        return (self.held.id, *(one.id for one in self.waiting))


def ending(deal: Deal, held: CustomerPlan, request: UpdateRequest) -> Ending:
    """Return what a request asks of a plan that is to end."""
    return Ending(
        deal=deal,
        held=held,
        prorate=request.proration_behavior != "none",
        bills_nothing=request.no_billing_changes,
        refund=request.refund_last_payment,
    )


def immediately(one: Ending) -> tuple[Chosen, Refunded | None]:
    """Return how a plan ends now, and what is paid back."""
    if one.held.status == SCHEDULED:
        return dropped(one), None
    deal, held, gone = one.deal, one.held, one.gone
    gain = defaults.default_of(_without(deal, gone[1:]), held)
    effect = Effect(
        gains=() if gain is None else (gain,),
        ended=(held.id,),
        dropped=gone[1:],
        settled=(held.id,),
    )
    ahead = planning.future(deal, Turn(gone=gone))
    back = _paid_back(one)
    lines = _lines(one)
    if not one.is_free:
        effect = effect._replace(counted=deal.counted([held]))
    later = renewal_views.next_cycle(deal, ahead, _discounts(deal), Beginning(invoiced=bool(lines)))
    if one.bills_nothing:
        return Chosen((), effect, (), later), None
    steps: list[Step] = []
    if back is not None and back.amount > 0:
        steps.append(Refund(back.stripe_id, back.amount, back.currency))
    steps += [_bill(one, lines)] if lines else []
    steps += _left(one, gone, ahead)
    return Chosen(tuple(steps), effect, lines, later), back


def at_end_of_cycle(one: Ending) -> Chosen:
    """Return how a plan ends with what is paid for, and what is free takes its place.

    Errors: `Invalid` for what has no cycles.
    """
    deal, held = one.deal, one.held
    if held.status == SCHEDULED:
        return dropped(one)
    plan = deal.bought(held).plan
    if held.one_off or plan.is_free:
        raise Invalid(f"Plan {held.plan_id} has no billing cycles: it can be canceled immediately")
    at = deal.end_of([held]) if deal.subscription is not None else _own_end(deal, held)
    out = tuple(it.id for it in one.waiting)
    gain = defaults.default_of(_without(deal, out), held, starts_at=at)
    effect = Effect(gains=() if gain is None else (gain,), canceled={held.id: at}, dropped=out)
    ahead = planning.future(deal, Turn(canceled={held.id: at}, gone=out))
    later = renewal_views.next_cycle(deal, ahead, _discounts(deal))
    steps = () if one.bills_nothing else planning.steps(deal, ahead)
    return Chosen(steps, effect, (), later)


def dropped(one: Ending) -> Chosen:
    """Return how a plan that has not begun is dropped: the present one goes on."""
    deal, coming = one.deal, one.held
    back = tuple(
        held.id for held in following.predecessors(deal, coming) if held.canceled_at is not None
    )
    effect = Effect(restored=back, dropped=(coming.id,))
    ahead = planning.future(deal, Turn(restored=back, gone=(coming.id,)))
    later = renewal_views.next_cycle(deal, ahead, _discounts(deal))
    steps = () if one.bills_nothing else planning.steps(deal, ahead)
    return Chosen(steps, effect, (), later)


def taken_back(one: Ending) -> Chosen:
    """Return how a plan goes on that was to end."""
    deal, held = one.deal, one.held
    out = tuple(it.id for it in one.waiting)
    effect = Effect(restored=(held.id,), dropped=out)
    ahead = planning.future(deal, Turn(restored=(held.id,), gone=out))
    later = renewal_views.next_cycle(deal, ahead, _discounts(deal))
    steps = () if one.bills_nothing else planning.steps(deal, ahead)
    return Chosen(steps, effect, (), later)


def _lines(one: Ending) -> tuple[LineItem, ...]:
    """What is credited, and what was used and not paid for, after discounts."""
    if one.is_free:
        return ()
    deal = one.deal
    # A cycle that is not paid for leaves nothing to give back.
    has_none = one.refund is not None or one.held.past_due
    credit = () if has_none else deal.credit(one.held)
    lines = crediting.settled(deal, (*credit, *deal.usage(one.held)), _discounts(deal))
    late = leftovers.lines(deal, one.leftovers, _discounts(deal))
    return tuple(line for line in (*lines, *late) if line.amount)


def _paid_back(one: Ending) -> Refunded | None:
    if one.refund is None:
        return None
    deal = one.deal
    if one.refund == "full":
        return refunding.last_payment(deal, one.held, None)
    unused = crediting.settled(deal, deal.credit(one.held), _discounts(deal))
    return refunding.last_payment(deal, one.held, -total(line.total for line in unused))


def _left(one: Ending, gone: tuple[str, ...], ahead: planning.Future) -> tuple[Step, ...]:
    """What becomes of the subscription: it goes on for other plans, or ends."""
    deal = one.deal
    subscription = deal.subscription
    if subscription is None or one.held.stripe_subscription_id != subscription.id:
        return ()
    goods = _staying(one, gone)
    if not goods.items:
        owed = (Void(subscription.id),) if one.is_written_off else ()
        return (End(subscription.id, leftovers.ids(one.leftovers)), *owed)
    return (Arrange(subscription.id, goods), *planning.steps(deal, ahead, arranged=True))


def _staying(one: Ending, gone: tuple[str, ...]) -> Goods:
    deal = one.deal
    return deal.goods(*(deal.coming(it) for it in deal.on_subscription(gone)))


def _bill(one: Ending, lines: tuple[LineItem, ...]) -> Bill:
    deal = one.deal
    products = stripe_prices.products(deal.bought(one.held).plan, deal.sale)
    # The end waits for no payment.
    return Bill(
        lines=lines,
        products=products,
        subscription_id=deal.subscription.id if deal.subscription else None,
        holds=False,
    )


def _own_end(deal: Deal, held: CustomerPlan) -> int:
    """When the cycle ends of a plan that nothing is paid for through Stripe."""
    longest = stripe_prices.largest_interval(deal.bought(held).plan)
    if longest is None:
        return deal.now
    return interval.first_boundary(held.started_at, *longest, deal.now)


def _discounts(deal: Deal) -> tuple[Discount, ...]:
    return deal.subscription.discounts if deal.subscription else ()


def _without(deal: Deal, gone: tuple[str, ...]) -> Deal:
    """The customer as it is once some plans are gone."""
    plans = tuple(one for one in deal.account.plans if one.id not in gone)
    return replace(deal, account=deal.account._replace(plans=plans))
