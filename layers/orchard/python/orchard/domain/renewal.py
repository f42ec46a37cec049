"""What time alone does to rows: expiry, resets with what they carry over, ends of edits."""

from decimal import ROUND_FLOOR, Decimal

from orchard.domain import interval
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Rollover, Row, Rows, Unbilled, ordered


def renewed(rows: Rows, now: int) -> Rows:
    """Return the rows as they stand at `now`: expired ones gone, due ones reset.

    Any number of missed periods is one reset. An edit ends here: the adjustment falls away and the
    balance starts anew. An edit with an end of its own ends then, and what it withheld comes back.
    What a row was overdrawn that is billed stays on record until it is.
    """
    if not any(at <= now for row in rows for at in row.instants()):
        return rows
    alive = tuple(_without_expired_rollovers(row, now) for row in rows if not row.is_over(now))
    seated = _seated(alive, tuple(row for row in rows if row.is_over(now)))
    return ordered(tuple(_at(row, now) for row in seated))


def _at(row: Row, now: int) -> Row:
    """The row at `now`: what came back before it was reset could still be used or carried over."""
    if row.trial_ends_at is not None and row.trial_ends_at <= now:
        row = after_trial(row, row.trial_ends_at)
    if not _is_due(row, now):
        return _given_back(row, now)
    return reset(_given_back(row, row.next_reset_at or now), now)


def _given_back(row: Row, now: int) -> Row:
    kept = tuple(one for one in row.withheld if one.ends_at > now)
    if len(kept) == len(row.withheld):
        return row
    back = row.kept_back - total(one.amount for one in kept)
    return row._replace(balance=row.balance + back, withheld=kept)


def _seated(rows: Rows, over: Rows) -> Rows:
    """Seats stay in use when an edit that added some ends: then another row counts them.

    Where there is no other, as with an entity that shares the customer's, one that grants nothing.
    """
    ended = [row for row in over if row.addition and row.continuous]
    seats = total(row.refundable for row in ended)
    if not seats:
        return rows
    heir = next((row for row in rows if row.continuous and not row.is_mould), None)
    if heir is None:
        return (*rows, _bearer(ended[0], seats))
    heavier = heir._replace(balance=heir.balance - seats)
    return tuple(heavier if row is heir else row for row in rows)


def _bearer(row: Row, used: Decimal) -> Row:
    return row._replace(
        id=f"{row.id}_used",
        adjustment=-row.starting,
        balance=-used,
        expires_at=None,
        withheld=(),
        addition=False,
    )


def reset(row: Row, now: int) -> Row:
    """Return the row at the start of the period that contains `now`."""
    boundary = row.next_reset_at
    if boundary is None:
        return row
    following = interval.next_boundary(boundary, row.interval, row.interval_count, now)
    if row.is_mould:
        return row._replace(next_reset_at=following, resets=row.resets + 1)
    kept = tuple(one for one in row.withheld if one.ends_at > now)
    return row._replace(
        resets=row.resets + 1,
        balance=row.starting - total(one.amount for one in kept),
        adjustment=ZERO,
        next_reset_at=following,
        rollovers=_carried_over(row, boundary, now),
        withheld=kept,
        unbilled=owed(row, boundary),
    )


def caught_up(row: Row, now: int) -> Row:
    """Return a row after the reset that it missed, if it did, because a payment was overdue."""
    missed = row.overdue and row.next_reset_at is not None and row.next_reset_at <= now
    return reset(_given_back(row, now), now) if missed else row


def after_trial(row: Row, ended_at: int) -> Row:
    """Return a row as the end of a trial leaves it: nothing used before then is ever billed."""
    row = _given_back(row, ended_at)
    if _is_due(row, ended_at):
        row = reset(row, ended_at)
    if row.overdrawn and not row.continuous:
        row = row._replace(balance=ZERO, resets=row.resets + 1)
    return row._replace(trial_ends_at=None)


def owed(row: Row, period_end: int) -> tuple[Unbilled, ...]:
    """Return what is to be billed of a row once a period of it ended, earlier ones included."""
    is_free = row.trial_ends_at is not None and period_end <= row.trial_ends_at
    if not row.is_metered or is_free or not row.overdrawn:
        return row.unbilled
    return (*row.unbilled, Unbilled(period_end, row.overdrawn))


def _is_due(row: Row, now: int) -> bool:
    return row.reset_due_at is not None and row.reset_due_at <= now


def _without_expired_rollovers(row: Row, now: int) -> Row:
    kept = tuple(one for one in row.rollovers if one.expires_at is None or one.expires_at > now)
    return row if len(kept) == len(row.rollovers) else row._replace(rollovers=kept)


def _carried_over(row: Row, boundary: int, now: int) -> tuple[Rollover, ...]:
    rule = row.rollover
    if rule is None:
        return ()
    held = tuple(rollover for rollover in row.rollovers if rollover.balance > 0)
    if row.balance > 0:
        expires_at = None if rule.months is None else interval.plus_months(boundary, rule.months)
        if expires_at is None or expires_at > now:
            name = _unused(f"roll_{row.id}_{boundary}", row)
            held = (*held, Rollover(name, row.balance, ZERO, expires_at))
    return _trimmed(held, _most(row))


def adopted(row: Row, rollovers: tuple[Rollover, ...]) -> Row:
    """Return a row with what another one of its feature carried over, if it carries over itself."""
    if row.rollover is None or row.is_mould or not rollovers:
        return row
    held = tuple(one for one in (*row.rollovers, *rollovers) if one.balance > 0)
    return row._replace(rollovers=_trimmed(held, _most(row)))


def _unused(name: str, row: Row) -> str:
    """The name, numbered if a reset was set to the same date before."""
    taken = sum(rollover.id.startswith(name) for rollover in row.rollovers)
    return f"{name}_{taken}" if taken else name


def _most(row: Row) -> Decimal | None:
    rule = row.rollover
    if rule is None or (rule.max is None and rule.max_percentage is None):
        return None
    caps = [] if rule.max is None else [rule.max]
    if rule.max_percentage is not None:
        share = row.starting * rule.max_percentage / 100
        caps.append(share.to_integral_value(ROUND_FLOOR))
    return min(caps)


def _trimmed(rollovers: tuple[Rollover, ...], most: Decimal | None) -> tuple[Rollover, ...]:
    """Cut the rollovers down to `most`, the soonest to expire first."""
    if most is None:
        return rollovers
    surplus = total(rollover.balance for rollover in rollovers) - most
    kept = []
    for rollover in sorted(
        rollovers, key=lambda one: (one.expires_at is None, one.expires_at or 0)
    ):
        cut = max(ZERO, min(surplus, rollover.balance))
        surplus -= cut
        if rollover.balance > cut:
            kept.append(rollover._replace(balance=rollover.balance - cut))
    return tuple(kept)
