"""Usage on an invoice's draft: hands laid on it, added at Stripe, taken off the record.

First the invoice lays hands on what it is to show: that is stored, and from then on neither usage
nor time changes it. Then the lines are added, then what is shown is taken off the record. Whoever
begins again, after a crash at any point, sees on the invoice what was added.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import ids
from orchard.domain.arrangement import Household
from orchard.domain.billing import arrears, customizing, stripe_prices, usage_lines
from orchard.domain.billing.arrears import Ending
from orchard.domain.billing.lines import Sale
from orchard.domain.billing.subscription import Subscription
from orchard.domain.billing.usage_lines import Charge, Group
from orchard.domain.catalog import Catalog
from orchard.domain.customer import ACTIVE, CustomerPlan
from orchard.domain.holding import State
from orchard.errors import StripeFailed
from orchard.gateways import stripe_catalog, stripe_renewals
from orchard.gateways.stripe_renewals import Renewal
from orchard.store import catalog, customers, orders, turns
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases import arranging
from orchard.usecases.billing.orders import ordering

#: More balances than these are written in several transactions.
MOST_WRITES = 80

type Shown = Mapping[Group, Decimal]


class Work(NamedTuple):
    """An invoice of a customer at work: as Stripe has it, and the subscription if it is there."""

    session: Session
    internal_id: str
    subscription_id: str
    invoice: Renewal
    subscription: Subscription | None

    @property
    def ending(self) -> Ending:
        """Which periods end."""
        found = self.subscription
        return Ending(
            self.invoice.ended_at,
            found.anchor if found else None,
            self.invoice.shown.keys(),
            renews=found is None or not found.is_over,
        )


class Scene(NamedTuple):
    """A customer as it was read, with the plans that an invoice is about."""

    account: Account
    known: Catalog
    state: State
    plans: tuple[CustomerPlan, ...]

    @property
    def is_waived(self) -> bool:
        """Whether overage is free for the customer."""
        return bool(self.account.customer.config.get("disable_overage_billing", False))


@contextmanager
def turn(session: Session, internal_id: str) -> Iterator[None]:
    """Have the customer's billing to oneself, after what others left undone is done.

    Errors: `Locked` while another one changes it.
    """
    held = orders.pending(session, internal_id)
    for order in held.abandoned(session.now):
        ordering.finish(session, order)
    name = ids.new("turn_", session.now)
    turns.take(session, internal_id, name)
    try:
        yield
    finally:
        turns.leave(session, internal_id, name)


def scene(session: Session, internal_id: str, subscription_id: str) -> Scene:
    """Return a customer with the plans that a subscription pays for. Errors: 404 if it is gone."""
    account = customers.require(session, internal_id)
    plans = tuple(
        one
        for one in account.plans
        if one.stripe_subscription_id == subscription_id and one.status == ACTIVE
    )
    return Scene(account, catalog.cached(session), account.state(session.now), plans)


def seen(work: Work) -> Scene:
    """Return the customer as it is now."""
    return scene(work.session, work.internal_id, work.subscription_id)


def bill(work: Work) -> Shown:
    """Let a draft show all usage that it is to show; return what it shows."""
    in_steps(work.session, lambda: _claims(work))
    return _added(work)


def in_steps(session: Session, writes: Callable[[], list[Write]]) -> None:
    """Write what is found to do, anew after each transaction that was too small for all of it."""

    def step() -> bool:
        found = writes()
        if found:
            session.commit(*found[:MOST_WRITES])
        return len(found) <= MOST_WRITES

    while not optimistic(step):
        continue


def settle_others(work: Work, here: Scene) -> None:
    """Take care of what earlier invoices laid hands on before a crash, as these are now."""
    others = arrears.claims(here.state) - {work.invoice.id}
    for name in sorted(others):
        found = stripe_renewals.get(work.session.environment, name)
        let_go(work, name, found.shown if found else {})


def let_go(work: Work, invoice_id: str, shown: Shown) -> None:
    """Take what an invoice shows off the record; the rest waits for another."""

    def writes_of() -> list[Write]:
        here = seen(work)
        state = here.state
        for held in here.account.plans:
            state = arrears.cleared(state, held, invoice_id, shown)
        return writes(work, here, state)

    in_steps(work.session, writes_of)


def writes(work: Work, here: Scene, state: State) -> list[Write]:
    """Return the writes that lead to a state; what only is about being billed is not told."""
    one = here.account
    begins = _resets(state) != _resets(here.state)
    kind = "reset" if begins else "subscription_changed"
    last = work.session.stamp(kind, invoice=work.invoice.id)
    if _used(state) == _used(here.state):
        last |= {"silent": True}
    household = Household(one.customer, one.plans, one.entities)
    return arranging.writes(work.session, here.known, household, one.balances, state, last=last)


def _used(state: State) -> list[object]:
    return [[row._replace(unbilled=()) for row in held.rows] for held in state.values()]


def _resets(state: State) -> int:
    """How often all rows were reset: an unpaid plan's stay as they are, but what it owes."""
    return sum(row.resets for held in state.values() for row in held.rows)


def _claims(work: Work) -> list[Write]:
    here, busy = seen(work), _billed_otherwise(work)
    state = here.state
    for held in here.plans:
        if held.id not in busy:
            name, waived = work.invoice.id, here.is_waived
            state = arrears.claimed(state, held, work.ending, name, waived=waived)
    return writes(work, here, state)


def _billed_otherwise(work: Work) -> set[str]:
    """The plans whose usage is on an invoice of its own that waits for its payment."""
    held = orders.pending(work.session, work.internal_id)
    return {plan_id for order in held.orders for plan_id in order.effect.settled}


def _added(work: Work) -> Shown:
    """Add what is missing on the draft; return all that it shows."""
    environment, shown = work.session.environment, dict(work.invoice.shown)
    # A version that was sold a moment ago must not be overlooked.
    here = seen(work)._replace(known=catalog.read(work.session))
    missing = [one for one in _charges(work, here) if one.group not in shown]
    due = [one for one in missing if one.line.amount]
    # What costs nothing has no line.
    free = {one.group: one.quantity for one in missing if not one.line.amount}
    if due:
        stripe_catalog.ensure(environment, _products(work, here, due), ())
    try:
        for one in due:
            stripe_renewals.add(environment, work.invoice, one)
            shown[one.group] = one.quantity
    except StripeFailed:
        after = stripe_renewals.get(environment, work.invoice.id)
        if after is not None and after.is_draft:
            raise
        shown = dict(after.shown) if after else {}
    return {**shown, **free}


def _charges(work: Work, here: Scene) -> list[Charge]:
    return [
        one
        for account in accounts(work, here)
        for one in arrears.of_invoice(here.state, account, work.invoice.id)
    ]


def accounts(work: Work, here: Scene) -> Iterator[usage_lines.Account]:
    """Yield whose usage it is, plan by plan."""
    names = {one.id: one.name for one in here.account.entities}
    sale = Sale(work.session.tenant, here.known.features, work.invoice.currency)
    for held in here.plans:
        plan = customizing.plan_of(held, here.known)
        if plan is not None:
            name = names.get(held.entity_id) if held.entity_id else None
            yield usage_lines.Account(held, plan, sale, name)


def _products(work: Work, here: Scene, due: list[Charge]) -> list[stripe_prices.ProductSpec]:
    wanted = {one.line.product for one in due}
    found = {
        product.id: product
        for account in accounts(work, here)
        for product in stripe_prices.products(account.plan, account.sale)
    }
    return [product for name, product in found.items() if name in wanted]
