"""What all pages have in common: security headers, errors as pages, a log line for each request."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from dashboard.frame.answers import SECURITY, html, led_on, sent_on
from dashboard.frame.returning import page_at_hand, sign_in_address
from dashboard.frame.routes import Pages
from dashboard.frame.visits import OpenedElsewhere, SignInFirst
from orchard.errors import OrchardError
from orchard.triggers import clock, http, origins
from orchard.triggers.http import Answer, Event

logger = Logger(service="orchard")
type Handler = Callable[[Event, Any], Answer]


def served(*routers: Pages) -> Handler:
    """Turn pages into the handler of their function."""
    app = APIGatewayHttpResolver()
    app.exception_handler(SignInFirst)(lambda _error: _to_sign_in(app.current_event.raw_event))
    app.exception_handler(OpenedElsewhere)(_to_where_it_was_opened)
    app.exception_handler(OrchardError)(refusal)
    app.not_found(_missing)
    for router in routers:
        app.include_router(router)

    def handler(event: Event, context: Any) -> Answer:
        now = clock.now()
        answered = _answered(app, event, context)
        answered["headers"] = {**SECURITY, **answered["headers"]}
        _log(event, answered["statusCode"], clock.now() - now)
        return answered

    return handler


def refusal(error: OrchardError) -> Response[str]:
    """Return the page that says what is wrong, with a way on."""
    status = http.status_of(error)
    return html("frame/error.html", status, message=error.message, status=status)


def _answered(app: APIGatewayHttpResolver, event: Event, context: Any) -> Answer:
    try:
        if event.get("requestContext", {}).get("http", {}).get("method") != "GET":
            origins.refuse_foreign(event)
        return app.resolve(event, context)
    except OrchardError as refused:
        return _plain(refused)
    except Exception:
        logger.exception("unexpected")
        return _plain(OrchardError("Something went wrong on our side"))


def _plain(error: OrchardError) -> Answer:
    """A page from outside of the resolver."""
    page = refusal(error)
    headers = {name: str(value) for name, value in page.headers.items()}
    return {"statusCode": page.status_code, "headers": headers, "body": page.body}


def _missing(_error: NotFoundError) -> Response[str]:
    return html("frame/error.html", 404, message="There is no such page.", status=404)


def _to_sign_in(event: Event) -> Response[str]:
    """Lead to the sign-in page; who asked for a part of a page is told in a header."""
    address = sign_in_address(event)
    if http.header(event, "hx-request"):
        return Response(401, headers={"hx-redirect": address, "cache-control": "no-store"}, body="")
    return sent_on(address)


def _to_where_it_was_opened(error: OpenedElsewhere) -> Response[str]:
    """Say that nothing was done, and lead back; who asked for a part of a page is told on one."""
    visitor, opened_in = error.visitor, error.opened_in
    back = page_at_hand(visitor.event)
    if http.header(visitor.event, "hx-request"):
        asked = urlencode({"opened_in": opened_in, "back": back})
        return led_on(visitor.event, f"/dashboard/environment?{asked}")
    return visitor.page("frame/other_environment.html", 409, opened_in=opened_in, back=back)


def _log(event: Event, status: int, duration_ms: int) -> None:
    """Write down the request, without its query: that may hold an invitation."""
    told = event.get("requestContext", {})
    logger.info(
        "dashboard",
        method=told.get("http", {}).get("method"),
        path=event.get("rawPath"),
        request_id=told.get("requestId"),
        status=status,
        duration_ms=duration_ms,
    )
