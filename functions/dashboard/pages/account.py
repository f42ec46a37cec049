"""GET /dashboard/account, POST /dashboard/account/password and /dashboard/account/sign-out"""

from aws_lambda_powertools.event_handler import Response

from dashboard.forms import RIGHT, Wrong
from dashboard.frame.answers import sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import SIGN_IN, Visit, cookie, form, visit
from orchard.errors import Conflict, Invalid, RateLimited
from orchard.triggers import http
from orchard.triggers.connection import table
from orchard.usecases import own_password, signing_in, users

router = Pages()
_ACCOUNT = "/dashboard/account"
#: Beside which field it is said what is wrong.
_FIELDS = {"wrong_password": "old", "invalid_password": "password", "passwords_differ": "again"}
_MOST_SESSIONS = 50


@router.get(_ACCOUNT)
def show() -> Response[str]:
    """Show who is signed in, and where else."""
    return _page(visit(router), RIGHT)


@router.post(f"{_ACCOUNT}/password")
def change_password() -> Response[str]:
    """Give oneself another password; the other sessions end."""
    visitor, asked = visit(router), form(router.current_event.raw_event)
    user = visitor.current.user
    try:
        new = _twice(asked)
        changed = own_password.change(table(), user, asked.get("old", ""), new, visitor.now)
    except (Invalid, Conflict, RateLimited) as refused:
        wrong = Wrong(refused.message, _FIELDS.get(refused.code, ""))
        return _page(visitor, wrong, http.status_of(refused))
    here = visitor.current.environment
    begun = signing_in.start(table(), changed, visitor.now, here)
    answered = visitor.done(_ACCOUNT, "You have a new password. Your other sessions have ended.")
    answered.cookies.append(cookie(begun.session_id))
    return answered


@router.post(f"{_ACCOUNT}/sign-out")
def sign_out() -> Response[str]:
    """End all sessions of one's own, this one too; the page for signing in tells so."""
    visitor = visit(router)
    user = visitor.current.user
    users.end_sessions(table(), user, user.id, visitor.now)
    return sent_on(SIGN_IN)


def _twice(asked: dict[str, str]) -> str:
    """The new password, which was typed twice. Errors: `Invalid`."""
    password = asked.get("password", "")
    if password != asked.get("again"):
        raise Invalid("The two passwords differ", "passwords_differ")
    return password


def _page(visitor: Visit, wrong: Wrong, status: int = 200) -> Response[str]:
    found = signing_in.own_sessions(table(), visitor.current.user, visitor.session_id, visitor.now)
    rest = max(0, len(found) - _MOST_SESSIONS)
    told = {"wrong": wrong, "sessions": found[:_MOST_SESSIONS], "rest": rest}
    return visitor.page("people/account.html", status, section="account", **told)
