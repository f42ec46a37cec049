"""Usage in arrears: what was used beyond the balance, billed once a period is over.

A row that resets keeps what it was overdrawn as `unbilled`. Whoever bills it lays hands on it
first: from then on it is of one invoice, and what that invoice shows of it follows from what is
stored alone, however often it is computed.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import charges, interval, renewal
from orchard.domain.billing import usage_lines
from orchard.domain.billing.lines import LineItem, Sale
from orchard.domain.billing.usage_lines import Account, Charge, Group, price_interval
from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Place, State
from orchard.domain.interval import DAY_MS
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Row, Unbilled, ordered


class Ending(NamedTuple):
    """The end of periods at Stripe, UTC ms; None: everything ends now, as when plans switch.

    `anchor` is a time on the cycle of the subscription, `shown` what the invoice shows already.
    Unless it `renews`, nothing is paid in advance.
    """

    until: int | None
    anchor: int | None = None
    shown: Collection[Group] = ()
    renews: bool = True

    def covers(self, at: int) -> bool:
        """Whether a period that ends at a time is over: dates may differ by a day."""
        return self.until is None or at <= self.until + DAY_MS


def lines(
    state: State,
    held: CustomerPlan,
    plan: Plan,
    sale: Sale,
    until: int | None,
    *,
    waived: bool = False,
    entity_name: str | None = None,
    before: Mapping[str, Decimal] | None = None,
) -> tuple[LineItem, ...]:
    """Return what is billed of a plan's usage when its period ends, or (None) all of it now.

    What another invoice is about to show is left out; so is everything if the customer's overage
    is `waived`, and so much of each row as was `counted` before.
    """
    ending = Ending(until)
    after = _charged_only(closed(state, held, ending), held)
    account = Account(held, plan, sale, entity_name)
    due = usage_lines.charged(rows(after, held), account, lambda one: _is_due(one, ending), before)
    return tuple(one.line for one in due if one.line.amount and not waived)


def counted(state: State, held: CustomerPlan) -> dict[str, Decimal]:
    """Return how much of a plan's usage is billed if all of it is billed now, by row."""
    ending, found = Ending(None), dict[str, Decimal]()
    for _place, row in rows(_charged_only(closed(state, held, ending), held), held):
        due = total(one.quantity for one in row.unbilled if _is_due(one, ending))
        found[row.id] = found.get(row.id, ZERO) + due
    return {name: quantity for name, quantity in found.items() if quantity}


def settled(state: State, held: CustomerPlan, until: int | None) -> State:
    """Return the state once that is billed: rows in their next period, nothing left to bill."""
    ending = Ending(until)

    def clear(_place: Place, row: Row) -> Row:
        return row._replace(unbilled=tuple(one for one in row.unbilled if not _is_due(one, ending)))

    return changed(closed(state, held, ending), held, clear)


def closed(state: State, held: CustomerPlan, ending: Ending) -> State:
    """Return a state in which periods of a plan that end are over, overage kept as `unbilled`."""
    if ending.until is None:
        return changed(state, held, lambda _place, row: _stopped(row))
    return changed(state, held, lambda _place, row: _closed(row, held, ending))


def claimed(
    state: State, held: CustomerPlan, ending: Ending, invoice: str, *, waived: bool = False
) -> State:
    """Return a state in which an invoice lays hands on all that it has yet to show of a plan.

    What is free for the customer, or where it was used, is dropped.
    """

    def claim(_place: Place, row: Row) -> Row:
        kept = (
            one._replace(invoice=invoice) if _is_open(row, one, ending) else one
            for one in row.unbilled
            if not (waived and _is_open(row, one, ending))
        )
        return row._replace(unbilled=tuple(kept))

    return changed(_charged_only(closed(state, held, ending), held), held, claim)


def of_invoice(state: State, account: Account, invoice: str) -> tuple[Charge, ...]:
    """Return what an invoice is to show of a plan."""
    found = rows(state, account.held)
    return usage_lines.charged(found, account, lambda one: one.invoice == invoice)


def claims(state: State) -> set[str]:
    """Return the invoices that have laid hands on overage and are not known to show it."""
    return {
        one.invoice
        for holding in state.values()
        for row in holding.rows
        for one in row.unbilled
        if one.invoice is not None
    }


def cleared(
    state: State, held: CustomerPlan, invoice: str, shown: Mapping[Group, Decimal]
) -> State:
    """Return a state in which an invoice has no hands on anything any more.

    What it shows is billed, so much of each group; the rest waits for another invoice.
    """
    left = dict(shown)

    def clear(_place: Place, row: Row) -> Row:
        return row._replace(unbilled=tuple(_cleared(row, invoice, left)))

    return changed(state, held, clear)


