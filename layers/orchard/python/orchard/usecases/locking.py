"""Locks: reserving usage with `balances.check`, and settling it with `balances.finalize`."""

from decimal import Decimal
from typing import Any

from orchard.contracts.checking import CheckRequest
from orchard.contracts.locks import FinalizeRequest
from orchard.domain import ids, pool
from orchard.domain import locks as domain
from orchard.domain.deduction import Movement
from orchard.domain.holding import State
from orchard.domain.locks import LONGEST_MS, Receipt, Unwound
from orchard.domain.pool import Drawn, Use
from orchard.domain.quantity import ZERO
from orchard.errors import Conflict, CustomerNotFound, EntityNotFound, Invalid
from orchard.store import catalog, ground, locks
from orchard.store.ground import Ground
from orchard.store.locks import Lock
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.usecases import resting, saving, tracking
from orchard.usecases.saving import Decided
from orchard.usecases.using import Beside

_DONE = {"success": True}


def require_possible(session: Session, request: CheckRequest) -> None:
    """Refuse a lock that can't be: of seats, for longer than a day, under an id that is held."""
    lock = request.lock
    if lock is None:
        return
    if lock.expires_at is not None:
        if lock.expires_at > session.now + LONGEST_MS:
            raise Invalid("lock.expires_at: at most 24 hours from now")
        if lock.expires_at <= session.now:
            raise Invalid("lock.expires_at: must be in the future")
    if catalog.feature(session, request.feature_id).continuous:
        raise Invalid("Lock is not supported for allocated features")
    optimistic(lambda: _require_free(session, lock.lock_id))


def receipt(session: Session, request: CheckRequest) -> Beside | None:
    """Return what writes the lock down together with the usage it reserves; None without a lock.

    Errors, when that is written: 409 `lock_already_exists`, if somebody was quicker.
    """
    wanted = request.lock
    if wanted is None:
        return None
    key = locks.key_of(session, wanted.lock_id)

    def beside(held: Ground, moved: tuple[Movement, ...]) -> list[Write]:
        if locks.get(session.table, key) is not None:
            raise _taken(wanted.lock_id)
        lock = Lock(
            key=key,
            id=wanted.lock_id,
            nonce=ids.new("lock_", session.now),
            hot_id=held.hot_id,
            internal_id=held.owner.internal_id,
            entity_internal_id=held.owner.entity_internal_id,
            receipt=_reserved(session, request, held, moved),
            due_at=wanted.expires_at or session.now + LONGEST_MS,
        )
        return [locks.put(lock)]

    return beside


def finalize(session: Session, request: FinalizeRequest) -> dict[str, Any]:
    """Confirm a lock, for what it reserved or for another amount, or release it.

    Errors: 400 when no such lock is held: unknown, settled or released by itself before.
    """
    key = locks.key_of(session, request.lock_id)

    def attempt() -> dict[str, Any]:
        lock = locks.get(session.table, key)
        if lock is None or lock.due_at <= session.now:
            raise Invalid(f"Lock not found for ID: {request.lock_id}")
        final = lock.receipt.value if request.override_value is None else request.override_value
        if request.action == "release":
            final = ZERO
        settle(session, lock, final, request.properties)
        return _DONE

    return optimistic(attempt)


def settle(
    session: Session, lock: Lock, final: Decimal, properties: dict[str, Any] | None = None
) -> None:
    """Make `final` of a lock's reservation, with an event of the difference, and let it go.

    Errors: `ConditionFailed` or `Contention` if others changed what it rests on.
    """
    difference = final - lock.receipt.value
    held = _ground(session, lock) if difference else None
    if held is None:
        session.commit(locks.remove(lock))
        return
    before = held.state(session.now)
    entity_id = lock.receipt.subject.entity_id
    gone = entity_id if held.subject.entity_id is None else None
    after, moved = _settled(session, before, lock.receipt, final, gone)
    last = _event(session, lock.receipt, difference, properties)
    last = resting.told(last, before, held.subject, None, Drawn(after, moved, ZERO))
    decided = Decided(held, before, after, moved, lock.receipt.feature_id, last)
    saving.save(session, decided, [locks.remove(lock)])


def _require_free(session: Session, lock_id: str) -> None:
    held = locks.get(session.table, locks.key_of(session, lock_id))
    if held is None:
        return
    if held.due_at > session.now:
        raise _taken(lock_id)
    # It ran out, and the job that gives back what it reserved has not come by yet.
    settle(session.unmarked(), held, ZERO)


def _reserved(
    session: Session, request: CheckRequest, held: Ground, moved: tuple[Movement, ...]
) -> Receipt:
    parts = domain.taken(moved, catalog.costs(session, request.feature_id))
    return Receipt(
        feature_id=request.feature_id,
        subject=held.subject,
        properties=request.properties or {},
        taken=parts,
        value=domain.reserved(request.required, parts),
    )


def _taken(lock_id: str) -> Conflict:
    return Conflict(f"Lock {lock_id} is already held", "lock_already_exists")


def _ground(session: Session, lock: Lock) -> Ground | None:
    """The balances a lock rests on, only the customer's if its entity is gone.

    None when the customer is gone.
    """
    entity_id = lock.receipt.subject.entity_id
    costs = catalog.costs(session, lock.receipt.feature_id)
    features = dict.fromkeys((*costs, *(part.place.feature_id for part in lock.receipt.taken)))
    # The customer may have another id by now, and another customer the one it had.
    for customer_id in (lock.hot_id, lock.internal_id):
        try:
            held = ground.load(session, customer_id, entity_id, features)
        except CustomerNotFound:
            continue
        except EntityNotFound:
            held = ground.load(session, customer_id, None, features)
        if held.owner.internal_id == lock.internal_id:
            # An entity made anew under the same id has no part in it.
            is_other = held.owner.entity_internal_id not in (None, lock.entity_internal_id)
            return ground.load(session, customer_id, None, features) if is_other else held
    return None


def _settled(
    session: Session, state: State, receipt: Receipt, final: Decimal, gone: str | None
) -> tuple[State, tuple[Movement, ...]]:
    """Unwind what is not needed, use what is needed on top; a change of sign does both in full."""
    value = receipt.value
    kept = ZERO if value * final <= 0 else min(abs(final), abs(value)).copy_sign(value)
    given: Unwound = domain.unwound(state, receipt, value - kept, gone)
    uses = [-given.missing, final - kept]
    state, moved = given.state, given.movements
    for amount in uses:
        if amount:
            costs = catalog.costs(session, receipt.feature_id)
            wanted = Use(receipt.feature_id, amount, costs, properties=receipt.properties)
            drawn = pool.draw(state, receipt.subject, wanted)
            state, moved = drawn.state, (*moved, *drawn.movements)
    return state, moved


def _event(
    session: Session, receipt: Receipt, value: Decimal, properties: dict[str, Any] | None
) -> Item:
    entity_id = receipt.subject.entity_id
    details = {} if entity_id is None else {"entity_id": entity_id}
    told = receipt.properties if properties is None else properties
    return tracking.event(session, receipt.feature_id, value, told, **details)
