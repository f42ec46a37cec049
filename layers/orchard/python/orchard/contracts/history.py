"""Request and response of `balances.history`."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, Self

from pydantic import model_validator

from orchard.contracts.events import TimeRange
from orchard.contracts.fields import CustomerId, Id, Timestamp, fault
from orchard.contracts.numbers import number
from orchard.contracts.request import Request
from orchard.domain import changes
from orchard.domain.history import UNLIMITED, Figures, Mark
from orchard.domain.interval import DAY_MS

RANGES_MS = {"24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "90d": 90 * DAY_MS}
_USUAL = "30d"
_FIGURES = ("granted", "remaining", "usage")
#: What kinds of changes are called, where that is not the name of the kind.
_TYPES = {
    "attach": "plan_change",
    "update_plan": "plan_change",
    "create": "plan_change",
    "plan_ended": "plan_change",
    "auto_topup": "grant",
    "delete_balance": "delete",
    "create_entity": "entity_change",
    "delete_entity": "entity_change",
}


class Span(NamedTuple):
    """From when to when, both included, in UTC milliseconds, and the size of the bins."""

    start: int
    end: int
    bin_size: str


class HistoryRequest(Request):
    """What did a balance show: at one instant, or bin by bin over a span of time?"""

    customer_id: CustomerId
    feature_id: Id
    entity_id: Id | None = None
    at: Timestamp | None = None
    range: Literal["24h", "7d", "30d", "90d"] | None = None
    custom_range: TimeRange | None = None
    bin_size: Literal["hour", "day", "week", "month"] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        spanned = self.model_fields_set & {"range", "custom_range", "bin_size"}
        if self.at is not None and spanned:
            raise fault(f"at: does not go with {', '.join(sorted(spanned))}")
        if self.range is not None and self.custom_range is not None:
            raise fault("range and custom_range: only one of them can be given")
        return self

    def span(self, now: int, earliest: int) -> Span:
        """Return the time that is asked for; a range reaches back to `earliest` at most."""
        asked = self.custom_range or TimeRange()
        end = now if asked.end is None else asked.end
        length = RANGES_MS[self.range or _USUAL]
        start = max(end - length, earliest) if asked.start is None else asked.start
        size = self.bin_size or ("hour" if end - start <= DAY_MS else "day")
        return Span(start, end, size)


def figures(found: Figures | None) -> dict[str, Any]:
    """Return figures as callers see them: all null when there was no balance."""
    if found is None:
        return dict.fromkeys((*_FIGURES, "unlimited"))
    amounts = {name: number(getattr(found, name)) for name in _FIGURES}
    return {**amounts, "unlimited": found.kind == UNLIMITED}


def mark(one: Mark) -> dict[str, Any]:
    """Return a change as a mark on the time line, with the totals that it changed at its place."""
    return {
        "timestamp": one.time,
        "type": one.by_time or _TYPES.get(one.kind, one.kind),
        "change_id": one.change_id,
        "entity_id": one.entity_id,
        "actor": changes.actor(one.by)._asdict(),
        "reason": one.reason,
        "reference": one.reference,
        "before": _totals(one.before),
        "after": _totals(one.after),
    }


def history_response(
    request: HistoryRequest,
    span: Span,
    bins: Iterable[tuple[int, Figures | None]],
    marks: Iterable[Mark],
) -> dict[str, Any]:
    """Return a balance over time: the figures at the end of each bin, and what changed it."""
    shown = [{"period": period, **figures(found)} for period, found in bins]
    return {
        **_about(request),
        **span._asdict(),
        "list": shown,
        "marks": [mark(one) for one in marks],
    }


def instant_response(request: HistoryRequest, at: int, found: Figures | None) -> dict[str, Any]:
    """Return a balance as it was at one instant."""
    return {**_about(request), "at": at, **figures(found)}


def _about(request: HistoryRequest) -> dict[str, Any]:
    return {
        "customer_id": request.customer_id,
        "feature_id": request.feature_id,
        "entity_id": request.entity_id,
    }


def _totals(side: Mapping[str, Any]) -> dict[str, Any]:
    return {name: number(side[name]) for name in _FIGURES if name in side}
