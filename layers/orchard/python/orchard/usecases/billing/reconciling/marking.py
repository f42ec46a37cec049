"""The marks that overdue payments leave in balances: whether they hold, and where they are many."""

from orchard.domain import overdue
from orchard.domain.catalog import Catalog
from orchard.store import keys
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.store.statements import Contention, Update, Write

#: More writes than these are made in several transactions, the plan's own in the last.
_MOST_WRITES = 80


def is_stale(session: Session, account: Account, known: Catalog) -> bool:
    """Whether balances bear other marks than their plans ask for by now."""
    state = account.state(session.now)
    return overdue.marked(state, account.plans, known, session.now) != state


def go_ahead(session: Session, writes: list[Write]) -> None:
    """Make so many writes of balances beforehand that the rest fits into one transaction.

    Only for what may be done in parts, and anew. Errors: `Contention` if there was something to do:
    then what is left is to be decided again.
    """
    some = [one for one in writes if isinstance(one, Update) and keys.is_balance(one.key.sk)]
    # One at least stays for the last transaction: what is done then is known to have been done.
    early = some[1 : _MOST_WRITES + 1]
    if len(writes) > _MOST_WRITES and early:
        session.unmarked().commit(*early)
        raise Contention
