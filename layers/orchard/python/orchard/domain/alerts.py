"""What a write did that somebody wants to be told: alerts it crossed, limits it reached.

Quantities are decimals in units of the feature. Everything here compares what was there
before a write with what is there after it.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import decision, gates, scope
from orchard.domain.decision import USAGE_LIMIT, Question
from orchard.domain.holding import Alert, Controls, Holding, Place, State, UsageLimit
from orchard.domain.ledger import figures
from orchard.domain.row import Rows
from orchard.domain.scope import Subject

USAGE, USAGE_PERCENTAGE = "usage", "usage_percentage"
REMAINING, REMAINING_PERCENTAGE = "remaining", "remaining_percentage"
#: What an alert looks at; a percentage is one of everything granted, rollovers included.
_MEASURES = {
    USAGE: "usage",
    USAGE_PERCENTAGE: "usage",
    REMAINING: "remaining",
    REMAINING_PERCENTAGE: "remaining",
}
_PERCENTAGES = {USAGE_PERCENTAGE, REMAINING_PERCENTAGE}
#: The least use that a balance must still permit for no limit to be reached.
LEAST = Decimal("1e-7")

type Filter = tuple[tuple[str, str], ...]


class Limit(NamedTuple):
    """What keeps a balance from being used any further; `filter`: for events with these only."""

    kind: str
    filter: Filter = ()


def crossed(before: Holding, after: Holding) -> tuple[Alert, ...]:
    """Return the alerts whose threshold lies between two states; landing on it is crossing it.

    The alerts that hold after the write count, so setting one that is past already tells nothing.
    A balance that only began or came to its end crosses nothing, an unlimited one never does.
    """
    was, now = before.own, after.own
    if not after.controls.alerts or not _is_limited(was) or not _is_limited(now):
        return ()
    alerts = dict.fromkeys(after.controls.alerts)
    return tuple(one for one in alerts if _holds(one, now) and not _holds(one, was))


def reached(before: State, after: State, subject: Subject, feature_id: str) -> tuple[Limit, ...]:
    """Return the limits that now keep a subject from using a feature, if none did before.

    Both states are judged by the controls that hold after the write: setting a limit tells
    nothing. Nor does a balance that only began or came to its end. Where there are no rows of the
    feature itself, as with credits that pay for it, its usage limits count alone.
    """
    was, now = _rows(before, subject, feature_id), _rows(after, subject, feature_id)
    if bool(was) != bool(now) or _is_free(was) or _is_free(now):
        return ()
    earlier = tuple(_limits(_judged(before, after), subject, feature_id))
    if any(not limit.filter for limit in earlier):
        return ()
    return tuple(one for one in _limits(after, subject, feature_id) if one not in earlier)


def goes_on(after: State, place: Place, subject: Subject, features: Iterable[str]) -> bool:
    """Whether a subject can go on with one of the features without what lies at one place."""
    rest = {other: holding for other, holding in after.items() if other != place}
    return any(decision.decide(rest, subject, Question(one, LEAST)).allowed for one in features)


def _limits(state: State, subject: Subject, feature_id: str) -> Iterator[Limit]:
    """Yield what keeps a subject from using a feature; what stops every use is told alone."""
    windows = gates.resolved(state, subject, feature_id).usage_limits
    shut = [one.filter for one in windows if one.enabled and one.left < LEAST]
    if () in shut:
        yield Limit(USAGE_LIMIT)
        return
    decided = decision.decide(state, subject, Question(feature_id, LEAST))
    if decided.limit is not None and _rows(state, subject, feature_id):
        yield Limit(decided.limit)
        return
    yield from (Limit(USAGE_LIMIT, wanted) for wanted in shut)


def _judged(before: State, after: State) -> State:
    """The state before under the controls after, with what its own windows had counted."""
    return {
        place: holding._replace(controls=_counted(holding.controls, after[place].controls))
        for place, holding in before.items()
        if place in after
    }


def _counted(was: Controls, now: Controls) -> Controls:
    used = {_window(limit): limit.used for limit in was.usage_limits}
    windows = (
        limit._replace(used=used.get(_window(limit), limit.used)) for limit in now.usage_limits
    )
    return now._replace(usage_limits=tuple(windows))


def _window(limit: UsageLimit) -> tuple[Filter, str, str | None]:
    return limit.filter, limit.interval, limit.anchor


def _rows(state: State, subject: Subject, feature_id: str) -> Rows:
    return tuple(row for _place, row in scope.rows(state, subject, feature_id))


def _is_free(rows: Rows) -> bool:
    """Whether nothing limits the use: a flag or an unlimited row."""
    return any(row.unlimited or row.boolean for row in rows)


def _is_limited(rows: Rows) -> bool:
    return bool(rows) and not _is_free(rows)


def _holds(alert: Alert, rows: Rows) -> bool:
    """Whether the rows are at the threshold or past it."""
    totals = figures(rows)
    measured: Decimal = totals[_MEASURES[alert.kind]]
    threshold = alert.threshold
    if alert.kind in _PERCENTAGES:
        if totals["granted"] <= 0:
            return False
        measured, threshold = measured * 100, threshold * totals["granted"]
    if _MEASURES[alert.kind] == "usage":
        return measured >= threshold
    return measured <= threshold
