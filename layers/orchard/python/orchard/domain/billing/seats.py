"""Seats that are charged when they are taken: units beyond the balance, paid to the cycle's end.

What is in use beyond the balance is paid for. `spare` is what is paid for beyond that: seats given
back that may be taken anew without charge, and those just bought that whoever asked for them is
about to take. Less than none are spare where a credit was given and the seats are about to go.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import charges, money
from orchard.domain.billing import descriptions, stripe_prices
from orchard.domain.billing.lines import REFUND, SEATS, Bought, LineItem, Period, Sale
from orchard.domain.holding import NOTHING, Holding, Place, State
from orchard.domain.plan_display import counted
from orchard.domain.quantity import ZERO
from orchard.domain.row import Row, Unbilled

#: What an item says about when a change is billed: for a whole cycle, or with the next invoice.
_WHOLE = {"bill_immediately", "bill_next_cycle"}
_LATER = {"prorate_next_cycle", "bill_next_cycle"}
_NO_CREDIT = {"none", "no_prorations"}


class Turn(NamedTuple):
    """So many more seats (negative: fewer) that a row of a plan is about to have in use."""

    place: Place
    row_id: str
    customer_plan_id: str
    change: Decimal


class Charge(NamedTuple):
    """So many units of a row to charge for (negative: to credit), and how the row says to."""

    turn: Turn
    row: Row
    units: Decimal

    @property
    def _manner(self) -> str:
        rule = self.row.proration or {}
        return str(rule.get("on_increase" if self.units > 0 else "on_decrease"))

    @property
    def is_whole(self) -> bool:
        """Whether it is for a whole cycle, not for the rest of it."""
        return self._manner in _WHOLE

    @property
    def is_later(self) -> bool:
        """Whether it waits for the next invoice."""
        return self._manner in _LATER


class Bump(NamedTuple):
    """So many more spare seats of a row."""

    feature_id: str
    entity_id: str | None
    row_id: str
    units: Decimal


def are_held(state: State) -> bool:
    """Whether a balance has seats that are charged when they are taken."""
    return any(row.is_seat for held in state.values() for row in held.rows)


def moved(before: State, after: State) -> bool:
    """Whether other seats are in use than before."""
    return any(was.overdrawn != now.overdrawn for _place, was, now in _pairs(before, after))


def to_pay(before: State, after: State) -> tuple[Turn, ...]:
    """Return the changes that something has to be billed for first."""
    turns = (
        Turn(place, was.id, was.customer_plan_id or "", now.overdrawn - was.overdrawn)
        for place, was, now in _pairs(before, after)
    )
    return tuple(one for one in turns if one.change and charge(before, one) is not None)


def charge(state: State, turn: Turn) -> Charge | None:
    """Return what has to be charged for before a change, None if nothing has.

    Done once, it is none any more: what was bought is spare then, what was credited lacks.
    """
    rows = state.get(turn.place, NOTHING).rows
    row = next((one for one in rows if one.id == turn.row_id and one.is_seat), None)
    if row is None or not turn.change or row.trial_ends_at is not None:
        return None
    units = turn.change - row.spare
    if turn.change < 0:
        rule = row.proration or {}
        units = ZERO if rule.get("on_decrease") in _NO_CREDIT else min(ZERO, units)
    else:
        units = max(ZERO, units)
    return Charge(turn, row, units) if units else None


def settled(before: State, after: State) -> State:
    """Return a state that follows another with what is spare of each row counted anew."""
    changes = {
        (place, was.id): was.overdrawn - now.overdrawn
        for place, was, now in _pairs(before, after)
        if was.overdrawn != now.overdrawn and was.trial_ends_at is None
    }
    return _spared(after, changes)


def bumped(state: State, bumps: tuple[Bump, ...]) -> State:
    """Return a state with more spare seats."""
    found = {(Place(one.feature_id, one.entity_id), one.row_id): one.units for one in bumps}
    return _spared(state, found)


def begun(state: State, plans: set[str], at: int) -> dict[Place, Holding]:
    """Return a state in which the seats of plans that began are billed with the next invoice."""
    found = dict(state)
    for place, held in state.items():
        rows = tuple(
            row._replace(unbilled=(*row.unbilled, Unbilled(at, row.overdrawn)))
            if row.is_seat and row.customer_plan_id in plans and row.overdrawn
            else row
            for row in held.rows
        )
        if rows != held.rows:
            found[place] = held._replace(rows=rows)
    return found


def bump(charged: Charge) -> Bump:
    """Return what is spare once a charge is paid."""
    place = charged.turn.place
    return Bump(place.feature_id, place.entity_id, charged.row.id, charged.units)


def line(charged: Charge, bought: Bought, sale: Sale, period: Period | None, now: int) -> LineItem:
    """Return the line of a charge; a credit as a negative one. Without a period it is for good."""
    row, units = charged.row, charged.units
    price, paid = row.price or {}, max(ZERO, row.overdrawn + row.spare)
    whole = charges.of_usage(price, max(ZERO, paid + units), sale.currency) - charges.of_usage(
        price, paid, sale.currency
    )
    shown = None if period is None else Period(min(max(now, period.start), period.end), period.end)
    share = whole
    if period is not None and shown is not None and not charged.is_whole:
        share = whole * (shown.end - shown.start) / (period.end - period.start)
    feature = sale.features[charged.turn.place.feature_id]
    text = f"{bought.plan.name} - {counted(feature, abs(units))}"
    described = descriptions.spanning(text, shown, bought.entity_name)
    return LineItem(
        kind=SEATS if units > 0 else REFUND,
        plan_id=bought.plan.id,
        customer_plan_id=bought.customer_plan_id,
        feature_id=feature.id,
        product=stripe_prices.product_id(sale.tenant, bought.plan.id, feature.id),
        display_name=feature.name,
        description=described if units > 0 else f"Unused {described}",
        amount=money.rounded(share, sale.currency),
        quantity=abs(units),
        period=shown,
        paid_since=None if units > 0 or period is None else period.start,
    )


def in_use(state: State, customer_plan_id: str, *, spare: bool) -> dict[str, Decimal]:
    """Return the seats of a plan that are paid for, by feature; those that are `spare` if asked."""
    found: dict[str, Decimal] = {}
    for place, held in state.items():
        for row in held.rows:
            is_counted = row.proration is not None and not row.is_mould
            if is_counted and row.customer_plan_id == customer_plan_id:
                units = row.overdrawn + (row.spare if spare else ZERO)
                found[place.feature_id] = found.get(place.feature_id, ZERO) + max(ZERO, units)
    return {name: units for name, units in found.items() if units}


def _pairs(before: State, after: State) -> Iterator[tuple[Place, Row, Row]]:
    """The rows of seats as they were and are."""
    for place, held in before.items():
        now = {row.id: row for row in after.get(place, held).rows}
        for row in held.rows:
            if row.is_seat and not row.is_mould and row.id in now:
                yield place, row, now[row.id]


def _spared(state: State, more: dict[tuple[Place, str], Decimal]) -> State:
    if not more:
        return state
    found = dict(state)
    for place in {place for place, _row_id in more}:
        held = state.get(place)
        if held is not None:
            rows = (
                row._replace(spare=row.spare + more.get((place, row.id), ZERO)) for row in held.rows
            )
            found[place] = held._replace(rows=tuple(rows))
    return found
