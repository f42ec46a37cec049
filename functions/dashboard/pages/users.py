"""GET /dashboard/users, GET and POST /dashboard/users/invite, POST .../invitations/{id}/withdraw"""

from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response

from dashboard.customers.listing import explained
from dashboard.forms import RIGHT, Wrong, typed
from dashboard.frame.routes import Pages
from dashboard.frame.visits import Visit, form, query, visit
from dashboard.people import user_rows
from orchard.domain.users import INVITE_MS, Act, Role, normal_email
from orchard.errors import Conflict, Invalid, OrchardError
from orchard.triggers import http
from orchard.triggers.connection import table
from orchard.usecases import user_history, users
from orchard.usecases.first_users import PATH

router = Pages()
USERS = "/dashboard/users"
_TABS = {"": "Users", "invitations": "Invitations", "history": "History"}
_FIELDS = ("email", "role")

type Shown = dict[str, Any]


@router.get(USERS)
def index() -> Response[str]:
    """Show the users, the links that are open, or what was done."""
    visitor = managing(router)
    asked = query(visitor.event)
    tab = asked.get("tab", "") if asked.get("tab") in _TABS else ""
    try:
        shown, status = _SHOWN[tab](visitor, asked.get("cursor", "")), 200
    except OrchardError as failed:
        shown, status = {"failed": explained(failed)}, http.status_of(failed)
    nothing: Shown = {"rows": [], "following": "", "failed": ""}
    context = {**nothing, **shown, "tab": tab, "tabs": _TABS, "cursor": asked.get("cursor", "")}
    return visitor.page("people/users.html", status, section="users", **context)


@router.get(f"{USERS}/invite")
def ask() -> Response[str]:
    """Show the form that invites somebody."""
    return _form(managing(router), {"email": "", "role": str(Role.VIEWER)}, RIGHT)


@router.post(f"{USERS}/invite")
def invite() -> Response[str]:
    """Make a link that invites somebody, and show it, now and never again."""
    visitor = managing(router)
    values = typed(form(visitor.event), _FIELDS)
    try:
        secret = users.invite(
            table(), visitor.current.user, values["email"], values["role"], visitor.now
        )
    except (Invalid, Conflict) as refused:
        field = "role" if refused.code == "invalid_role" else "email"
        return _form(visitor, values, Wrong(refused.message, field), http.status_of(refused))
    return link(visitor, secret, normal_email(values["email"]), is_new=True)


@router.post(f"{USERS}/invitations/<invite_id>/withdraw")
def withdraw(invite_id: str) -> Response[str]:
    """Let a link work no more."""
    visitor = managing(router)
    users.withdraw(table(), visitor.current.user, invite_id, visitor.now)
    return visitor.done(f"{USERS}?tab=invitations", "The link works no more.")


def managing(router: Pages) -> Visit:
    """Return who asks for the page at hand, to manage users. Errors: `SignInFirst`, `Forbidden`."""
    visitor = visit(router)
    visitor.current.user.must(Act.MANAGE_USERS)
    return visitor


def link(visitor: Visit, secret: str, email: str, *, is_new: bool) -> Response[str]:
    """Return the page that shows a link: the answer to the form, so no address leads to it."""
    address = f"{http.base_url(visitor.event)}{PATH}{secret}"
    ends_at = visitor.now + INVITE_MS
    told: Shown = {"link": address, "email": email, "expires_at": ends_at, "is_new": is_new}
    return visitor.page("people/user_link.html", section="users", **told)


def _form(visitor: Visit, values: dict[str, str], wrong: Wrong, status: int = 200) -> Response[str]:
    roles = user_rows.roles(visitor.current.user)
    told = {"values": values, "wrong": wrong, "roles": roles}
    return visitor.page("people/invite_user.html", status, section="users", **told)


def _users(visitor: Visit, _cursor: str) -> Shown:
    by = visitor.current.user
    return {"rows": [user_rows.user(one, by) for one in users.users(table(), by)]}


def _invitations(visitor: Visit, _cursor: str) -> Shown:
    by = visitor.current.user
    found = users.invites(table(), by, visitor.now)
    return {"rows": [user_rows.invitation(one, by) for one in found]}


def _history(visitor: Visit, cursor: str) -> Shown:
    found = user_history.history(table(), visitor.current.user, cursor)
    following = found.next_cursor
    asked = urlencode({"tab": "history", "cursor": following})
    return {
        "rows": [user_rows.change(one) for one in found.items],
        "following": f"{USERS}?{asked}" if following else "",
    }


_SHOWN = {"": _users, "invitations": _invitations, "history": _history}
