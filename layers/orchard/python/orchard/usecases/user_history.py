"""What was done to dashboard users: each change leaves a line, in its own transaction."""

from orchard.contracts import cursor
from orchard.contracts.cursor import Cursor, Page
from orchard.domain import ids
from orchard.domain.user_changes import Deed, UserChange, Whom
from orchard.domain.users import Act, Invite, User
from orchard.store import user_changes as stored
from orchard.store.statements import Put
from orchard.store.table import Table

PAGE = 25


def line(deed: Deed, by: str, whom: User | Invite, now: int, role_before: str | None = None) -> Put:
    """Return the write that tells what was done; it belongs into the transaction that does it."""
    user_id = whom.id if isinstance(whom, User) else whom.user_id
    place = Whom(whom.organization, whom.email, user_id)
    change_id = ids.new("uch_", now)
    return stored.line(UserChange(change_id, now, by, deed, place, role_before, str(whom.role)))


def history(table: Table, by: User, start_cursor: str) -> Page[UserChange]:
    """Return a page of what was done, the latest first. Errors: `Forbidden`, `invalid_cursor`."""
    by.must(Act.MANAGE_USERS)
    after = cursor.decode(start_cursor) if start_cursor else None
    found = stored.of(table, by.organization, after, PAGE + 1)
    return cursor.page(found, PAGE, lambda one: Cursor(one.at, one.id))
