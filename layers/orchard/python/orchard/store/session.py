"""What one request sees of the table: one tenant, and its writes with their idempotency marks."""

import hashlib
from collections.abc import Iterable
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
    space: str
    text: str
    #: How long it blocks repetitions.
    life_ms: int = MARK_MS
    #: A digest of what was asked for, where a repetition has to be the same; "" where it need not.
    said: str = ""
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
    #: Where the API is reached, without a slash at the end; "" where nobody called it.
    base_url: str = ""

    @classmethod
    def of_job(cls, table: Table, key: Key, now: int, job: str) -> "Session":
        """Return a session in which a scheduled job works on an item, of whichever tenant."""
        tenant = keys.tenant_of(key.pk)
        environment = tenant.rpartition("/")[2]
        return cls(table, tenant, environment, now, f"job:{job}", "")

    def once(self, space: str, text: str, life_ms: int = MARK_MS) -> None:
        """Let the next commit succeed only if no earlier request claimed this key.

        Keys of different spaces do not meet: `header`, `body` and, for the ids of queued events,
        `event`. Errors: `DuplicateIdempotencyKey` at once if the key was claimed.
        """
        self.claim(space, text, life_ms)
        if self.claimed(space, text) is not None:
            raise DuplicateIdempotencyKey(text)

    def claim(self, space: str, text: str, life_ms: int = MARK_MS, said: str = "") -> None:
        """As `once`, but without looking first: a repetition is found out by the commit alone.

        `said` is kept for whoever compares it.
        """
        self.marks.append(Mark(self._mark_of(space, text), space, text, life_ms, said))

    def claimed(self, space: str, text: str) -> Item | None:
        """Return who used this key, while that blocks repetitions.

        `at`, `request_id`, `expires_at`; `said`, if that was given; and, if a customer or balance
        was written along with it, `internal_id` of the customer and `made`: the id of the event or
        change.
        """
        item = self.table.get(self._mark_of(space, text))
        return item if item is not None and item["expires_at"] > self.now else None

    def refuse_claimed(self) -> None:
        """Look whether a key was claimed since it was asked for.

        Errors: `DuplicateIdempotencyKey`.
        """
        for mark in self.marks:
            if not mark.claimed and self.claimed(mark.space, mark.text) is not None:
                raise DuplicateIdempotencyKey(mark.text)

    def unmarked(self) -> "Session":
        """Return the session for a first step: the idempotency keys are left to a later one."""
        return replace(self, marks=[])

    def forgo_marks(self) -> None:
        """Claim no idempotency key: what was asked for is not done, and the same may come again."""
        self.marks.clear()

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
        effect = _effect(writes) if marks else {}
        claims = [self._claim(mark, effect) for mark in marks]
        try:
            self.table.transact([*claims, *writes])
        except ConditionFailed as refused:
            if refused.position < len(marks):
                raise DuplicateIdempotencyKey(marks[refused.position].text) from None
            raise ConditionFailed(refused.item, refused.position - len(marks)) from None
        for mark in marks:
            mark.claimed = True

    def _mark_of(self, space: str, text: str) -> Key:
        digest = hashlib.sha256(f"{space}:{text}".encode()).hexdigest()
        return keys.idempotency(self.tenant, digest)

    def _claim(self, mark: Mark, effect: Item) -> Put:
        expires_at = self.now + mark.life_ms
        item = {"pk": mark.key.pk, "sk": mark.key.sk, "expires_at": expires_at}
        told = {"at": self.now, "request_id": self.request_id, **_made(effect, mark.text)}
        if mark.said:
            told["said"] = mark.said
        return Put(
            item | {"ttl": expires_at // 1000 + 1} | told,
            "attribute_not_exists(pk) OR expires_at <= :now",
            {":now": self.now},
        )


def _effect(writes: Iterable[Write]) -> Item:
    """What the first write that tells something leaves behind, and whose it is."""
    for write in writes:
        item, mark = (write.item, "") if isinstance(write, Put) else (write.values or {}, ":")
        if f"{mark}last" in item:
            return {"last": item[f"{mark}last"], "internal_id": item.get(f"{mark}internal_id")}
    return {}


def _made(effect: Item, text: str) -> Item:
    """What came of a request with this key; of the many events of a batch, the one that bore it."""
    if not effect:
        return {}
    last = effect["last"]
    events = (one["id"] for one in last.get("events", ()) if one.get("idempotency_key") == text)
    return {"made": next(events, last["id"]), "internal_id": effect["internal_id"]}
