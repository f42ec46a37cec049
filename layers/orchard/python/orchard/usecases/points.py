"""What one write of a balance leaves for its past, told from its images."""

from orchard.domain import balance
from orchard.domain.history import Write
from orchard.store.history import Owned
from orchard.store.history_writing import End, Trace
from orchard.store.statements import Item
from orchard.store.stored import Stored, load

_DELETED = "delete_entity"


def traces(tenant: str, old: Item | None, new: Item) -> tuple[Trace, ...]:
    """Return what a write leaves. `old` is the image before, of the same customer and entity."""
    stored = load(new)
    before = None if old is None else write_of(load(old))
    if before is None and stored.seq > 1:
        # It came here from where the customer was kept before, which changed nothing of it.
        before = write_of(stored)._replace(seq=stored.seq - 1, at=0)
    entity = stored.owner.entity_internal_id or stored.place.entity_id or ""
    owned = Owned(tenant, stored.internal_id, stored.feature_id, entity)
    return (Trace(owned, stored.place.entity_id, write_of(stored), before),)


def ends(tenant: str, new: Item) -> tuple[End, ...]:
    """Return what a write of a customer leaves: when an entity was deleted, what it had ended."""
    last = new["last"]
    if last["kind"] != _DELETED:
        return ()
    return (End(tenant, new["internal_id"], last["entity_id"], int(last["at"])),)


def write_of(stored: Stored) -> Write:
    """Return what the last write of a balance left."""
    held = balance.settled(stored.holding, stored.pending)
    return Write(stored.seq, int(stored.last["at"]), held)
