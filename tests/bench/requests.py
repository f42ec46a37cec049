"""DynamoDB requests and capacity units of an operation, counted on the wire."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from orchard.store.table import Table


class Cost(NamedTuple):
    """What an operation asked of the table: verbs in order, and capacity units in all."""

    verbs: tuple[str, ...]
    read_units: float
    write_units: float


_READS = {"GetItem", "Query", "BatchGetItem", "TransactGetItems"}


class Meter:
    """Collects what passes through a client while it is on."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, float]] = []

    def cost(self) -> Cost:
        """Return what was collected so far."""
        reads = sum(units for verb, units in self.calls if verb in _READS)
        writes = sum(units for verb, units in self.calls if verb not in _READS)
        return Cost(tuple(verb for verb, _units in self.calls), reads, writes)

    def ask(self, params: dict[str, Any], **_: Any) -> None:
        """Ask DynamoDB to say what a request consumes."""
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """Note a request and what it consumed."""
        consumed = parsed.get("ConsumedCapacity", {})
        parts = consumed if isinstance(consumed, list) else [consumed]
        self.calls.append((model.name, sum(part.get("CapacityUnits", 0) for part in parts)))


@contextmanager
def metered(table: Table) -> Iterator[Meter]:
    """Count the requests made in the block."""
    meter, events = Meter(), table.client.meta.events
    events.register("provide-client-params.dynamodb", meter.ask)
    events.register("after-call.dynamodb", meter.note)
    try:
        yield meter
    finally:
        events.unregister("provide-client-params.dynamodb", meter.ask)
        events.unregister("after-call.dynamodb", meter.note)


def cost_of(table: Table, work: Callable[[], object]) -> Cost:
    """Return what one call of `work` asks of the table."""
    with metered(table) as meter:
        work()
        return meter.cost()
