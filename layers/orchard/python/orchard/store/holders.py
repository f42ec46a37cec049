"""Whether a plan version is held by any customer now."""

from itertools import islice

from orchard.domain.catalog import Plan
from orchard.store import customer_listing, customers
from orchard.store.customer_listing import Wanted
from orchard.store.session import Session

#: So many listed customers are looked at; more of them count as holders without a look.
_LOOKED_AT = 20


def is_held(session: Session, plan: Plan) -> bool:
    """Return whether a customer holds this version of the plan now.

    An unused version needs no look. The customer that marked it as used is read strongly
    consistent; others are found in the index, which may miss the last moment.
    """
    if not plan.used:
        return False
    if plan.used_by is not None and _holds(session, plan.used_by, plan):
        return True
    wanted = Wanted(tokens=(f"any:{plan.id}/{plan.version}",))
    listed = list(islice(customer_listing.entries(session, wanted), _LOOKED_AT + 1))
    if len(listed) > _LOOKED_AT:
        return True
    # An entry may say what is over since: a plan that ends by itself leaves the index later.
    return any(_holds(session, entry.hot_id, plan) for entry in listed)


def _holds(session: Session, customer_id: str, plan: Plan) -> bool:
    account = customers.find(session, customer_id)
    return account is not None and any(
        (held.plan_id, held.plan_version) == (plan.id, plan.version) and held.is_held(session.now)
        for held in account.plans
    )
