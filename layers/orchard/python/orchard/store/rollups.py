"""Usage summed by hour and by day, each use counted exactly once.

A stream delivers every write at least once and in order for each item. So a roll-up keeps, for
each item that fed it, the number of the last write it counted: all up to that were counted before.

Hours are forgotten with the events they sum up; days stay.
"""

from base64 import urlsafe_b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

from orchard.domain import ledger
from orchard.domain.quantity import total
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.optimistic import optimistic
from orchard.store.statements import ConditionFailed, Item, Update, Value
from orchard.store.table import Table

_COUNTED_UP_TO = "seq "
_DAY_S = 86_400


class Use(NamedTuple):
    """One use as roll-ups count it: by whom, of what, when, and which write of which item it was.

    A write may record many uses, which differ by `id`.

    A customer that moves continues under another `source`: the order of writes is kept only there.
    """

    tenant: str
    internal_id: str
    name: str
    timestamp: int
    source: str
    seq: int
    id: str
    value: Decimal
    deducted: Decimal


def source(hot_id: str, feature_id: str, entity_internal_id: str | None) -> str:
    """Return what feeds roll-ups: a balance, where its customer is kept.

    An entity made anew under the same id begins to count its writes anew: it is another source.
    """
    return " ".join((hot_id, feature_id, *((entity_internal_id,) if entity_internal_id else ())))


class Span(NamedTuple):
    """One hour or day of one name, and where the index `listing` has it."""

    key: Key
    listing: tuple[str, str]
    name: str
    grain: str
    start: int


def count(table: Table, uses: Iterable[Use], retention_days: int) -> None:
    """Add uses to their hours and days, with one write for each; a repetition adds nothing.

    The table forgets an hour by itself after `retention_days`.
    """
    for span, found in by_span(uses).items():
        advance(table, span, found, partial(addition, span, retention_days))


def by_span(uses: Iterable[Use]) -> dict[Span, list[Use]]:
    """Return the hours and days that uses fall into, each with its uses, every one once."""
    spans: dict[Span, dict[tuple[str, int, str], Use]] = defaultdict(dict)
    for use in uses:
        for grain, start in ledger.periods(use.timestamp):
            spans[_span(use, grain, start)][use.source, use.seq, use.id] = use
    return {span: list(found.values()) for span, found in spans.items()}


def _span(use: Use, grain: str, start: int) -> Span:
    shard = keys.events_shard(use.internal_id)
    listing = (
        keys.usage_listing(use.tenant, use.name, grain, shard),
        keys.listing_position(start, use.internal_id),
    )
    key = keys.rollup(use.tenant, use.internal_id, use.name, grain, start)
    return Span(key, listing, use.name, grain, start)


def advance(
    table: Table, span: Span, uses: list[Use], write: Callable[[list[Use]], Update]
) -> None:
    """Write those of the uses to their roll-up that it has not come to yet, if there are any."""
    held: Item = {}

    def attempt() -> None:
        fresh = [use for use in uses if use.seq > held.get(mark(use.source), 0)]
        if not fresh:
            return
        try:
            table.update(write(fresh))
        except ConditionFailed as refused:
            held.update(refused.item or table.get(span.key) or {})
            raise

    optimistic(attempt)


def addition(span: Span, retention_days: int, uses: list[Use]) -> Update:
    """Return the write that adds uses on the condition that the roll-up came to none of them."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for use in uses:
        numbers[use.source].append(use.seq)
    names = {"#count": "count", "#sum": "sum", "#name": "name", "#start": "start"}
    values: dict[str, Value] = {
        ":count": len(uses),
        ":sum": total(use.value for use in uses),
        ":deducted": total(use.deducted for use in uses),
        ":name": span.name,
        ":grain": span.grain,
        ":start": span.start,
    }
    sets, conditions = ["#name = :name, grain = :grain, #start = :start"], []
    values |= dict(zip((":listing_pk", ":listing_sk"), span.listing, strict=True))
    sets.append("listing_pk = :listing_pk, listing_sk = :listing_sk")
    if span.grain == ledger.HOUR:
        names["#ttl"], values[":ttl"] = "ttl", span.start // 1000 + retention_days * _DAY_S
        sets.append("#ttl = :ttl")
    for index, (source, seqs) in enumerate(numbers.items()):
        names[f"#s{index}"] = mark(source)
        values |= {f":first{index}": min(seqs), f":last{index}": max(seqs)}
        sets.append(f"#s{index} = :last{index}")
        conditions.append(f"(attribute_not_exists(#s{index}) OR #s{index} < :first{index})")
    expression = f"SET {', '.join(sets)} ADD #count :count, #sum :sum, deducted :deducted"
    return Update(span.key, expression, values, " AND ".join(conditions), names)


def mark(source: str) -> str:
    """Return the attribute of a roll-up that says how far it has come with a source.

    It is short: the entities of a customer may be thousands, and a roll-up has to hold one of each.
    """
    digest = blake2b(source.encode(), digest_size=9).digest()
    return f"{_COUNTED_UP_TO}{urlsafe_b64encode(digest).decode()}"
