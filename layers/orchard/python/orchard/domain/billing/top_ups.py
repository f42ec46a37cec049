"""Automatic top-ups: more of a feature is bought by itself when little of it is left.

Quantities are decimals in units of the feature, times UTC milliseconds.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import interval
from orchard.domain.billing.stocks import Stock
from orchard.domain.holding import Holding
from orchard.domain.interval import MINUTE_MS
from orchard.domain.quantity import total

#: Whatever the customer's own limit is: so many purchases are begun in ten minutes at most, and
#: none within an hour of one that was not paid.
MOST_ATTEMPTS, ATTEMPTS_MS, SUSPENDED_MS = 2, 10 * MINUTE_MS, 60 * MINUTE_MS


class Rule(NamedTuple):
    """When to buy, and how much. `limit` purchases are made in a window at most.

    `is_sent` sends an invoice instead of charging the card.
    """

    threshold: Decimal
    quantity: Decimal
    is_sent: bool = False
    limit: Decimal | None = None
    interval: str | None = None
    interval_count: int = 1


class Record(NamedTuple):
    """What became of the top-ups of a feature: `made` purchases in the window to `resets_at`.

    `attempts` are the times of the latest ones, `failed_at` that of the latest failure unless
    something was paid since. `seq` is that of the balance when it was last acted on.
    """

    feature_id: str
    made: int = 0
    resets_at: int = 0
    attempts: tuple[int, ...] = ()
    failed_at: int | None = None
    seq: int = 0
    version: int = 0

    def knows(self, seq: int, at: int) -> bool:
        """Whether a use was acted on already: a purchase was begun when it was known."""
        return seq <= self.seq and at <= max(self.attempts, default=0)

    def is_counting(self, now: int) -> bool:
        """Whether the window of purchases is open."""
        return self.resets_at > now


def rule(controls: Mapping[str, Any], feature_id: str) -> Rule | None:
    """Return the enabled top-up of a feature among the controls that hold for a customer."""
    entries = controls.get("auto_topups") or ()
    found = next((one for one in entries if one["feature_id"] == feature_id), None)
    if found is None or not found.get("enabled"):
        return None
    limit = found.get("purchase_limit") or {}
    return Rule(
        threshold=Decimal(found["threshold"]),
        quantity=Decimal(found["quantity"]),
        is_sent=bool(found.get("invoice_mode")),
        limit=limit.get("limit"),
        interval=limit.get("interval"),
        interval_count=int(limit.get("interval_count", 1)),
    )


def left(holding: Holding) -> Decimal | None:
    """Return what is left, with what is overdrawn taken off; None where nothing is counted."""
    rows = holding.own
    if not rows or any(row.unlimited or row.boolean for row in rows):
        return None
    return total(row.balance + row.carried for row in rows)


def is_low(holding: Holding, threshold: Decimal) -> bool:
    """Whether so little is left that more is to be bought."""
    amount = left(holding)
    return amount is not None and amount <= threshold


def obstacle(known: Record, one: Rule, now: int) -> str | None:
    """Return why nothing is bought now although little is left; None if it is."""
    recent = [at for at in known.attempts if at > now - ATTEMPTS_MS]
    if one.limit is not None and known.is_counting(now) and known.made >= one.limit:
        return "the purchase limit is reached"
    if len(recent) >= MOST_ATTEMPTS:
        return "too many purchases were begun"
    if known.failed_at is not None and known.failed_at > now - SUSPENDED_MS:
        return "a payment failed"
    return None


def attempted(known: Record, now: int, seq: int) -> Record:
    """Return a record after a purchase was begun, given the `seq` of the balance it is for."""
    recent = (at for at in known.attempts if at > now - ATTEMPTS_MS)
    return known._replace(attempts=(*recent, now), seq=seq, version=known.version + 1)


def bought(known: Record, stock: Stock, now: int) -> Record:
    """Return a record after a purchase: the first one of a window begins it."""
    after = known._replace(failed_at=None, version=known.version + 1)
    if stock.interval is None:
        return after
    if known.is_counting(now):
        return after._replace(made=known.made + 1)
    ends = interval.after(now, stock.interval, stock.interval_count)
    return after._replace(made=1, resets_at=ends)


def failed(known: Record, now: int) -> Record:
    """Return a record after a purchase that was not paid."""
    return known._replace(failed_at=now, version=known.version + 1)


def resumed(known: Record) -> Record:
    """Return a record by which the latest failure stands in the way no more."""
    return known._replace(failed_at=None, version=known.version + 1)


def with_windows(
    controls: Mapping[str, Any], known: Iterable[Record], now: int
) -> Mapping[str, Any]:
    """Return controls in which purchase limits show the windows that are open."""
    windows = {one.feature_id: one for one in known if one.is_counting(now)}
    if not windows or not controls.get("auto_topups"):
        return controls
    shown = [
        {**entry, "purchase_limit": _window(entry, windows[entry["feature_id"]])}
        if entry["feature_id"] in windows
        else entry
        for entry in controls["auto_topups"]
    ]
    return {**controls, "auto_topups": shown}


def recounted(known: Record, limit: Mapping[str, Any], count: int, now: int) -> Record:
    """Return a record with another count: of the open window, or of one that begins now."""
    if known.is_counting(now):
        return known._replace(made=count, version=known.version + 1)
    if not count:
        return known
    ends = interval.after(now, limit["interval"], int(limit.get("interval_count", 1)))
    return known._replace(made=count, resets_at=ends, version=known.version + 1)


def _window(entry: Mapping[str, Any], known: Record) -> dict[str, Any]:
    """A limit with what counts in its window; one that was removed since has no bounds."""
    limit = entry.get("purchase_limit") or {}
    bounds = {name: limit.get(name) for name in ("interval", "interval_count", "limit")}
    return {**bounds, "count": known.made, "next_reset_at": known.resets_at}
