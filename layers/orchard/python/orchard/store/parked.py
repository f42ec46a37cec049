"""Stream records that could not be handled, kept whole until somebody looks into them."""

import json
from datetime import UTC, datetime
from typing import Any

from orchard.store import keys
from orchard.store.statements import Put
from orchard.store.table import Table

#: An item can hold 400 KB; a record beyond this is kept without its images.
_LARGEST = 350_000


def put(table: Table, record: dict[str, Any], reason: str, now: int) -> None:
    """Keep a record as the stream delivered it; a repetition replaces itself."""
    change = record.get("dynamodb", {})
    seconds = change.get("ApproximateCreationDateTime")
    timestamp = now if seconds is None else int(seconds * 1000)
    day = datetime.fromtimestamp(timestamp / 1000, UTC).date().isoformat()
    key = keys.parked(day, timestamp, str(change.get("SequenceNumber", now)))
    item = {"pk": key.pk, "sk": key.sk, "reason": reason, "parked_at": now}
    table.put(Put({**item, "record": _text(record)}))


def _text(record: dict[str, Any]) -> str:
    text = json.dumps(record, default=str, ensure_ascii=False)
    if len(text.encode()) <= _LARGEST:
        return text
    change = {
        name: value for name, value in record["dynamodb"].items() if not name.endswith("Image")
    }
    return json.dumps({**record, "dynamodb": change}, default=str)
