"""The plans that customers hold, each beside its customer; one that ends by itself is due then."""

from typing import Any

from orchard.domain.customer import Customer, CustomerPlan
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, Update

#: How long a report of Stripe is waited for before Stripe is asked.
_PATIENCE_MS = 900_000
_WHOLE = {
    "started_at",
    "trial_ends_at",
    "canceled_at",
    "expires_at",
    "current_period_start",
    "current_period_end",
    "plan_version",
    "quantity",
}


#: What a list shows of a plan, and what tells whether it is held.
_BRIEF = (
    *("id", "plan_id", "plan_version", "started_at", "status", "one_off"),
    *("trial_ends_at", "canceled_at", "expires_at", "past_due", "stripe_subscription_id"),
)


def brief(plan: CustomerPlan) -> Item:
    """Return what lists show of a plan, in a form that `load` reads as a plan with nothing else."""
    usual = CustomerPlan._field_defaults
    told = {name: getattr(plan, name) for name in _BRIEF}
    return {name: one for name, one in told.items() if name not in usual or one != usual[name]}


def put(session: Session, customer: Customer, plan: CustomerPlan) -> Put:
    """Store a plan of a customer."""
    key = _key(session, customer, plan)
    item = {**plan._asdict(), "pk": key.pk, "sk": key.sk, "internal_id": customer.internal_id}
    due_at = _due_at(plan, session.now)
    if due_at is not None:
        item |= {"due_shard": keys.due_shard_of(key), "due_at": due_at}
    return Put(item)


def _due_at(plan: CustomerPlan, now: int) -> int | None:
    """When a plan is to be looked at: at its end; if Stripe tells of that, somewhat later."""
    times = (plan.trial_ends_at, plan.expires_at)
    ends = [at for at in times if at is not None] if plan.is_held(now) else []
    if plan.stripe_subscription_id is not None:
        ends = [at + _PATIENCE_MS for at in ends if at + _PATIENCE_MS > now]
    return min(ends, default=None)


def remove(session: Session, customer: Customer, plan: CustomerPlan) -> Delete:
    """Remove a plan of a customer, which must be there."""
    return Delete(_key(session, customer, plan), "attribute_exists(pk)")


def done(key: Key, due_at: int) -> Update:
    """Let a plan be due no more, now that its end was seen to."""
    return Update(key, "REMOVE due_shard, due_at", {":due": due_at}, "due_at = :due")


def load(item: Item) -> CustomerPlan:
    """Return a plan from its item."""
    fields: dict[str, Any] = {name: item[name] for name in CustomerPlan._fields if name in item}
    whole = {name: int(item[name]) for name in _WHOLE if item.get(name) is not None}
    return CustomerPlan(**{**fields, **whole})


def _key(session: Session, customer: Customer, plan: CustomerPlan) -> Key:
    return keys.customer_plan(session.tenant, customer.hot_id, plan.id)
