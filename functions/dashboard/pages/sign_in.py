"""GET and POST /dashboard/sign-in, POST /dashboard/sign-out"""

from aws_lambda_powertools.event_handler import Response

from dashboard.answers import html, sent_on
from dashboard.routes import Pages
from dashboard.visits import SIGN_IN, cookie, form, no_cookie, ours, query, session_of
from orchard.errors import RateLimited, Unauthorized
from orchard.triggers import clock, http
from orchard.triggers.connection import table
from orchard.usecases import signing_in

router = Pages()


@router.get(SIGN_IN)
def show() -> Response[str]:
    """Show the form, unless somebody is signed in."""
    event = router.current_event.raw_event
    back = ours(query(event).get("next", ""))
    if signing_in.current(table(), session_of(event), clock.now()):
        return sent_on(back)
    return html("sign_in.html", email="", back=back, wrong="")


@router.post(SIGN_IN)
def begin() -> Response[str]:
    """Sign in and go on to the page that was asked for."""
    asked = form(router.current_event.raw_event)
    back, email = ours(asked.get("next", "")), asked.get("email", "")
    try:
        signed = signing_in.sign_in(table(), email, asked.get("password", ""), clock.now())
    except (Unauthorized, RateLimited) as refused:
        status = http.status_of(refused)
        return html("sign_in.html", status, email=email, back=back, wrong=refused.message)
    return sent_on(back, cookie(signed.session_id))


@router.post("/dashboard/sign-out")
def end() -> Response[str]:
    """End the session, here and in the table."""
    signing_in.sign_out(table(), session_of(router.current_event.raw_event))
    return sent_on(SIGN_IN, no_cookie())
