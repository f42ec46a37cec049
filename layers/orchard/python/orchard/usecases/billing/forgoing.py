"""What giving an order up means for its customer: what it got before paying, its top-ups."""

from orchard.domain.billing.order import Effect, Order
from orchard.store import catalog, customers
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases.billing import effects, stocking
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.defaults import default_of
from orchard.usecases.billing.effects import Setting


def writes(session: Session, order: Order) -> list[Write]:
    """Return the writes that go along with giving an order up."""
    return [*_taken_back(session, order), *stocking.unpaid(session, order)]


def _taken_back(session: Session, order: Order) -> list[Write]:
    """What was given before it was paid for goes; the plan that all customers get comes back."""
    account = customers.find(session, order.internal_id) if order.early else None
    if account is None:
        return []
    deal = Deal(session, account, catalog.read(session))
    given = {gain.customer_plan_id for gain in order.effect.gains}
    lost = [one for one in account.plans if one.id in given]
    back = (default_of(deal, one) for one in lost)
    effect = Effect(
        gains=tuple(gain for gain in back if gain is not None),
        ended=tuple(one.id for one in lost),
    )
    last = session.stamp("unpaid", plan_id=order.audit.get("plan_id"))
    return effects.writes(Setting(session, deal.known, account), effect, last)
