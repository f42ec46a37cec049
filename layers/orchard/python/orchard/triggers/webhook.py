"""Stripe's reports: verify, hand to the reaction for the type, acknowledge.

200 for what was handled or concerns nobody here, 400 for what Stripe did not sign, 503 and 500
for what Stripe should send again.
"""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from orchard.errors import DuplicateIdempotencyKey, OrchardError
from orchard.gateways import stripe_events
from orchard.gateways.stripe_events import Event as Report
from orchard.store.table import Table
from orchard.triggers import clock, http
from orchard.triggers.connection import table
from orchard.triggers.http import Answer, Event

logger = Logger(service="orchard")

#: Reacts to a report at a time; returns what came of it, for the log.
type Reaction = Callable[[Table, Report, int], str]
_DUPLICATE = {"received": True, "duplicate": True}
type Handler = Callable[[Event, Any], Answer]


def webhook(reactions: Mapping[str, Reaction]) -> Handler:
    """Turn reactions, by type of report, into the handler of Stripe's webhook."""

    def handler(event: Event, _context: Any) -> Answer:
        now, report = clock.now(), None
        try:
            signature = http.header(event, "stripe-signature")
            report = stripe_events.verified(http.raw_body(event), signature, now)
            outcome = _react(reactions, report, now)
            answered = http.answer(200, {"received": True})
        except DuplicateIdempotencyKey:
            outcome, answered = "duplicate", http.answer(200, _DUPLICATE)
        except OrchardError as expected:
            outcome, answered = expected.message, http.refusal(expected, None)
        except Exception:
            logger.exception("unexpected")
            unexpected = OrchardError("Something went wrong on our side")
            outcome, answered = "failed", http.refusal(unexpected, None)
        _log(report, outcome, answered["statusCode"])
        return answered

    return handler


def _react(reactions: Mapping[str, Reaction], report: Report, now: int) -> str:
    reaction = reactions.get(report.type)
    return "ignored" if reaction is None else reaction(table(), report, now)


def _log(report: Report | None, outcome: str, status: int) -> None:
    logger.info(
        "webhook",
        type=report and report.type,
        report_id=report and report.id,
        outcome=outcome,
        status=status,
    )
