"""Customers as `customers.*` return them: the account as it stands now, expanded as asked."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from orchard.contracts import coupons as coupon_contract
from orchard.contracts import customer as contract
from orchard.contracts import entity as entity_contract
from orchard.contracts import invoices as invoice_contract
from orchard.contracts.customer import Expanded, Profile
from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.feature import feature
from orchard.contracts.plan import plan as plan_view
from orchard.domain.billing.customizing import plan_of
from orchard.domain.scope import CUSTOMER, Subject
from orchard.gateways import stripe_payment_methods
from orchard.store import catalog, customers, invoices, stored
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases import standing

_CATALOG_PARTS = {"balances.feature", "flags.feature", "subscriptions.plan", "purchases.plan"}
_TOP_UPS = "billing_controls.auto_topups.purchase_limit"
_INVOICES_SHOWN, _ENTITIES_SHOWN = 10, 1000


def get(session: Session, request: GetCustomerRequest) -> dict[str, Any]:
    """Return a customer: one read without expansions. Errors: `CustomerNotFound`."""
    account = customers.require(session, request.customer_id)
    shown = view(session, account, request.expand)
    return {**shown, "autumn_id": account.customer.internal_id} if request.with_autumn_id else shown


def view(session: Session, account: Account, expand: Collection[str] = ()) -> dict[str, Any]:
    """Return a customer with the parts asked for."""
    profile = profile_of(session, account)
    if _TOP_UPS in expand:
        profile = profile._replace(top_ups=account.top_ups)
    return contract.customer(profile, expanded(session, profile, set(expand)))


def upcoming(session: Session, customer_id: str) -> list[dict[str, Any]]:
    """Return the part `invoice_previews` of a customer alone, which Stripe is asked for.

    Errors: `CustomerNotFound`, those of Stripe.
    """
    account = customers.require(session, customer_id)
    return _invoice_previews(session, profile_of(session, account), account)


def brief(session: Session, account: Account) -> dict[str, Any]:
    """Return a customer as lists show it: without expansions and without plans' controls."""
    return contract.customer(profile_of(session, account), merge_controls=False)


def profile_of(session: Session, account: Account) -> Profile:
    """Return what an account is now: plans that count, rows after resets and expiry."""
    return Profile(
        customer=account.customer,
        environment=session.environment,
        plans=tuple(plan for plan in account.plans if plan.is_held(session.now)),
        all_plans=account.plans,
        state=account.state(session.now),
        now=session.now,
        entities=account.entities,
        versions=versions(account, CUSTOMER),
    )


def versions(account: Account, subject: Subject) -> dict[str, int]:
    """Return the version of each balance that a subject sees, by feature."""
    features = dict.fromkeys(one.feature_id for one in account.balances)
    return {name: stored.version(account.balances, name, subject) for name in features}


def expanded(session: Session, profile: Profile, expand: set[str]) -> Expanded:
    """Return what is asked to be shown inside a view of this profile."""
    parts = {name: _PARTS[name](session, profile) for name in expand & _PARTS.keys()}
    if profile.customer.stripe_id is not None and "rewards" in expand:
        parts["rewards"] = _rewards(session, profile)
    if profile.customer.stripe_id is not None and "payment_method" in expand:
        method = stripe_payment_methods.default(session.environment, profile.customer.stripe_id)
        parts |= {} if method is None else {"payment_method": method}
    if not expand & _CATALOG_PARTS:
        return Expanded(parts=parts)
    known = catalog.cached(session)
    shown_features = {
        feature_id: feature(known.features[feature_id])
        for feature_id in profile.features & known.features.keys()
    }
    held = {one.id: plan_of(one, known) for one in profile.plans}
    shown_plans = {
        customer_plan_id: plan_view(plan, known.features, session.environment)
        for customer_plan_id, plan in held.items()
        if plan is not None
    }
    return Expanded(
        balance_features=_if("balances.feature" in expand, shown_features),
        flag_features=_if("flags.feature" in expand, shown_features),
        subscription_plans=_if("subscriptions.plan" in expand, shown_plans),
        purchase_plans=_if("purchases.plan" in expand, shown_plans),
        parts=parts,
    )


def _if[K, V](asked: bool, found: Mapping[K, V]) -> Mapping[K, V]:  # noqa: FBT001 - reads as a sentence where it is used
    return found if asked else {}


def _invoices(session: Session, profile: Profile) -> list[dict[str, Any]]:
    newest = invoices.newest(session, profile.customer.internal_id, _INVOICES_SHOWN)
    return [invoice_contract.entry(one, session.base_url) for one in newest]


def _entities(_session: Session, profile: Profile) -> list[dict[str, Any]]:
    shown = profile.entities[:_ENTITIES_SHOWN]
    return [entity_contract.brief(one, profile) for one in shown]


def _rewards(session: Session, profile: Profile) -> dict[str, Any]:
    """The discounts of the subscriptions at Stripe, and the coupons for what comes."""
    kept = (one for one in profile.customer.coupons if one.lasts(session.now))
    return coupon_contract.discounts(standing.subscriptions(session, profile.plans), kept)


def _invoice_previews(
    session: Session, profile: Profile, account: Account | None = None
) -> list[dict[str, Any]]:
    if not any(one.stripe_subscription_id for one in profile.plans):
        return []
    from orchard.usecases.billing.renewals import (  # noqa: PLC0415 - rarely asked for, and large
        upcoming as renewals,
    )

    return renewals.invoices(session, profile, account)


#: What expands to a part of its own. Referrals have no source yet, so a customer has none of them.
_PARTS: dict[str, Callable[[Session, Profile], Any]] = {
    "invoices": _invoices,
    "invoice_previews": _invoice_previews,
    "entities": _entities,
    "referrals": lambda _session, _profile: [],
    "trials_used": lambda _session, profile: contract.trials_used(profile),
}
