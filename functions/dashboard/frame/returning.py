"""Where to sign in when a session is over, and which page to come back to then."""

from urllib.parse import quote, urlsplit

from dashboard.frame.visits import HOME, SIGN_IN, address_of, ours
from orchard.triggers import http
from orchard.triggers.http import Event


def sign_in_address(event: Event) -> str:
    """Return where to sign in, and to come back from to the page that somebody looks at."""
    is_read = event["requestContext"]["http"]["method"] == "GET"
    back = _back(event, is_read=is_read)
    named = [] if back == HOME else [f"next={quote(back, safe='')}"]
    asked = "&".join(named if is_read else [*named, "unsaved=1"])
    return f"{SIGN_IN}?{asked}" if asked else SIGN_IN


def page_at_hand(event: Event) -> str:
    """Return the page that a form or a part of a page was asked from."""
    return _back(event, is_read=event["requestContext"]["http"]["method"] == "GET")


def _back(event: Event, *, is_read: bool) -> str:
    """The page that a form or a part of a page was asked from, else what is asked for."""
    asked = ours(address_of(event)) if is_read else HOME
    if not http.header(event, "hx-request"):
        return asked if is_read else _own(event, http.header(event, "referer")) or HOME
    around = _own(event, http.header(event, "hx-current-url"))
    # A search asks for the page itself: with what was typed last.
    is_page = is_read and around.partition("?")[0] == asked.partition("?")[0]
    return asked if is_page or not around else around


def _own(event: Event, address: str | None) -> str:
    """The part of an address of ours behind the host; "" if it is none."""
    parts = urlsplit(address or "")
    here = {http.header(event, "host"), urlsplit(http.base_url(event)).netloc}
    if parts.netloc not in here:
        return ""
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return path if ours(path) == path else ""
