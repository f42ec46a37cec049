"""Links that let somebody into the dashboard: `<organisation>.<256 random bits>`.

The table keeps the SHA-256 of the random part.
"""

import hashlib
import secrets

from orchard.contracts.fields import is_email
from orchard.domain.user_changes import Deed
from orchard.domain.users import INVITE_MS, Invite, Role, normal_email
from orchard.errors import Invalid
from orchard.store import users as stored
from orchard.store.table import Table
from orchard.usecases import user_history

_SECRET_BYTES = 32


def make(
    table: Table,
    organization: str,
    email: str,
    role: Role,
    *,
    by: str,
    now: int,
    user_id: str | None = None,
) -> str:
    """Store a link and return its secret, which can't be read again. Whoever calls may do it."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    link = Invite(digest(secret), organization, email, role, by, now, now + INVITE_MS, user_id)
    deed = Deed.INVITED if user_id is None else Deed.MADE_LINK
    table.transact([stored.put_invite(link), user_history.line(deed, by, link, now)])
    return f"{organization}.{secret}"


def checked_email(email: str) -> str:
    """Return an address as it is kept. Errors: `Invalid`."""
    normal = normal_email(email)
    if not is_email(normal):
        raise Invalid("This is not a valid e-mail address", "invalid_email")
    return normal


def digest(secret: str) -> str:
    """Return what is stored of the secret of a link."""
    return hashlib.sha256(secret.encode()).hexdigest()
