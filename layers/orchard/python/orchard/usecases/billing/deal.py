"""What is known when a change of billing is decided: the customer, the plans, the subscription."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchard.domain import interval
from orchard.domain.billing import (
    arrears,
    charging,
    customizing,
    discounts,
    seats,
    stripe_prices,
)
from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import Bought, LineItem, Period, Sale
from orchard.domain.billing.order import Bill, Goods
from orchard.domain.billing.stripe_prices import ProductSpec, SubscriptionItem
from orchard.domain.billing.subscription import Subscription
from orchard.domain.catalog import Catalog
from orchard.domain.customer import SCHEDULED, CustomerPlan
from orchard.domain.money import MAIN_CURRENCY
from orchard.gateways import stripe_billing, stripe_subscriptions
from orchard.store.customers import Account
from orchard.store.session import Session

#: Our intervals in those that Stripe knows.
_AT_STRIPE = {"quarter": ("month", 3), "semi_annual": ("month", 6)}


@dataclass(frozen=True)
class Deal:
    """A customer's billing as it is, with what is read at Stripe when it is asked for."""

    session: Session
    account: Account
    known: Catalog
    #: The subscription that is to change, if there is one.
    subscription: Subscription | None = None

    @property
    def now(self) -> int:
        """The time of the decision, in whole seconds as Stripe counts them."""
        return self.session.now // 1000 * 1000

    @property
    def currency(self) -> str:
        """The currency in which the customer is billed."""
        return self.account.customer.currency or MAIN_CURRENCY

    @property
    def sale(self) -> Sale:
        """Where things are sold."""
        return Sale(self.session.tenant, self.known.features, self.currency)

    @property
    def is_trialing(self) -> bool:
        """Whether the subscription's first period is free and not over."""
        return self.subscription is not None and self.subscription.is_trialing

    def held(self, entity_id: str | None) -> list[CustomerPlan]:
        """The plans of the customer, or of one entity, those that are scheduled among them."""
        plans = self.account.plans
        return [
            one for one in plans if one.is_held(self.session.now) and one.entity_id == entity_id
        ]

    def has_card(self) -> bool:
        """Whether the customer has a payment method on file at Stripe."""
        stripe_id = self.account.customer.stripe_id
        return stripe_id is not None and stripe_billing.has_card(
            self.session.environment, stripe_id
        )

    def on_subscription(self, without: Iterable[str] = ()) -> list[CustomerPlan]:
        """The plans that the subscription pays for, but for some."""
        now = self.session.now
        return [one for one in self._linked() if one.is_live(now) and one.id not in without]

    def scheduled(self) -> list[CustomerPlan]:
        """The plans that the subscription will pay for, from the end of its cycle."""
        return [one for one in self._linked() if one.status == SCHEDULED]

    def _linked(self) -> list[CustomerPlan]:
        paid, plans = self.subscription, self.account.plans
        return [one for one in plans if paid is not None and one.stripe_subscription_id == paid.id]

    def bought(self, held: CustomerPlan, quantities: Mapping[str, Decimal] | None = None) -> Bought:
        """Return a plan that is held, as it is billed."""
        plan = customizing.plan_of(held, self.known)
        if plan is None:
            plan = self.known.plan(held.plan_id)
        named = self.entity_name(held.entity_id)
        units = held.quantities if quantities is None else quantities
        return Bought(plan, held.id, units, named, self.seats(held, spare=True))

    def coming(self, held: CustomerPlan) -> Bought:
        """Return a plan that is held, as it is billed from the next cycle."""
        found = self.bought(held, {**held.quantities, **held.upcoming_quantities})
        return found._replace(seats=self.seats(held, spare=False))

    def seats(self, held: CustomerPlan, *, spare: bool) -> Mapping[str, Decimal]:
        """Return the seats of a plan that are paid for, by feature, with those to spare or not."""
        return seats.in_use(self.account.state(self.session.now), held.id, spare=spare)

    def entity_name(self, entity_id: str | None) -> str | None:
        """What an entity is called on invoices."""
        found = (one.name or one.id for one in self.account.entities if one.id == entity_id)
        return next(found, None)

    def goods(self, *bought: Bought) -> Goods:
        """Return what a subscription to plans consists of; equal prices become one item."""
        items: dict[str, SubscriptionItem] = {}
        products: dict[str, ProductSpec] = {}
        for one in bought:
            for item in stripe_prices.subscription_items(one, self.sale):
                same = items.get(item.price.lookup_key)
                more = item.quantity + (same.quantity if same else 0)
                items[item.price.lookup_key] = item._replace(quantity=more)
            products |= {made.id: made for made in stripe_prices.products(one.plan, self.sale)}
        return Goods(tuple(items.values()), tuple(products.values()))

    def once(self, bought: Bought) -> Goods:
        """Return what of a plan is paid once."""
        return Goods(
            tuple(stripe_prices.one_off_items(bought, self.sale)),
            tuple(stripe_prices.products(bought.plan, self.sale)),
        )

    def bill(
        self,
        lines: tuple[LineItem, ...],
        products: tuple[ProductSpec, ...],
        days_until_due: int | None,
        *,
        finalize: bool,
    ) -> Bill:
        """Return how lines are billed now: within the subscription, unless all are paid once."""
        recurs = any(not line.one_off for line in lines)
        paid = self.subscription.id if self.subscription and recurs else None
        return Bill(lines, products, paid, days_until_due, finalize)

    def period_of(self, price: Mapping[str, Any]) -> Period:
        """Return the period that a price's interval is in: the subscription's, or one from now."""
        every, count = price["interval"], int(price.get("interval_count", 1))
        name, times = _AT_STRIPE.get(every, (every, 1))
        if self.subscription is None:
            return self.period_from_now(price)
        return self.subscription.period_of(name, times * count, self.now)

    def period_from_now(self, price: Mapping[str, Any]) -> Period:
        """Return the period of a price that begins now."""
        every, count = price["interval"], int(price.get("interval_count", 1))
        return Period(self.now, interval.after(self.now, every, count))

    def period_after(self, start: int) -> Callable[[Mapping[str, Any]], Period]:
        """Return what gives the period of a price that begins then."""

        def following(price: Mapping[str, Any]) -> Period:
            every, count = price["interval"], int(price.get("interval_count", 1))
            return Period(start, interval.after(start, every, count))

        return following

    def credit(self, held: CustomerPlan) -> tuple[LineItem, ...]:
        """Return what is given back for the rest of the cycle of a plan that ends now."""
        if self.is_trialing or held.stripe_subscription_id is None:
            return ()
        return charging.refunds(self.bought(held), self.sale, self.now, self.period_of)

    def usage(self, held: CustomerPlan) -> tuple[LineItem, ...]:
        """Return what a plan that ends now used beyond its balance and has not paid for."""
        if self.is_trialing or held.stripe_subscription_id is None:
            return ()
        state = self.account.state(self.session.now)
        waived = bool(self.account.customer.config.get("disable_overage_billing"))
        plan = self.bought(held).plan
        return arrears.lines(state, held, plan, self.sale, None, waived=waived)

    def counted(self, leaving: Iterable[CustomerPlan]) -> dict[str, dict[str, Decimal]]:
        """Return how much of what plans used `usage` bills, by plan and row; none if it is free."""
        waived = bool(self.account.customer.config.get("disable_overage_billing"))
        if self.is_trialing or waived:
            return {}
        state = self.account.state(self.session.now)
        paid = (one for one in leaving if one.stripe_subscription_id is not None)
        return {one.id: arrears.counted(state, one) for one in paid}

    def end_of(self, leaving: Iterable[CustomerPlan]) -> int:
        """Return when plans end that go on to the end of what is paid: of the longest interval."""
        ends = [
            line.period.end
            for one in leaving
            for line in charging.next_cycle(self.bought(one), self.sale, self.period_of)
            if line.period is not None
        ]
        whole = self.subscription and self.subscription.period
        return max(ends, default=whole.end if whole else self.now)

    def reduced(
        self, lines: tuple[LineItem, ...], some: tuple[Discount, ...]
    ) -> tuple[LineItem, ...]:
        """Return lines after discounts."""
        return discounts.reduced(lines, some, self.currency)


def opened(session: Session, account: Account, known: Catalog, subscription_id: str | None) -> Deal:
    """Return what is known, with a subscription that is not over."""
    if subscription_id is None:
        return Deal(session, account, known)
    found = stripe_subscriptions.get(session.environment, subscription_id)
    alive = found is not None and not found.is_over
    return Deal(session, account, known, found if alive else None)


def subscription_of(
    plans: Iterable[CustomerPlan], current: CustomerPlan | None, now: int
) -> str | None:
    """Return the subscription that a change concerns: that of the plan replaced, else of any."""
    if current is not None and current.stripe_subscription_id is not None:
        return current.stripe_subscription_id
    paid = (one for one in plans if one.is_live(now) and one.stripe_subscription_id is not None)
    return next((one.stripe_subscription_id for one in paid), None)
