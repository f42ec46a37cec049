"""What of a changed number of units the next invoice bills, since its item says so."""

from orchard.domain.billing import charging
from orchard.domain.billing.lines import REFUND, Bought, LineItem
from orchard.domain.quantity import total
from orchard.usecases.billing.updates import crediting
from orchard.usecases.billing.updates.alterations import Alteration


def later(one: Alteration) -> tuple[LineItem, ...]:
    """What the next invoice bills of this cycle: for each feature one line, discounted there.

    Stripe takes no discount off what is negative: so that is what was paid for it.
    """
    if not one.prorate or one.restarts or one.is_trial or one.deal.is_trialing:
        return ()
    found = []
    for names, is_whole in ((one.portions.prorated, False), (one.portions.whole, True)):
        for name in sorted(names):
            line = _net(one, name, is_whole=is_whole)
            found += [line] if line is not None and line.amount else []
    return tuple(found)


def _net(one: Alteration, feature_id: str, *, is_whole: bool) -> LineItem | None:
    deal, sale = one.deal, one.deal.sale

    def of(bought: Bought) -> list[LineItem]:
        lines = (
            charging.next_cycle(bought, sale, deal.period_of)
            if is_whole
            else charging.charges(bought, sale, deal.now, deal.period_of)
        )
        return [line for line in lines if line.feature_id == feature_id and not line.one_off]

    had, has = of(one.before), of(one.now)
    more = total(line.amount for line in has) - total(line.amount for line in had)
    model = next(iter((*has, *had)), None)
    if model is None or more >= 0:
        return model and model._replace(amount=more)
    credited = [line for line in deal.credit(one.held) if line.feature_id == feature_id]
    left = total(line.total for line in crediting.settled(deal, (*credited, *has), one.discounts))
    return model._replace(amount=left, kind=REFUND, description=f"Unused {model.description}")
