"""The table's stream: the history of every customer and balance"""

from orchard.triggers.stream import Delivery, stream
from orchard.usecases import ledger
from orchard.usecases.ledger import Entry


@stream(ledger.entry)
def handler(delivery: Delivery[Entry]) -> None:
    """Write down what each change was, and count the usage among them."""
    ledger.record(delivery.table, delivery.facts, delivery.retention_days)
