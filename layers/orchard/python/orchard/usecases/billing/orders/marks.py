"""Marks that what customers get is in use, so that the catalogue does not lose or change it."""

from collections.abc import Iterable

from orchard.domain.billing import customizing
from orchard.domain.billing.order import Gain
from orchard.domain.catalog import Catalog
from orchard.domain.customer import CustomerPlan
from orchard.errors import PlanNotFound
from orchard.store import catalog
from orchard.store.session import Session
from orchard.store.statements import Write


def in_use(
    session: Session, known: Catalog, held: Iterable[CustomerPlan], internal_id: str
) -> list[Write]:
    """Return the marks that go along with plans that a customer gets, now or soon.

    A custom plan may give features that its version does not name: those are marked as well.
    Errors: `PlanNotFound` for a version that is gone.
    """
    plans, features = {}, {}
    for one in held:
        plan = customizing.plan_of(one, known)
        if plan is None:
            raise PlanNotFound(one.plan_id)
        plans[plan.id, plan.version] = plan
        for feature_id in sorted(customizing.added_features(plan, known)):
            features[feature_id] = known.feature(feature_id)
    return [
        *(one for plan in plans.values() for one in catalog.mark_plan(session, plan, internal_id)),
        *(one for feature in features.values() for one in catalog.mark_feature(session, feature)),
    ]


def ordered(session: Session, gains: Iterable[Gain], internal_id: str) -> list[Write]:
    """Return the marks that keep what is ordered in the catalogue until it is paid for.

    Errors: as in `in_use`.
    """
    coming = [
        CustomerPlan(
            id=gain.customer_plan_id,
            plan_id=gain.plan_id,
            plan_version=gain.plan_version,
            started_at=0,
            custom=gain.custom,
        )
        for gain in gains
    ]
    return in_use(session, catalog.read(session), coming, internal_id)
