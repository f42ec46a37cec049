"""Whether a use is allowed, and by which limit not."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import gates, pool
from orchard.domain.holding import State
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import PRICED, Rows
from orchard.domain.scope import Subject

INCLUDED, MAX_PURCHASE = "included", "max_purchase"
SPEND_LIMIT, USAGE_LIMIT = "spend_limit", "usage_limit"


class Question(NamedTuple):
    """Whether `required` units of a feature may be used; of an event with these properties.

    When a credit system answers for a feature, `feature_id` is the credit system, `required` is in
    credits, and `member` is the feature with what one unit of it costs.
    """

    feature_id: str
    required: Decimal
    properties: Mapping[str, Any] = {}
    member: tuple[str, Decimal] | None = None


class Decision(NamedTuple):
    """Whether a use is allowed; `limit` names what stands against it."""

    allowed: bool
    limit: str | None = None


ALLOWED = Decision(allowed=True)


def decide(state: State, subject: Subject, question: Question) -> Decision:
    """Return whether the current state allows the use."""
    sources = pool.candidates(state, subject, {question.feature_id: Decimal(1)})
    rows = tuple(source.row for source in sources)
    if not rows:
        return Decision(allowed=False, limit=INCLUDED)
    if question.required < 0 or any(row.boolean or row.unlimited for row in rows):
        return ALLOWED
    if _window_left(state, subject, question) < question.required:
        return Decision(allowed=False, limit=USAGE_LIMIT)
    more, limit = beyond(state, subject, question.feature_id, rows)
    if more is None or question.required <= remaining(rows) + more:
        return ALLOWED
    return Decision(allowed=False, limit=limit)


def remaining(rows: Rows) -> Decimal:
    """What is left: positive balances and rollovers; overdrawn rows do not reduce it."""
    return total(row.held + row.carried for row in rows)


def beyond(
    state: State, subject: Subject, feature_id: str, rows: Rows
) -> tuple[Decimal | None, str]:
    """Return how much may be used beyond the balance (None: without bound) and what bounds it."""
    controls = gates.resolved(state, subject, feature_id)
    priced = [row for row in rows if row.overage == PRICED]
    if controls.overage_allowed is False or not (priced or controls.overage_allowed):
        return ZERO, INCLUDED
    if controls.spend_cap is not None:
        return gates.spend_left(state, subject, feature_id), SPEND_LIMIT
    if not priced or any(row.overage_limit is None for row in priced):
        return None, MAX_PURCHASE
    purchasable = total(row.overage_limit or ZERO for row in priced)
    return max(ZERO, purchasable - total(row.overdrawn for row in rows)), MAX_PURCHASE


def _window_left(state: State, subject: Subject, question: Question) -> Decimal:
    left = gates.window_left(state, subject, question.feature_id, question.properties)
    if question.member is None:
        return left
    feature_id, cost = question.member
    return min(left, gates.window_left(state, subject, feature_id, question.properties) * cost)
