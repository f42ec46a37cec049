"""Addresses that are open to everybody who knows them, such as that of an invoice: no key."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Logger

from orchard.errors import OrchardError
from orchard.store.table import Table
from orchard.triggers import clock, http
from orchard.triggers.connection import table
from orchard.triggers.http import Answer, Event

logger = Logger(service="orchard")

#: Finds where the thing with an id leads to at a time.
type Find = Callable[[Table, str, int], str]
type Handler = Callable[[Event, Any], Answer]


def redirects(finds: Mapping[str, Find]) -> Handler:
    """Turn finders, by route, into a handler that leads on to what they find.

    The one path parameter of a route names the thing. An expected error becomes the envelope.
    """

    def handler(event: Event, _context: Any) -> Answer:
        now, route = clock.now(), event.get("routeKey", "")
        try:
            (named,) = (event.get("pathParameters") or {}).values()
            answered = http.redirection(finds[route](table(), unquote(named), now))
        except OrchardError as expected:
            answered = http.refusal(expected, None)
        except Exception:
            logger.exception("unexpected")
            unexpected = OrchardError("Something went wrong on our side")
            answered = http.refusal(unexpected, None)
        logger.info("page", route=route, status=answered["statusCode"])
        return answered

    return handler