def rows(state: State, held: CustomerPlan) -> Iterator[tuple[Place, Row]]:
    """Yield the rows of a plan that is paid through Stripe, with where they lie."""
    for place, holding in state.items():
        for row in holding.rows:
            if _is_of(row, held):
                yield place, row


def changed(state: State, held: CustomerPlan, change: Callable[[Place, Row], Row]) -> State:
    """Return the state with the rows of a plan that is paid through Stripe changed one by one."""
    found = dict(state)
    for place in dict.fromkeys(place for place, _row in rows(state, held)):
        after = (change(place, row) if _is_of(row, held) else row for row in state[place].rows)
        found[place] = state[place]._replace(rows=ordered(tuple(after)))
    return found


def _is_of(row: Row, held: CustomerPlan) -> bool:
    return row.billed and row.customer_plan_id == held.id


def _charged_only(state: State, held: CustomerPlan) -> State:
    """The state without the overage that a spend limit lets be free."""

    def charge(place: Place, row: Row) -> Row:
        if not row.unbilled or not charges.is_waived(state, place):
            return row
        return row._replace(unbilled=tuple(one for one in row.unbilled if one.invoice))

    return changed(state, held, charge)


def _cleared(row: Row, invoice: str, left: dict[Group, Decimal]) -> Iterator[Unbilled]:
    for one in row.unbilled:
        if one.invoice != invoice:
            yield one
            continue
        group = Group(row.id, one.period_end)
        billed = min(one.quantity, left.get(group, ZERO))
        left[group] = left.get(group, ZERO) - billed
        if one.quantity > billed:
            yield one._replace(quantity=one.quantity - billed, invoice=None)


def _closed(row: Row, held: CustomerPlan, ending: Ending) -> Row:
    """A row whose period ends with Stripe's, if it is one that has a price."""
    if row.trial_ends_at is not None and ending.covers(row.trial_ends_at):
        row = renewal.after_trial(row, row.trial_ends_at)
    if row.price is None:
        return row
    if row.continuous:
        return _counted(row, held, ending)
    is_priced_so = (row.interval, row.interval_count) == price_interval(row.price)
    if row.next_reset_at is None or not is_priced_so or not ending.covers(row.next_reset_at):
        return row
    until = max(ending.until or 0, row.next_reset_at)
    return _kept_down(row, until) if row.overdue else renewal.reset(row, until)


def _kept_down(row: Row, until: int) -> Row:
    """A row whose period ends unpaid: what it was overdrawn is billed, nothing is given anew."""
    unbilled = renewal.owed(row, until)
    return row if unbilled == row.unbilled else row._replace(unbilled=unbilled, balance=ZERO)


def _counted(row: Row, held: CustomerPlan, ending: Ending) -> Row:
    """A row whose use goes on: what is in use beyond the balance is billed in each period.

    Seats are paid for in advance: of those that go on in use for the cycle that begins, also for
    the first one after a trial, not if the plan ends; none are spare any more.
    """
    is_last = held.expires_at is not None and ending.covers(held.expires_at)
    if row.is_seat and (is_last or not ending.renews):
        return row
    until, (every, count) = ending.until or 0, price_interval(row.price or {})
    anchor = held.started_at if ending.anchor is None else ending.anchor
    is_over = ending.covers(interval.first_boundary(anchor, every, count, until - DAY_MS))
    after_trial = held.trial_ends_at is not None and abs(held.trial_ends_at - until) <= DAY_MS
    is_free, is_first = after_trial and not row.is_seat, after_trial and row.is_seat
    is_known = any(one.period_end == until for one in row.unbilled)
    is_done = is_known or Group(row.id, until) in ending.shown
    if is_free or is_done or not (is_over or is_first):
        return row
    row = row._replace(spare=ZERO)
    return row._replace(unbilled=renewal.owed(row, until))


def _stopped(row: Row) -> Row:
    """A row of which everything ends now; what goes on in use is for whatever comes then."""
    if row.continuous or row.next_reset_at is None or not row.overdrawn:
        return row
    return row._replace(unbilled=renewal.owed(row, row.next_reset_at), balance=ZERO)


def _is_due(one: Unbilled, ending: Ending) -> bool:
    return one.invoice is None and ending.covers(one.period_end)


def _is_open(row: Row, one: Unbilled, ending: Ending) -> bool:
    return _is_due(one, ending) and Group(row.id, one.period_end) not in ending.shown
