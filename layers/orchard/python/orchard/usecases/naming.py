"""What plans and features are called, for people: from the catalogue as it was lately."""

from collections.abc import Mapping
from typing import NamedTuple

from orchard.store import catalog
from orchard.store.session import Session


class Names(NamedTuple):
    """Names by id; what has none is called by its id."""

    plans: Mapping[str, str]
    features: Mapping[str, str]

    def plan(self, plan_id: str) -> str:
        """Return what a plan is called, also one that there is no more."""
        return self.plans.get(plan_id, plan_id)

    def feature(self, feature_id: str) -> str:
        """Return what a feature is called; the event of several features has its own name."""
        return self.features.get(feature_id, feature_id)


def names(session: Session) -> Names:
    """Return the names of all that can be attached and used."""
    known = catalog.cached(session)
    plans = {one.id: one.name or one.id for one in known.current_plans()}
    features = {one.id: one.name or one.id for one in known.features.values()}
    return Names(plans, features)
