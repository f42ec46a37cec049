"""Changes of the table as its stream delivers them: in order for each item, at least once.

A record that can't be handled is set aside and does not stop the rest. A table that doesn't answer
does: the batch, or what is left of it, is delivered again.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from orchard.errors import Unavailable
from orchard.store.table import Table
from orchard.triggers import clock, metrics, retention
from orchard.triggers.connection import table
from orchard.usecases import parking
from orchard.usecases.ledger import Written
from orchard.usecases.parking import Record

logger = Logger(service="orchard")
#: Records that are written down together. What comes before a failure isn't done again.
TOGETHER = 50
#: No further records are begun this long before the function would be stopped.
MARGIN_MS = 15_000

type Handler = Callable[[Any, Any], dict[str, Any]]
type HasTime = Callable[[], bool]
type Write[T] = Callable[[Delivery[T]], None]


class Delivery[T](NamedTuple):
    """What some records say, in their order, and the table to write it to."""

    table: Table
    facts: Sequence[T]
    #: How long usage events are kept (EVENT_RETENTION_DAYS).
    retention_days: int


def stream[T](understand: Callable[[Written], T]) -> Callable[[Write[T]], Handler]:
    """Turn `write(delivery)` into the handler of a stream, with one fact for each record.

    Both steps may be repeated for the same record and must not add to it then.
    """

    def decorate(write: Write[T]) -> Handler:
        def handler(event: Any, context: Any) -> dict[str, Any]:
            def has_time() -> bool:
                return context is None or context.get_remaining_time_in_millis() > MARGIN_MS

            left = _handled(
                event["Records"], has_time, lambda some: _handle(understand, write, some, has_time)
            )
            return {"batchItemFailures": [{"itemIdentifier": number} for number in left]}

        return handler

    return decorate


def _handled(
    records: list[Record], has_time: HasTime, handle: Callable[[Sequence[Record]], int]
) -> list[str]:
    """Handle records; return the sequence number from which on they must be delivered again."""
    done = 0
    while done < len(records):
        again = [records[done]["dynamodb"]["SequenceNumber"]]
        if done and not has_time():
            return again
        try:
            done += handle(records[done : done + TOGETHER])
        except Unavailable:
            if not done:
                raise
            return again
    return []


def _handle[T](
    understand: Callable[[Written], T],
    write: Write[T],
    records: Sequence[Record],
    has_time: HasTime,
) -> int:
    """Handle records, together if that can be; return how many were, at least one."""

    def attempt(some: Sequence[Record]) -> None:
        facts = [understand(parking.written(record)) for record in some]
        write(Delivery(table(), facts, retention.days()))

    if _attempted(attempt, records) is None:
        return len(records)
    # Something among these can't be handled: find out what, and let the rest pass.
    for number, record in enumerate(records):
        if number and not has_time():
            return number
        failed = _attempted(attempt, [record])
        if failed is not None:
            _park(record, failed)
    return len(records)


def _attempted(
    attempt: Callable[[Sequence[Record]], None], records: Sequence[Record]
) -> Exception | None:
    try:
        attempt(records)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a record breaks, the others go on
        return error
    return None


def _park(record: Record, error: Exception) -> None:
    """Set a record aside. The log names the item and the line that failed, never what it holds."""
    parking.set_aside(table(), record, error, clock.now(), retention.days())
    logger.error(
        "parked",
        keys=record.get("dynamodb", {}).get("Keys"),
        sequence_number=record.get("dynamodb", {}).get("SequenceNumber"),
        reason=parking.reason_of(error),
    )
    metrics.emit(ParkedRecords=1)
