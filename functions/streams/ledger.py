"""The table's stream: the history of every customer and balance, and what to tell of it"""

from orchard.triggers.stream import Delivery, stream
from orchard.usecases import ledger
from orchard.usecases.ledger import Entry


@stream(ledger.entry)
def handler(delivery: Delivery[Entry]) -> None:
    """Write down what each change was, count the usage among them; then tell of limits reached."""
    ledger.record(delivery.table, delivery.facts, delivery.retention_days)
    ledger.tell(delivery.facts)
