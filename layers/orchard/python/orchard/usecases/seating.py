"""Taking seats: units beyond the balance that are charged when they are taken."""

from orchard.domain.billing import seats
from orchard.domain.holding import State
from orchard.store.session import Session
from orchard.store.statements import Contention


def taken(session: Session, customer_id: str, before: State, after: State) -> State:
    """Return a state that follows another, seats accounted for; what has to be paid is paid first.

    Then, or when that may have changed something, the caller begins anew on what is there.
    Errors: `Contention` for that; those of `usecases.billing.seating.pay`.
    """
    if not seats.are_held(before):
        return after
    turns = seats.to_pay(before, after)
    if not turns:
        return seats.settled(before, after)
    # Loaded when it is needed: a use that costs nothing does without all of billing.
    from orchard.usecases.billing import seating  # noqa: PLC0415

    seating.pay(session, customer_id, turns)
    raise Contention
