"""Messages of a queue: each on its own, at least once.

A message that fails is reported and delivered again; what fails every time ends in the queue of
dead letters, which raises an alarm.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aws_lambda_powertools import Logger

from orchard.contracts.message import Message
from orchard.contracts.request import parse, prepare
from orchard.errors import Unavailable
from orchard.store.session import Session
from orchard.triggers import clock
from orchard.triggers.connection import table

logger = Logger(service="orchard")
#: No further message is begun this long before the function would be stopped.
MARGIN_MS = 30_000

type Record = dict[str, Any]
type Handler = Callable[[Any, Any], dict[str, Any]]
type Work[M: Message] = Callable[[M, Session], Any]


def queue[M: Message](model: type[M]) -> Callable[[Work[M]], Handler]:
    """Turn `work(message, session)` into the handler of a queue; its result is logged.

    The work may be repeated for the same message and must not add to it then.
    """
    prepare(model)

    def decorate(work: Work[M]) -> Handler:
        def handler(event: Any, context: Any) -> dict[str, Any]:
            failed = [
                record["messageId"]
                for record in event["Records"]
                if not (_has_time(context) and _handled(model, work, record))
            ]
            return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}

        return handler

    return decorate


def _has_time(context: Any) -> bool:
    return context is None or context.get_remaining_time_in_millis() > MARGIN_MS


def _handled[M: Message](model: type[M], work: Work[M], record: Record) -> bool:
    """Do the work for one message. The log says which one failed and why, not what it holds."""
    told: dict[str, Any] = {
        "message_id": record["messageId"],
        "delivery": record.get("attributes", {}).get("ApproximateReceiveCount"),
    }
    try:
        message = parse(model, json.loads(record["body"], parse_float=Decimal))
        told |= {"tenant": message.tenant, "request_id": message.request_id}
        result = work(message, _session(message))
    except Unavailable as failed:
        logger.warning("message waits", reason=failed.message, **told)
        return False
    except Exception:
        logger.exception("message failed", **told)
        return False
    logger.info("message", result=result, **told)
    return True


def _session(message: Message) -> Session:
    return Session(
        table=table(),
        tenant=message.tenant,
        environment=message.environment,
        # Clocks differ a little: nothing is handled before it was accepted.
        now=max(clock.now(), message.accepted_at),
        actor=message.actor,
        request_id=message.request_id,
    )
