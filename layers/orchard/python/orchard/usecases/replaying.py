"""Handling again what was set aside from the table's stream."""

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, NamedTuple

from orchard.contracts.replaying import ReplayParkedRequest
from orchard.errors import Unavailable
from orchard.store import keys, parked, passed_over
from orchard.store.parked import Parked
from orchard.store.table import Table
from orchard.usecases import ledger, parking
from orchard.usecases.ledger import Entry, Written

#: Of so many failures the answer tells the reasons.
_TOLD = 50
#: So many of those that are left are counted: there may be millions, and time is up by then.
_MOST_LEFT = 1000


class Replay(NamedTuple):
    """What a run works with, apart from what is asked."""

    table: Table
    retention_days: int
    has_time: Callable[[], bool]


def run(replay: Replay, request: ReplayParkedRequest) -> dict[str, Any]:
    """Handle parked records again, oldest first, as long as there is time; forget those done.

    Return how many were `replayed`, how many `failed` again and are kept with the new reason, how
    many are `left` for lack of time (or that many, at least), and what to go on behind (`next`). A
    repetition does no harm, two runs at once neither. Errors: `Unavailable`.
    """
    waiting = _waiting(replay.table, request)
    attempt = _understand if request.dry_run else _replay
    replayed, failures, last = 0, [], None
    for one in waiting:
        last = one
        failed = _attempted(replay, one, attempt)
        if failed is None:
            replayed += 1
        else:
            failures.append(_failure(replay, one, failed, keep=not request.dry_run))
        if not replay.has_time():
            break
    left = sum(1 for _ in islice(waiting, _MOST_LEFT))
    return {
        "replayed": replayed,
        "failed": len(failures),
        "left": left,
        "next": last.id if last is not None and left else None,
        "failures": failures[:_TOLD],
        "dry_run": request.dry_run,
    }


def _waiting(table: Table, request: ReplayParkedRequest) -> Iterator[Parked]:
    after = request.after or ""
    first = parked.day_of(keys.placed(after)[0]) if after else ""
    days = (parked.of_day(table, day, after) for day in request.days if day >= first)
    return chain.from_iterable(days)


def _attempted(
    replay: Replay, one: Parked, attempt: Callable[[Replay, Parked], None]
) -> Exception | None:
    try:
        attempt(replay, one)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a record breaks, the others go on
        return error
    return None


def _understand(replay: Replay, one: Parked) -> None:
    ledger.entry(_written(replay, one))


def _replay(replay: Replay, one: Parked) -> None:
    """Write down what the record tells, by the code of the stream, and forget it last of all."""
    written = _written(replay, one)
    entry = ledger.entry(written)
    if not _is_erased(replay.table, entry, written):
        table, days = replay.table, replay.retention_days
        # First: what sums note before they are asked to go on, they count once.
        passed_over.count(table, entry.uses, days, one.is_unnoted)
        ledger.record(table, [entry], days)
        ledger.tell([entry])
    parked.remove(replay.table, one)


def _written(replay: Replay, one: Parked) -> Written:
    return parking.written(parked.record(replay.table, one))


def _is_erased(table: Table, entry: Entry, written: Written) -> bool:
    """Whether the customer was deleted since: nothing is written of it any more."""
    if written.new is None:
        return True
    pointer = keys.pointer(entry.tenant, written.new["internal_id"])
    return table.get(pointer) is None


def _failure(replay: Replay, one: Parked, failed: Exception, *, keep: bool) -> dict[str, Any]:
    reason = parking.reason_of(failed)
    if keep:
        parked.keep(replay.table, one, reason)
    place = one.place
    return {"id": one.id, "item": None if place is None else list(place), "reason": reason}
