"""What one request sees of the table: one tenant, and its writes with their idempotency marks."""

import hashlib
from dataclasses import dataclass, field, replace

from orchard.domain import ids
from orchard.errors import DuplicateIdempotencyKey, Invalid
from orchard.store import keys, telling
from orchard.store.keys import Key
from orchard.store.statements import ConditionFailed, Delete, Item, Put, Update, Value, Write
from orchard.store.table import Table

#: A mark blocks repetitions for a day; DynamoDB removes it some time later.
MARK_MS = 86_400_000
#: What DynamoDB changes together.
MOST_WRITES = 100


@dataclass
class Mark:
    """An idempotency key that this request claims together with its effect."""

    key: Key
    text: str
    #: How long it blocks repetitions.
    life_ms: int = MARK_MS
    claimed: bool = False


@dataclass(frozen=True)
class Session:
    """The table as one tenant; `environment` is `sandbox` or `live`, `now` the request's time."""

    table: Table
    tenant: str
    environment: str
    now: int
    #: Who asks, as the audit trail names it: `key:<name>`, `job:<name>`, `stripe`.
    actor: str
    request_id: str
    #: Asked with a publishable key, which anybody may have: nothing may be changed.
    public: bool = False
    marks: list[Mark] = field(default_factory=list)

    @classmethod
    def of_job(cls, table: Table, key: Key, now: int, job: str) -> "Session":
        """Return a session in which a scheduled job works on an item, of whichever tenant."""
        tenant = keys.tenant_of(key.pk)
        environment = tenant.rpartition("/")[2]
        return cls(table, tenant, environment, now, f"job:{job}", "")

    def once(self, space: str, text: str) -> None:
        """Let the next commit succeed only if no earlier request claimed this key.

        Keys of different spaces do not meet: `header`, `body` and, for the ids of queued events,
        `event`. Errors: `DuplicateIdempotencyKey` at once if the key was claimed.
        """
        self.claim(space, text)
        claimed = self.table.get(self.marks[-1].key)
        if claimed is not None and claimed["expires_at"] > self.now:
            raise DuplicateIdempotencyKey(text)

    def claim(self, space: str, text: str, life_ms: int = MARK_MS) -> None:
        """As `once`, but without looking first: a repetition is found out by the commit alone."""
        digest = hashlib.sha256(f"{space}:{text}".encode()).hexdigest()
        self.marks.append(Mark(keys.idempotency(self.tenant, digest), text, life_ms))

    def unmarked(self) -> "Session":
        """Return the session for a first step: the idempotency keys are left to a later one."""
        return replace(self, marks=[])

    def stamp(self, kind: str, prefix: str = "chg_", **details: Value) -> Item:
        """Return what a write leaves in `last`: an id of its own, what was done, when, by whom."""
        return {
            "id": ids.new(prefix, self.now),
            "kind": kind,
            "at": self.now,
            "by": self.actor,
            "request_id": self.request_id,
            **details,
        }

    def commit(self, *writes: Write) -> Item | None:
        """Apply the writes, and the claims that are still open, together or not at all.

        Returns the new item when the commit is a single update. Errors: `ConditionFailed` with
        the position among `writes`, `Contention`, `DuplicateIdempotencyKey`.
        """
        telling.number(writes)
        open_marks = [mark for mark in self.marks if not mark.claimed]
        if not open_marks and len(writes) == 1:
            return self._write(writes[0])
        if len(open_marks) + len(writes) > MOST_WRITES:
            raise Invalid("This would change more items at once than a transaction can hold")
        if open_marks or writes:
            self._transact(open_marks, writes)
        return None

    def _write(self, write: Write) -> Item | None:
        if isinstance(write, Update):
            return self.table.update(write)
        if isinstance(write, Put):
            self.table.put(write)
        elif isinstance(write, Delete):
            # Tried again after a lost answer, a transaction is known; a removal would be refused.
            self.table.transact([write])
        return None

    def _transact(self, marks: list[Mark], writes: tuple[Write, ...]) -> None:
        claims = [self._claim(mark) for mark in marks]
        try:
            self.table.transact([*claims, *writes])
        except ConditionFailed as refused:
            if refused.position < len(marks):
                raise DuplicateIdempotencyKey(marks[refused.position].text) from None
            raise ConditionFailed(refused.item, refused.position - len(marks)) from None
        for mark in marks:
            mark.claimed = True

    def _claim(self, mark: Mark) -> Put:
        expires_at = self.now + mark.life_ms
        item = {"pk": mark.key.pk, "sk": mark.key.sk, "expires_at": expires_at}
        return Put(
            item | {"ttl": expires_at // 1000 + 1},
            "attribute_not_exists(pk) OR expires_at <= :now",
            {":now": self.now},
        )
