"""Work that no API caller asks for: scheduled jobs and operators' commands."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger

from orchard.contracts.request import Request, parse, prepare
from orchard.errors import OrchardError
from orchard.store.keys import Key
from orchard.store.table import Table
from orchard.triggers import clock, metrics
from orchard.triggers.connection import table

logger = Logger(service="orchard")
#: A job stops this long before its function would be stopped.
MARGIN_MS = 5_000


class Run(NamedTuple):
    """One run: the table of all tenants, the time, and how to ask whether to go on."""

    table: Table
    now: int
    has_time: Callable[[], bool]

    @staticmethod
    def time() -> int:
        """Return what time it is by now, in milliseconds UTC; `now` is when the run began."""
        return clock.now()

    def each[T](self, keys: Iterable[Key], work: Callable[[Key], T]) -> tuple[list[T], int]:
        """Do the work for each key; return the results and how many failed.

        A key that fails is logged and the others go on. Stops when the time is up: what is left
        is for the next run.
        """
        results: list[T] = []
        failed = 0
        for key in keys:
            if not self.has_time():
                break
            try:
                results.append(work(key))
            except Exception:
                failed += 1
                logger.exception("failed", key=key)
        return results, failed


type Result = dict[str, Any]
type Handler = Callable[[Any, Any], Result]


def job(work: Callable[[Run], dict[str, int]]) -> Handler:
    """Turn `work(run)` into the handler of a scheduled job; its numbers are logged as metrics.

    What it can't handle is raised, so that the failed run is seen.
    """

    def handler(_event: Any, context: Any) -> Result:
        numbers = work(_run(context))
        metrics.emit(**numbers)
        logger.info("job", job=work.__module__, numbers=numbers)
        return numbers

    return handler


def command[R: Request](model: type[R]) -> Callable[[Callable[[R, Run], Result]], Handler]:
    """Turn `work(request, run)` into the handler of an operator's command.

    A wrong input is answered, not raised; neither input nor result is logged: they may be secret.
    """
    prepare(model)

    def decorate(work: Callable[[R, Run], Result]) -> Handler:
        def handler(event: Any, context: Any) -> Result:
            try:
                result = work(parse(model, event if isinstance(event, dict) else {}), _run(context))
            except OrchardError as expected:
                result = {"message": expected.message, "code": expected.code}
            logger.info("command", command=work.__module__, refused="code" in result)
            return result

        return handler

    return decorate


def _run(context: Any) -> Run:
    def has_time() -> bool:
        return context is None or context.get_remaining_time_in_millis() > MARGIN_MS

    return Run(table(), clock.now(), has_time)
