"""Customers as callers see them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchard.contracts import balance
from orchard.contracts.numbers import plain
from orchard.domain import arrangement, controls, summary
from orchard.domain.billing import top_ups
from orchard.domain.billing.top_ups import Record
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.holding import State
from orchard.domain.scope import CUSTOMER, Subject


class Profile(NamedTuple):
    """What a customer's view is made of: plans that count now, rows as they stand now."""

    customer: Customer
    environment: str
    plans: tuple[CustomerPlan, ...]
    #: Those that ended too.
    all_plans: tuple[CustomerPlan, ...]
    #: What the balances hold now; `subject` says whose view it is.
    state: State
    now: int
    entities: tuple[Entity, ...] = ()
    subject: Subject = CUSTOMER
    #: By feature, the version of the balance.
    versions: Mapping[str, int] = {}
    #: What became of automatic top-ups, if that is to be shown.
    top_ups: tuple[Record, ...] = ()

    @property
    def features(self) -> dict[str, None]:
        """The features of which there are balances, each once."""
        return dict.fromkeys(place.feature_id for place in self.state)


class Expanded(NamedTuple):
    """What to show inside the view: features by id, plans by the customer's plan, further parts."""

    balance_features: Mapping[str, dict[str, Any]] = {}
    flag_features: Mapping[str, dict[str, Any]] = {}
    subscription_plans: Mapping[str, dict[str, Any]] = {}
    purchase_plans: Mapping[str, dict[str, Any]] = {}
    parts: Mapping[str, Any] = {}


_NOTHING = Expanded()


def customer(
    profile: Profile, expanded: Expanded = _NOTHING, *, merge_controls: bool = True
) -> dict[str, Any]:
    """Return a customer; lists show the customer's own controls only."""
    one = profile.customer
    view: dict[str, Any] = {
        "id": one.id,
        "name": one.name or None,
        "email": one.email or None,
        "created_at": one.created_at,
        "fingerprint": one.fingerprint,
        "stripe_id": one.stripe_id,
        "env": profile.environment,
        "metadata": dict(one.metadata),
        "send_email_receipts": one.send_email_receipts,
        "billing_controls": plain(controls_of(profile, one.billing_controls, merge=merge_controls)),
        "subscriptions": subscriptions(profile, expanded),
        "purchases": purchases(profile, expanded),
        "licenses": [],
        "balances": balances(profile, expanded),
        "flags": flags(profile, expanded),
        "config": dict(one.config),
    }
    if one.deleting_since is not None:
        view |= {"status": "deleting", "deleting_since": one.deleting_since}
    if one.stripe_id:
        view["processors"] = {"stripe": {"id": one.stripe_id}}
    return {**view, **expanded.parts}


def trials_used(profile: Profile) -> list[dict[str, Any]]:
    """Return the trials that a customer had or has."""
    return [
        {
            "plan_id": plan.plan_id,
            "customer_id": profile.customer.hot_id,
            "fingerprint": profile.customer.fingerprint,
        }
        for plan in profile.all_plans
        if plan.trial_ends_at is not None
    ]


def controls_of(
    profile: Profile, own: Mapping[str, Any], entity_id: str | None = None, *, merge: bool = True
) -> dict[str, Any]:
    """Return the controls that the customer or an entity has, and those of plans for it alone."""
    plans = (plan for plan in profile.plans if plan.entity_id == entity_id)
    given = [plan.billing_controls for plan in plans if plan.billing_controls]
    held = controls.effective(own, given) if merge else own
    held = top_ups.with_windows(held, profile.top_ups, profile.now)
    return arrangement.with_usage(held, profile.state, entity_id)


def subscriptions(profile: Profile, expanded: Expanded) -> list[dict[str, Any]]:
    """Return the plans that recur or are free."""
    held = (plan for plan in profile.plans if not plan.one_off)
    return [_subscription(plan, profile.now, expanded.subscription_plans) for plan in held]


def _subscription(
    plan: CustomerPlan, now: int, plans: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    trial_ends_at = plan.trial_ends_at
    is_trial = trial_ends_at is not None and trial_ends_at > now
    start, end = plan.current_period_start, plan.current_period_end
    view = {
        "id": plan.external_id or plan.id,
        "plan_id": plan.plan_id,
        "auto_enable": plan.auto_enable,
        "add_on": plan.add_on,
        "status": plan.status,
        "past_due": plan.past_due,
        "canceled_at": plan.canceled_at,
        "expires_at": plan.expires_at,
        "trial_ends_at": trial_ends_at if is_trial else None,
        "started_at": plan.started_at,
        "current_period_start": plan.started_at if start is None and is_trial else start,
        "current_period_end": trial_ends_at if end is None and is_trial else end,
        "quantity": plan.quantity,
        "scope": _scope(plan),
    }
    shown = plans.get(plan.id)
    return view if shown is None else {**view, "plan": shown}


def _scope(plan: CustomerPlan) -> str:
    return "customer" if plan.entity_id is None else "entity"


def purchases(profile: Profile, expanded: Expanded) -> list[dict[str, Any]]:
    """Return the plans that were bought once."""
    views = []
    for plan in profile.plans:
        if plan.one_off:
            view = {
                "plan_id": plan.plan_id,
                "started_at": plan.started_at,
                "expires_at": plan.expires_at,
                "quantity": plan.quantity,
                "scope": _scope(plan),
            }
            shown = expanded.purchase_plans.get(plan.id)
            views.append(view if shown is None else {**view, "plan": shown})
    return views


def balances(profile: Profile, expanded: Expanded) -> dict[str, Any]:
    """Return the balances by feature id."""
    views = (
        (
            name,
            balance.shown(
                profile.state,
                profile.subject,
                name,
                expanded.balance_features.get(name),
                version=profile.versions.get(name),
            ),
        )
        for name in profile.features
    )
    return {name: view for name, view in views if view is not None}


def flags(profile: Profile, expanded: Expanded) -> dict[str, Any]:
    """Return the boolean features that are on, by feature id."""
    on = (
        (name, summary.flag(summary.seen(profile.state, profile.subject, name).rows))
        for name in profile.features
    )
    return {
        name: balance.flag(row, name, expanded.flag_features.get(name))
        for name, row in on
        if row is not None
    }
