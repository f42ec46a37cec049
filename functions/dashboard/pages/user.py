"""GET /dashboard/users/{id}, POST /dashboard/users/{id}/{deed}"""

from collections.abc import Callable

from aws_lambda_powertools.event_handler import Response

from dashboard.frame.routes import Pages
from dashboard.frame.visits import Visit, form
from dashboard.pages.users import USERS, link, managing
from dashboard.people import user_rows
from orchard.errors import Conflict, Invalid, NotFound
from orchard.triggers import http
from orchard.triggers.connection import table
from orchard.usecases import users

router = Pages()


@router.get(f"{USERS}/<user_id>")
def show(user_id: str) -> Response[str]:
    """Show a user, with what may be done."""
    return _page(managing(router), user_id)


@router.post(f"{USERS}/<user_id>/<deed>")
def act(user_id: str, deed: str) -> Response[str]:
    """Do something to a user."""
    visitor = managing(router)
    if deed not in _DEEDS:
        raise NotFound("There is no such page")
    try:
        return _DEEDS[deed](visitor, user_id)
    except (Conflict, Invalid) as refused:
        return _page(visitor, user_id, refused.message, http.status_of(refused))


def _page(visitor: Visit, user_id: str, wrong: str = "", status: int = 200) -> Response[str]:
    by = visitor.current.user
    one = users.user(table(), by, user_id)
    told = {"one": user_rows.user(one, by), "roles": user_rows.roles(by), "wrong": wrong}
    return visitor.page("people/user.html", status, section="users", **told)


def _role(visitor: Visit, user_id: str) -> Response[str]:
    role = form(visitor.event).get("role", "")
    changed = users.change_role(table(), visitor.current.user, user_id, role, visitor.now)
    return _done(visitor, user_id, f"{changed.name} is {changed.role.capitalize()} now.")


def _disable(visitor: Visit, user_id: str) -> Response[str]:
    changed = users.disable(table(), visitor.current.user, user_id, visitor.now)
    return _done(visitor, user_id, f"{changed.name} can't sign in any more.")


def _enable(visitor: Visit, user_id: str) -> Response[str]:
    changed = users.enable(table(), visitor.current.user, user_id, visitor.now)
    return _done(visitor, user_id, f"{changed.name} can sign in again.")


def _end_sessions(visitor: Visit, user_id: str) -> Response[str]:
    changed = users.end_sessions(table(), visitor.current.user, user_id, visitor.now)
    return _done(visitor, user_id, f"All sessions of {changed.name} have ended.")


def _link(visitor: Visit, user_id: str) -> Response[str]:
    by = visitor.current.user
    secret = users.invite_back(table(), by, user_id, visitor.now)
    return link(visitor, secret, users.user(table(), by, user_id).email, is_new=False)


def _done(visitor: Visit, user_id: str, told: str) -> Response[str]:
    return visitor.done(f"{USERS}/{user_id}", told)


_DEEDS: dict[str, Callable[[Visit, str], Response[str]]] = {
    "role": _role,
    "disable": _disable,
    "enable": _enable,
    "end-sessions": _end_sessions,
    "link": _link,
}
