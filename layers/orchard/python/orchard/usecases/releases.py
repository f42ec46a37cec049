"""Releasing locks that ran out: what they reserved goes back to where it was taken from."""

from orchard.domain.quantity import ZERO
from orchard.store import due, locks
from orchard.store.keys import Key
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.usecases import locking
from orchard.usecases.resets import Each

JOB = "release_locks"


def run(table: Table, now: int, each: Each) -> dict[str, int]:
    """Release what ran out: how many locks, how many failed, how late the latest was (ms)."""
    lags, failed = each(due.locks(table, now), lambda key: release(table, key, now))
    late = [lag for lag in lags if lag is not None]
    return {"LocksReleased": len(late), "LocksFailed": failed, "LocksLag": max(late, default=0)}


def release(table: Table, key: Key, now: int) -> int | None:
    """Release one lock, together with what it reserved; return by how many ms it was late.

    None when there was nothing to do: it was finalized, released, or taken anew meanwhile.
    """
    session = Session.of_job(table, key, now, JOB)
    return optimistic(lambda: _attempt(session, key))


def _attempt(session: Session, key: Key) -> int | None:
    lock = locks.get(session.table, key)
    if lock is None or lock.due_at > session.now:
        return None
    locking.settle(session, lock, ZERO)
    return session.now - lock.due_at
