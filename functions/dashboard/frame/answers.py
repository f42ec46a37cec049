"""Answers to browsers: pages, and where to go on; with the headers that keep pages safe."""

from typing import Any
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.shared.cookies import Cookie

from dashboard.frame.rendering import rendered
from orchard.triggers import http
from orchard.triggers.http import Event

#: What has a meaning in an address, and is left as it is.
_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%~"

#: Scripts and styles come from files of ours alone, and no other site may frame a page.
SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    # A form without any would be sent with the origin "null".
    "referrer-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}


def html(template: str, /, http_status: int = 200, **context: Any) -> Response[str]:
    """Return a page, which is kept nowhere."""
    return Response(
        http_status,
        "text/html; charset=utf-8",
        rendered(template, **context),
        headers={"cache-control": "no-store"},
        compress=True,
    )


def sent_on(address: str, *cookies: Cookie) -> Response[str]:
    """Return an answer that leads on to an address of ours, by GET."""
    headers = {"location": quote(address, safe=_OF_ADDRESSES), "cache-control": "no-store"}
    return Response(303, headers=headers, body="", cookies=list(cookies))


def led_on(event: Event, address: str, *cookies: Cookie) -> Response[str]:
    """As `sent_on`; who asked for a part of a page leaves the whole page."""
    if not http.header(event, "hx-request"):
        return sent_on(address, *cookies)
    headers = {"hx-redirect": quote(address, safe=_OF_ADDRESSES), "cache-control": "no-store"}
    return Response(
        200, "text/html; charset=utf-8", headers=headers, body="", cookies=list(cookies)
    )
