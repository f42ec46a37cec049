"""GET and POST /dashboard/sign-in, POST /dashboard/sign-out"""

from aws_lambda_powertools.event_handler import Response

from dashboard.frame.answers import html, sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import SIGN_IN, cookie, form, no_cookie, ours, query, session_of
from orchard.errors import RateLimited, Unauthorized
from orchard.triggers import clock, http
from orchard.triggers.connection import table
from orchard.usecases import signing_in
from orchard.usecases.signing_in import Over

router = Pages()
#: Why somebody has to sign in again.
_OVER = {
    Over.IDLE: "you did nothing here for 12 hours",
    Over.OLD: "a session ends after 7 days",
    Over.ENDED: "all your sessions were ended, or your password was changed",
    Over.DISABLED: "an admin disabled you",
    Over.GONE: "your session is over",
}


@router.get(SIGN_IN)
def show() -> Response[str]:
    """Show the form, unless somebody is signed in."""
    event = router.current_event.raw_event
    asked, session_id = query(event), session_of(event)
    back = ours(asked.get("next", ""))
    found = signing_in.state(table(), session_id, clock.now())
    if not isinstance(found, Over):
        return sent_on(back)
    over = _OVER[found] if session_id else ""
    return _form(200, back, over=over, unsaved=bool(over and asked.get("unsaved")))


@router.post(SIGN_IN)
def begin() -> Response[str]:
    """Sign in and go on to the page that was asked for."""
    event = router.current_event.raw_event
    asked = form(event)
    back, email = ours(asked.get("next", "")), asked.get("email", "")
    password, address = asked.get("password", ""), http.source_address(event)
    try:
        signed = signing_in.sign_in(table(), email, password, address, clock.now())
    except (Unauthorized, RateLimited) as refused:
        status = http.status_of(refused)
        return _form(status, back, email=email, wrong=refused.message)
    return sent_on(back, cookie(signed.session_id))


@router.post("/dashboard/sign-out")
def end() -> Response[str]:
    """End the session, here and in the table."""
    signing_in.sign_out(table(), session_of(router.current_event.raw_event))
    return sent_on(SIGN_IN, no_cookie())


def _form(status: int, back: str, **told: str | bool) -> Response[str]:
    nothing = {"email": "", "wrong": "", "over": "", "unsaved": False}
    return html("people/sign_in.html", status, back=back, **{**nothing, **told})
