"""Sessions of dashboard users in the table, and how often it was tried to begin one."""

import hashlib
from itertools import islice
from typing import NamedTuple

from orchard.domain.users import IDLE_MS, SESSION_MS, User
from orchard.store import user_keys as keys
from orchard.store import users
from orchard.store.key_forms import Key
from orchard.store.statements import ConditionFailed, Delete, Item, Put, Query, Update
from orchard.store.table import Table

#: Attempts are counted in spans of this length.
SPAN_MS = 15 * 60_000
#: What a session shows is as old as this at most when its last use is told to the table.
_SEEN_EVERY_MS = 10 * 60_000
#: More sessions of one user are not read.
_MOST = 1000


class Place(NamedTuple):
    """Where a session is kept: whose it is, and the SHA-256 of its secret."""

    organization: str
    user_id: str
    digest: str

    @property
    def key(self) -> Key:
        """The key of the item."""
        return keys.user_session(*self)


class Kept(NamedTuple):
    """A session as it is stored."""

    environment: str
    generation: int
    created_at: int
    seen_at: int

    @property
    def expires_at(self) -> int:
        """When it is over unless it is used again."""
        return min(self.seen_at + IDLE_MS, self.created_at + SESSION_MS)


def begin(table: Table, place: Place, generation: int, environment: str, now: int) -> None:
    """Store a new session."""
    item: Item = {
        "pk": place.key.pk,
        "sk": place.key.sk,
        "environment": environment,
        "generation": generation,
        "created_at": now,
        "seen_at": now,
        "ttl": (now + SESSION_MS) // 1000 + 1,
    }
    table.put(Put(item, "attribute_not_exists(pk)"))


def of(table: Table, user: User) -> dict[str, Kept]:
    """Return the sessions of a user by digest, those that are over among them; at most 1000."""
    first = keys.user_session(user.organization, user.id, "")
    query = Query("pk = :pk", {":pk": first.pk}, page=_MOST)
    found = islice(table.query(query), _MOST)
    return {item["sk"].removeprefix(first.sk): _kept(item) for item in found}


def read(table: Table, place: Place) -> tuple[Kept, User] | None:
    """Return a session and its user, in one request; None if one of them is gone."""
    whose = keys.user(place.organization, place.user_id)
    found = table.batch_get([place.key, whose])
    if len(found) < 2:
        return None
    return _kept(found[place.key]), users.load(found[whose]).user


def is_to_be_seen(kept: Kept, now: int) -> bool:
    """Whether the last use that the table knows of is too long ago."""
    return now - kept.seen_at >= _SEEN_EVERY_MS


def seen(table: Table, place: Place, now: int) -> bool:
    """Note that a session was used; False if it ended meanwhile."""
    return _set(table, place, "seen_at = :value", now)


def choose(table: Table, place: Place, environment: str) -> bool:
    """Let a session go on in another environment; False if it ended meanwhile."""
    return _set(table, place, "environment = :value", environment)


def end(table: Table, place: Place) -> None:
    """Remove a session, whether or not it is still there."""
    table.delete(Delete(place.key))


def tried(table: Table, name: str, now: int) -> tuple[int, int]:
    """Count one more attempt to sign in under a name; return how many, and until when they count.

    A repetition would count twice, so a lost answer is `Unavailable`.
    """
    start = now - now % SPAN_MS
    ends_at = start + SPAN_MS
    update = Update(
        _tries(name, start),
        "ADD tries :one SET #ttl = :ttl",
        {":one": 1, ":ttl": ends_at // 1000 + 1},
        names={"#ttl": "ttl"},
    )
    return int(table.update(update, counter=True)["tries"]), ends_at


def forgive(table: Table, name: str, now: int) -> None:
    """Forget the attempts under a name: it was the right person."""
    table.delete(Delete(_tries(name, now - now % SPAN_MS)))


def _kept(item: Item) -> Kept:
    numbers = (int(item[name]) for name in ("generation", "created_at", "seen_at"))
    return Kept(item["environment"], *numbers)


def _tries(name: str, start: int) -> Key:
    return keys.sign_ins(hashlib.sha256(f"{start}:{name}".encode()).hexdigest())


def _set(table: Table, place: Place, assignment: str, value: str | int) -> bool:
    try:
        table.update(
            Update(place.key, f"SET {assignment}", {":value": value}, "attribute_exists(pk)")
        )
    except ConditionFailed:
        return False
    return True
