"""Resetting balances that nobody touches: the same rule that every reader applies, written down."""

from collections.abc import Callable, Iterable
from typing import Protocol

from orchard.store import balances, due, keys
from orchard.store.keys import Key
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.stored import load
from orchard.store.table import Table
from orchard.usecases import plan_ends

JOB = "reset_balances"


class Each(Protocol):
    """Do work for each key, past those that fail; return the results and how many failed."""

    def __call__[T](
        self, due: Iterable[Key], work: Callable[[Key], T], /
    ) -> tuple[list[T], int]: ...


def run(table: Table, now: int, each: Each) -> dict[str, int]:
    """Reset what is due: how many balances, how many failed, and how late the latest was (ms)."""
    lags, failed = each(due.balances(table, now), lambda key: reset(table, key, now))
    late = [lag for lag in lags if lag is not None]
    return {"Reset": len(late), "ResetFailed": failed, "ResetLag": max(late, default=0)}


def reset(table: Table, key: Key, now: int) -> int | None:
    """Reset one balance, or see to one plan's end; return by how many ms it was late.

    None when there was nothing to do: it was reset, changed or removed meanwhile.
    """
    session = Session.of_job(table, key, now, JOB)
    return optimistic(lambda: _attempt(session, key))


def _attempt(session: Session, key: Key) -> int | None:
    item = session.table.get(key)
    if item is None:
        return None
    if keys.is_customer_plan(key.sk):
        return plan_ends.see_to(session, key, item)
    stored = load(item)
    if stored.resets_at > session.now:
        return None
    held = stored.current(session.now)
    session.commit(balances.settled(stored, held, session.stamp("reset")))
    return session.now - stored.resets_at
