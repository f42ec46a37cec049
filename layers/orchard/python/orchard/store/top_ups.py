"""What became of automatic top-ups: an item for each feature of a customer, beside it.

`last` says what was written last, for the table's stream.
"""

from orchard.domain.billing.top_ups import Record
from orchard.domain.customer import Customer
from orchard.store import keys
from orchard.store.session import Session
from orchard.store.statements import Item, Put


def put(session: Session, owner: Customer, record: Record, last: Item) -> Put:
    """Store the next version of a record; it fails if the one that was read is not there."""
    key = keys.top_up(session.tenant, owner.hot_id, record.feature_id)
    item: Item = {
        **record._asdict(),
        "pk": key.pk,
        "sk": key.sk,
        "hot_id": owner.hot_id,
        "internal_id": owner.internal_id,
        "last": last,
    }
    # What a deleted customer of the same id left behind is replaced.
    free = "attribute_not_exists(pk) OR internal_id <> :internal_id"
    values = {":internal_id": owner.internal_id}
    if record.version == 1:
        return Put(item, free, values)
    as_read = "internal_id = :internal_id AND #version = :was"
    return Put(item, as_read, {**values, ":was": record.version - 1}, {"#version": "version"})


def load(item: Item) -> Record:
    """Return a record from its item."""
    failed_at = item["failed_at"]
    return Record(
        feature_id=item["feature_id"],
        made=int(item["made"]),
        resets_at=int(item["resets_at"]),
        attempts=tuple(int(at) for at in item["attempts"]),
        failed_at=None if failed_at is None else int(failed_at),
        seq=int(item["seq"]),
        version=int(item["version"]),
    )
