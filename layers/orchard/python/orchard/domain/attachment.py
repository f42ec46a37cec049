"""Attaching a plan to a customer: the customer's plan, and the rows it gives to each feature."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orchard.domain import ids, interval
from orchard.domain.catalog import Attachment, Catalog, Plan, grant
from orchard.domain.customer import CustomerPlan
from orchard.domain.deduction import Rows
from orchard.domain.row import ordered


class Attached(NamedTuple):
    """A plan about to be attached: what the customer will hold, and rows by feature id."""

    plan: Plan
    customer_plan: CustomerPlan
    rows: Mapping[str, Rows]


def attach(catalog: Catalog, plan: Plan, now: int, external_id: str | None = None) -> Attached:
    """Return what attaching the plan now gives. Errors: `FeatureNotFound`."""
    trial_ends_at = _trial_end(plan, now)
    held = CustomerPlan(
        id=ids.new("cus_prod_", now),
        plan_id=plan.id,
        plan_version=plan.version,
        started_at=now,
        external_id=external_id,
        group=plan.group,
        add_on=plan.add_on,
        auto_enable=plan.auto_enable,
        trial_ends_at=trial_ends_at,
        billing_controls=plan.billing_controls,
    )
    rows: dict[str, Rows] = {}
    for item in plan.items:
        feature = catalog.feature(item["feature_id"])
        moment = Attachment(now, held.id, ids.new("cus_ent_", now), trial_ends_at)
        rows[feature.id] = (*rows.get(feature.id, ()), grant(plan, item, feature, moment))
    return Attached(plan, held, rows)


def together(attached: Iterable[Attached]) -> dict[str, Rows]:
    """Return the rows of several plans, by feature and in deduction order."""
    rows: dict[str, Rows] = {}
    for one in attached:
        for feature_id, given in one.rows.items():
            rows[feature_id] = ordered((*rows.get(feature_id, ()), *given))
    return rows


def replaced(rows: Rows, ended: CustomerPlan | None, given: Rows) -> Rows:
    """Return a balance's rows without those of the plan that ends, and with those given."""
    kept = (row for row in rows if ended is None or row.customer_plan_id != ended.id)
    return ordered((*kept, *given))


def _trial_end(plan: Plan, now: int) -> int | None:
    trial = plan.free_trial
    if trial is None:
        return None
    return interval.after(now, trial["duration_type"], int(trial["duration_length"]))
