"""How an operator of the deployment lets somebody into the dashboard: the first user, above all."""

from typing import Any

from orchard.contracts.users import CreateDashboardUserRequest
from orchard.domain.users import INVITE_MS, Role
from orchard.errors import Conflict
from orchard.store import users as stored
from orchard.store.table import Table
from orchard.usecases import user_links

_BY = "operator"
#: Where the dashboard lets somebody use a link.
PATH = "/dashboard/invitation?token="


def create(
    table: Table, request: CreateDashboardUserRequest, base_url: str, now: int
) -> dict[str, Any]:
    """Make a link that can be used once: for a new user, or for another password of a known one.

    A known user keeps the role. `base_url` may be empty, then `link` is only a path. Errors:
    `Invalid` for the e-mail, `Conflict` for a user who is disabled or in another organisation.
    """
    email, role, user_id = user_links.checked_email(request.email), Role(request.role), None
    address = stored.address_of(table, email)
    account = None if address is None else stored.get(table, *address)
    if account is not None:
        user = account.user
        if user.disabled or user.organization != request.organization:
            raise Conflict("This user is disabled, or in another organisation", "user_exists")
        role, user_id = user.role, user.id
    token = user_links.make(
        table, request.organization, email, role, by=_BY, now=now, user_id=user_id
    )
    return {
        "link": f"{base_url}{PATH}{token}",
        "email": email,
        "role": str(role),
        "is_new": user_id is None,
        "expires_at": now + INVITE_MS,
    }
