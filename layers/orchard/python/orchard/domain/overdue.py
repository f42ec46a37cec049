"""Plans whose payment is overdue: what they grant is not given anew until that is paid."""

from collections.abc import Iterable

from orchard.domain import renewal
from orchard.domain.billing.customizing import plan_of
from orchard.domain.catalog import Catalog
from orchard.domain.customer import CustomerPlan
from orchard.domain.holding import Holding, Place, State
from orchard.domain.row import Row, ordered

#: In `config` of a plan: it resets all the same.
IGNORED = "ignore_past_due"


def marked(
    state: State, plans: Iterable[CustomerPlan], catalog: Catalog, now: int
) -> dict[Place, Holding]:
    """Return a state in which rows bear the mark of their plans, these and no others.

    Where the mark goes, a reset that was due meanwhile happens at once.
    """
    unpaid = {one.id for one in plans if one.past_due and not _is_ignored(one, catalog)}
    return {place: _marked(held, unpaid, now) for place, held in state.items()}


def _is_ignored(held: CustomerPlan, catalog: Catalog) -> bool:
    plan = plan_of(held, catalog)
    return plan is not None and bool(plan.config.get(IGNORED))


def _marked(held: Holding, unpaid: set[str], now: int) -> Holding:
    after = tuple(_row(row, unpaid, now) for row in held.rows)
    return held if after == held.rows else held._replace(rows=ordered(after))


def _row(row: Row, unpaid: set[str], now: int) -> Row:
    is_overdue = row.next_reset_at is not None and row.customer_plan_id in unpaid
    if is_overdue == row.overdue:
        return row
    fresh = row if is_overdue else renewal.caught_up(row, now)
    return fresh._replace(overdue=is_overdue)
