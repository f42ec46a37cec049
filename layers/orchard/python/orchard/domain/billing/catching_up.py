"""What a change comes to that was paid for only when another cycle had begun, billed as before."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import money
from orchard.domain.billing import descriptions
from orchard.domain.billing.lines import CHARGE, REFUND, LineItem, Period
from orchard.domain.billing.order import Goods
from orchard.domain.billing.subscription import Subscription

_EARLIER = "Earlier plan"


class Subject(NamedTuple):
    """Which plan changes, and what products are called."""

    plan_id: str
    customer_plan_id: str
    names: Mapping[str, str]


class _Part(NamedTuple):
    product: str
    unit_amount: Decimal
    more: int
    period: Period


def is_over(lines: Iterable[LineItem], paid: Subscription) -> bool:
    """Whether lines are for a cycle of a subscription that is over."""
    ends = [line.period.end for line in timed(lines) if line.period]
    begun = max((one.period.start for one in paid.items), default=0)
    return bool(ends) and max(ends) <= begun


def timed(lines: Iterable[LineItem]) -> tuple[LineItem, ...]:
    """Return those lines that are for the rest of a cycle."""
    fixed = (line for line in lines if line.kind in (CHARGE, REFUND) and not line.one_off)
    return tuple(line for line in fixed if line.period is not None)


def reversed_(lines: Iterable[LineItem]) -> tuple[LineItem, ...]:
    """Return what takes back lines for time that passed before they were paid."""
    return tuple(
        line._replace(
            kind=REFUND if line.total > 0 else CHARGE,
            description=f"Unused {line.description}",
            amount=-line.total,
            reductions=(),
            paid_since=None,
        )
        for line in timed(lines)
        if line.total
    )


def difference(paid: Subscription, goods: Goods, at: int, subject: Subject) -> tuple[LineItem, ...]:
    """Return what the cycle costs more, or less, from a time on with other goods than it has."""
    lines = (_line(one, paid.currency, at, subject) for one in _parts(paid, goods))
    return tuple(line for line in lines if line.amount)


def _parts(paid: Subscription, goods: Goods) -> Iterator[_Part]:
    wanted = {one.price.lookup_key: one for one in goods.items}
    amounts, there = dict(paid.unit_amounts), {one.lookup_key for one in paid.items}
    periods = {(one.interval, one.interval_count): one.period for one in paid.items}
    for item in paid.items:
        one = wanted.get(item.lookup_key or "")
        more = (one.quantity if one else 0) - item.quantity
        yield _Part(item.product, amounts[item.id], more, item.period)
    for key, new in wanted.items():
        period = periods.get((new.price.interval or "", new.price.interval_count))
        if key not in there and period is not None:
            yield _Part(new.price.product, new.price.unit_amount, new.quantity, period)


def _line(part: _Part, currency: str, at: int, subject: Subject) -> LineItem:
    start, end = max(at, part.period.start), part.period.end
    whole = part.unit_amount * part.more / 10 ** money.decimals(currency)
    share = whole * max(0, end - start) / (end - part.period.start)
    shown = Period(start, max(start, end))
    text = descriptions.spanning(subject.names.get(part.product, _EARLIER), shown)
    return LineItem(
        kind=CHARGE if part.more > 0 else REFUND,
        plan_id=subject.plan_id,
        customer_plan_id=subject.customer_plan_id,
        feature_id=None,
        product=part.product,
        display_name=text,
        description=text if part.more > 0 else f"Unused {text}",
        amount=money.rounded(share, currency),
        quantity=Decimal(abs(part.more)),
        period=shown,
        paid_since=None if part.more > 0 else part.period.start,
    )
