"""An API operation: authenticate, parse, run, answer; one log line for each request."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from orchard.contracts.audit import AuditedRequest
from orchard.contracts.request import Request, parse, prepare
from orchard.contracts.response import Accepted, Queued
from orchard.errors import OrchardError
from orchard.store.session import Session
from orchard.triggers import auth, clock, http
from orchard.triggers.connection import table
from orchard.triggers.http import Answer, Event

logger = Logger(service="orchard")

type Run[R: Request] = Callable[[R, Session], Any]
type Handler = Callable[[Event, Any], Answer]


def operation[R: Request](model: type[R]) -> Callable[[Run[R]], Handler]:
    """Turn `run(request, session)` into the handler of one API operation.

    An expected error becomes the envelope with its status; anything else is a 500 that says
    nothing about its cause, which is logged.
    """
    prepare(model)

    def decorate(run: Run[R]) -> Handler:
        def handler(event: Event, _context: Any) -> Answer:
            now = clock.now()
            session: Session | None = None
            try:
                session = _session(event, now)
                answered = _answer(event, _content(model, run, event, session))
            except OrchardError as expected:
                answered = http.refusal(expected, _environment(session))
            except Exception:
                logger.exception("unexpected")
                unexpected = OrchardError("Something went wrong on our side")
                answered = http.refusal(unexpected, _environment(session))
            _log(event, session, answered["statusCode"], clock.now() - now)
            return answered

        return handler

    return decorate


def _content[R: Request](model: type[R], run: Run[R], event: Event, session: Session) -> Any:
    _admit(event, session)
    content = run(parse(model, _arguments(model, event)), session)
    # An idempotency key that no write has claimed yet, of a read for instance.
    session.commit()
    return content


def _arguments(model: type[Request], event: Event) -> dict[str, Any]:
    if model.array is not None:
        return {model.array: http.json_value(http.raw_body(event))}
    asked = http.arguments(event, model.rest_names)
    if model.defaults_before_2_3 and auth.is_before_2_3(http.header(event, "x-api-version")):
        asked = {**model.defaults_before_2_3, **asked}
    return {**asked, **_causes(model, event, asked)} if issubclass(model, AuditedRequest) else asked


def _causes(model: type[AuditedRequest], event: Event, asked: dict[str, Any]) -> dict[str, Any]:
    """What headers alone say of why something is changed: some clients send no further fields."""
    return {
        field: http.encoded_header(event, name)
        for field, name in model.audit_headers.items()
        if asked.get(field) is None
    }


def _answer(event: Event, content: Any) -> Answer:
    if isinstance(content, Accepted):
        return http.answer(202, content.body)
    if isinstance(content, Queued):
        is_new = auth.is_since_2_4(http.header(event, "x-api-version"))
        return http.answer(202 if is_new else 200, content.body)
    return http.answer(200, content)


def _session(event: Event, now: int) -> Session:
    route = event.get("routeKey", "")
    key = auth.authenticate(table(), http.header(event, "authorization"), route, now)
    return Session(
        table=table(),
        tenant=key.tenant,
        environment=key.environment,
        now=now,
        actor=f"key:{key.name}",
        request_id=event.get("requestContext", {}).get("requestId", ""),
        public=key.kind == "publishable",
        base_url=http.base_url(event),
    )


def _admit(event: Event, session: Session) -> None:
    """Refuse an unknown API version, then a repeated idempotency key, before reading the body."""
    auth.check_version(http.header(event, "x-api-version"))
    key = http.header(event, "idempotency-key")
    if key:
        # Strangers may not use up the keys that the server of the application is going to send.
        session.once("public" if session.public else "header", key)


def _environment(session: Session | None) -> str | None:
    return None if session is None else session.environment


def _log(event: Event, session: Session | None, status: int, duration_ms: int) -> None:
    logger.info(
        "request",
        route=event.get("routeKey"),
        tenant=session.tenant if session else None,
        request_id=session.request_id if session else None,
        status=status,
        duration_ms=duration_ms,
    )
