"""Uses that their roll-ups had to go on without, and how they are counted later, exactly once.

A roll-up counts the writes of an item in their order, and takes what comes late for counted. So
when a write is set aside, each roll-up that it belongs to, and that has not come to it yet, goes
on behind it and keeps a token: against that token the write is counted later.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from orchard.domain.quantity import ZERO, total
from orchard.errors import Unavailable
from orchard.store import rollups
from orchard.store.rollups import Span, Use
from orchard.store.statements import ConditionFailed, Update, Value
from orchard.store.table import Table

_PASSED_OVER = "passed over "
#: What a token says.
_WAITS, _COUNTED = "waits", "counted"


def note(table: Table, uses: Iterable[Use], retention_days: int) -> list[str]:
    """Pass over the uses of one write; return the sort keys of roll-ups that can't note it.

    What was counted already stays so; a repetition changes nothing. Errors: `Unavailable`.
    """
    refused = []
    for span, found in rollups.by_span(uses).items():
        try:
            _note(table, span, found, retention_days)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever one roll-up holds, the others need the note
            refused.append(span.key.sk)
    return refused


def count(
    table: Table, uses: Iterable[Use], retention_days: int, is_unnoted: Callable[[str], bool]
) -> None:
    """Count the uses of one write that was passed over; a repetition adds nothing.

    `is_unnoted` tells which roll-ups, by sort key, could not note it. They take it for missed if
    they have gone on behind it. Errors: `Unavailable`; whatever else a roll-up refuses.
    """
    for span, found in rollups.by_span(uses).items():
        anyway = is_unnoted(span.key.sk)
        if anyway:
            _note(table, span, found, retention_days)
        with suppress(ConditionFailed):
            table.update(_counting(span, found, anyway=anyway))


def _note(table: Table, span: Span, uses: list[Use], retention_days: int) -> None:
    rollups.advance(table, span, uses, partial(_passing, span, retention_days))


def _passing(span: Span, retention_days: int, uses: list[Use]) -> Update:
    """Go on as if the uses were added, but add nothing and keep a token instead."""
    nothing = [use._replace(value=ZERO, deducted=ZERO) for use in uses]
    update = rollups.addition(span, retention_days, nothing)
    return update._replace(
        expression=update.expression.replace("SET ", "SET #token = :token, ", 1),
        values={**update.values, ":count": 0, ":token": _WAITS},
        names={**(update.names or {}), "#token": _token(uses)},
    )


def _counting(span: Span, uses: list[Use], *, anyway: bool) -> Update:
    """Add uses against their token; `anyway`: also if there never was one and others came since."""
    names = {"#count": "count", "#sum": "sum", "#token": _token(uses)}
    values: dict[str, Value] = {
        ":count": len(uses),
        ":sum": total(use.value for use in uses),
        ":deducted": total(use.deducted for use in uses),
        ":waits": _WAITS,
        ":counted": _COUNTED,
    }
    condition = "#token = :waits"
    if anyway:
        condition += " OR (attribute_not_exists(#token) AND #mark > :seq)"
        names["#mark"], values[":seq"] = rollups.mark(uses[0].source), uses[0].seq
    expression = "SET #token = :counted ADD #count :count, #sum :sum, deducted :deducted"
    return Update(span.key, expression, values, condition, names)


def _token(uses: list[Use]) -> str:
    return f"{_PASSED_OVER}{rollups.mark(uses[0].source)} {uses[0].seq}"
