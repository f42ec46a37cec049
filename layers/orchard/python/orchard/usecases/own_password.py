"""Giving oneself another password in the dashboard."""

from dataclasses import replace

from orchard.domain.user_changes import Deed
from orchard.domain.users import User, checked_password, is_possible_password
from orchard.errors import Invalid
from orchard.gateways import passwords
from orchard.store import dashboard_sessions
from orchard.store import users as stored
from orchard.store.statements import ConditionFailed, Contention
from orchard.store.table import Table
from orchard.usecases import signing_in, user_history
from orchard.usecases.users import busy


def change(table: Table, user: User, old: str, new: str, now: int) -> User:
    """Replace a password; all sessions end, a new one may begin with the user that is returned.

    Errors: `Invalid` (code `wrong_password` or `invalid_password`), `TooManyRequests` for somebody
    who guesses, `Conflict` when the user was changed at the same time.
    """
    # Not counted with what strangers try: they can't keep somebody from another password.
    name = f"user {user.id}"
    signing_in.count(table, name, signing_in.MOST_TRIES, now)
    account = stored.get(table, user.organization, user.id)
    known = None if account is None else account.password
    if account is None or not is_possible_password(old) or not passwords.matches(old, known):
        raise Invalid("The old password is wrong", "wrong_password")
    digest = passwords.digest(checked_password(new, user.email, user.name, old))
    after = replace(account.user, generation=account.user.generation + 1)
    try:
        table.transact(
            [
                stored.new_password(account.user, digest, after.generation),
                user_history.line(Deed.SET_PASSWORD, after.actor, after, now),
            ]
        )
    except (ConditionFailed, Contention):
        raise busy() from None
    dashboard_sessions.forgive(table, name, now)
    return after
