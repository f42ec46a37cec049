"""GET and POST /dashboard/invitation"""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from dashboard.frame.answers import html, sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, cookie, form, query
from orchard.domain.users import Invite
from orchard.errors import Invalid
from orchard.triggers import clock
from orchard.triggers.connection import table
from orchard.usecases import signing_in, users

router = Pages()
_ADDRESS = "/dashboard/invitation"


@router.get(_ADDRESS)
def show() -> Response[str]:
    """Show whom the link lets in, and ask for a password."""
    token = query(router.current_event.raw_event).get("token", "")
    link = users.invited(table(), token, clock.now())
    return html("people/invitation.html", **_context(link, token))


@router.post(_ADDRESS)
def accept() -> Response[str]:
    """Use the link up, sign in, and go on to the first page."""
    asked, now = form(router.current_event.raw_event), clock.now()
    token, name = asked.get("token", ""), asked.get("name", "")
    link = users.invited(table(), token, now)
    try:
        user = users.accept(table(), token, name, _twice(asked), now)
    except Invalid as refused:
        told = _context(link, token, name, refused.message, refused.code)
        return html("people/invitation.html", 422, **told)
    return sent_on(HOME, cookie(signing_in.start(table(), user, now).session_id))


def _twice(asked: dict[str, str]) -> str:
    """The password that was typed twice. Errors: `Invalid`."""
    password = asked.get("password", "")
    if password != asked.get("again"):
        raise Invalid("The two passwords differ", "invalid_password")
    return password


def _context(
    link: Invite, token: str, name: str = "", wrong: str = "", code: str = ""
) -> dict[str, Any]:
    return {"link": link, "token": token, "name": name, "wrong": wrong, "code": code}
