"""Who looks at a page, and what was asked: the cookie, the query, the fields of a form."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from dashboard.forms import new_key
from dashboard.frame import said
from dashboard.frame.answers import html, led_on
from dashboard.frame.routes import Pages
from dashboard.frame.said import Said
from dashboard.frame.sections import DEFAULT, sections
from orchard.domain.users import SESSION_MS, Act
from orchard.errors import Conflict, Invalid
from orchard.store.session import Session
from orchard.triggers import clock, http
from orchard.triggers.connection import table
from orchard.triggers.http import Event
from orchard.usecases import signing_in
from orchard.usecases.signing_in import Current

#: With this prefix browsers take the cookie for this host alone, over a safe connection.
COOKIE = "__Host-orchard"
HOME = "/dashboard/customers"
SIGN_IN = "/dashboard/sign-in"
_OURS = re.compile(r"/dashboard/[!-\[\]-~]*")
#: A plan of two hundred items is edited in one form.
_MOST_FIELDS = 2000


class SignInFirst(Exception):
    """Nobody is signed in, or not any more."""


class OpenedElsewhere(Exception):
    """A page was opened in one environment, and its form sent in the other."""

    def __init__(self, visitor: "Visit", opened_in: str) -> None:
        super().__init__(opened_in)
        self.visitor, self.opened_in = visitor, opened_in


class Visit(NamedTuple):
    """A request of somebody who is signed in."""

    event: Event
    current: Current
    session_id: str
    now: int

    @property
    def session(self) -> Session:
        """The table as this person's organisation sees it, in the environment chosen."""
        return Session(
            table=table(),
            tenant=self.current.tenant,
            environment=self.current.environment,
            now=self.now,
            actor=self.current.user.actor,
            request_id=self.event["requestContext"]["requestId"],
            base_url=http.base_url(self.event),
        )

    def once(self, key: str) -> Session:
        """The session in which the form with this key is done, once however often it is sent.

        Errors, from the commit: `DuplicateIdempotencyKey`.
        """
        session = self.session
        session.claim("form", self._form(key), said=_said_by(self.event))
        return session

    def made(self, key: str) -> str | None:
        """Return the id of the change that the form with this key made before, if it did.

        Errors: as in `sent`.
        """
        return (self.sent(key) or {}).get("made")

    def sent(self, key: str) -> Mapping[str, Any] | None:
        """Return what is known of the form with this key if it was sent before, and done.

        Errors: `Conflict` if something else stood in it then.
        """
        done = self.session.claimed("form", self._form(key))
        if done is not None and done.get("said") != _said_by(self.event):
            message = (
                "This form was done before with something else in it. Open it again to do more"
            )
            raise Conflict(message, "form_done")
        return done

    def _form(self, key: str) -> str:
        return f"{self.current.user.id}:{key}"

    def page(self, template: str, /, http_status: int = 200, **context: Any) -> Response[str]:
        """Return a page with the frame around it: navigation, environment, menu of the user.

        A page that belongs to another section than the customers says so: `section="users"`.
        """
        told = _said(self.event)
        frame = {
            "section": DEFAULT,
            "sections": sections(self.current.user),
            "user": self.current.user,
            "environment": self.current.environment,
            "here": address_of(self.event),
            "may": self.current.user.may,
            "may_edit": self.current.user.may(Act.EDIT),
            "said": told,
            # The button that undoes what was said is a form too: pressed twice, it is done once.
            "said_key": new_key(),
        }
        shown = html(template, http_status, **{**frame, **context})
        if told is not None:
            shown.cookies.append(said.no_cookie())
        return shown

    def done(self, address: str, text: str, undo: str = "") -> Response[str]:
        """Lead on to a page that says once what was done; `undo` is what takes it back."""
        return led_on(self.event, address, said.cookie(Said(text, undo)))


def visit(router: Pages) -> Visit:
    """Return who asks for the page at hand. Errors: `SignInFirst`, `OpenedElsewhere`."""
    event: Event = router.current_event.raw_event
    session_id, now = session_of(event), clock.now()
    current = signing_in.current(table(), session_id, now)
    if current is None:
        raise SignInFirst
    visitor = Visit(event, current, session_id, now)
    opened_in = _opened_in(event)
    # In another window somebody went over to live: what was meant for the sandbox must not be done.
    if opened_in and opened_in != current.environment:
        raise OpenedElsewhere(visitor, opened_in)
    return visitor


def session_of(event: Event) -> str:
    """Return the id of the session that the cookie names; "" without one."""
    return _cookie_of(event, COOKIE)


def cookie(session_id: str) -> Cookie:
    """Return the cookie of a new session; it stays a while longer, to tell that that is over."""
    return _cookie(session_id, 2 * SESSION_MS // 1000)


def no_cookie() -> Cookie:
    """Return what makes a browser forget the cookie."""
    return _cookie("", -1)


def query(event: Event) -> dict[str, str]:
    """Return the query of the address, each name once."""
    return _fields(event.get("rawQueryString", ""))


def form(event: Event) -> dict[str, str]:
    """Return the fields of a form. Errors: `Invalid` for what is no form."""
    try:
        return _fields(http.raw_body(event).decode())
    except UnicodeDecodeError:
        raise Invalid("This form can't be read: open the page again") from None


def address_of(event: Event) -> str:
    """Return the address of the page at hand, without its host."""
    asked = event.get("rawQueryString", "")
    return f"{event['rawPath']}?{asked}" if asked else str(event["rawPath"])


def ours(address: str) -> str:
    """Return an address to go on to if it is a page of ours, else the first page."""
    return address if _OURS.fullmatch(address) else HOME


def _opened_in(event: Event) -> str:
    """The environment of the page that a form or a part of a page was asked from; "" if unknown."""
    is_form = event["requestContext"]["http"]["method"] == "POST"
    told = form(event).get("opened_in") if is_form else None
    return told or http.header(event, "x-opened-in") or ""


def _said_by(event: Event) -> str:
    """A digest of what stands in a form, whichever of its buttons sent it."""
    fields = {name: text for name, text in form(event).items() if name != "step"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _cookie_of(event: Event, wanted: str) -> str:
    # API Gateway takes them out of the header, what plays it on a developer's machine does not.
    sent = event.get("cookies") or (http.header(event, "cookie") or "").split(";")
    pairs = (text.strip().partition("=") for text in sent)
    return next((value for name, _, value in pairs if name == wanted), "")


def _said(event: Event) -> Said | None:
    found = said.read(_cookie_of(event, said.COOKIE))
    # What comes back from a browser may not lead elsewhere.
    return found and found._replace(undo=found.undo if _OURS.fullmatch(found.undo) else "")


def _cookie(value: str, max_age: int) -> Cookie:
    lax = SameSite.LAX_MODE
    return Cookie(COOKIE, value, "/", http_only=True, max_age=max_age, same_site=lax)


def _fields(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, True, max_num_fields=_MOST_FIELDS, errors="strict"))  # noqa: FBT003 - blank ones count
    except ValueError:
        raise Invalid("This form can't be read: open the page again") from None
