"""Defining rewards: `rewards.create`, `.get`, `.list`, `.update` and `.delete`.

Whoever changes rewards holds their lock. What Stripe has is made before the reward is stored, under
ids that follow from it: a repetition after a crash finds it, and stores the reward.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from orchard.contracts import reward as views
from orchard.contracts.rewards import CreateRewardRequest, RewardRequest, UpdateRewardRequest
from orchard.domain import ids, rewards
from orchard.domain.billing.lines import Sale
from orchard.domain.money import MAIN_CURRENCY
from orchard.domain.rewards import Reward, RewardNotFound
from orchard.errors import Invalid, Locked, OrchardError
from orchard.gateways import stripe_catalog
from orchard.store import catalog
from orchard.store import rewards as store
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Write
from orchard.usecases import rewards_at_stripe
from orchard.usecases.rewards_at_stripe import Work


def create(session: Session, request: CreateRewardRequest) -> dict[str, Any]:
    """Define a reward.

    Errors: 400 `duplicate_reward_id`, `duplicate_promo_code`, `invalid_reward`,
    `promo_code_already_exists_in_stripe`, `product_not_in_stripe`; 404 for an unknown plan or
    feature; 423 while another request changes rewards.
    """
    wanted = request.reward(session.now)
    with _locked(session) as holder:
        known = store.every(session)
        if wanted.id in known:
            raise Invalid(f"Reward {wanted.id} already exists", "duplicate_reward_id")
        rewards.check_codes(wanted, known.values())
        made = _made(session, wanted, holder)
        _commit(session, holder, store.stored(session, None, made))
    return views.reward(made)


def get(session: Session, request: RewardRequest) -> dict[str, Any]:
    """Return a reward. Errors: `RewardNotFound`."""
    return views.reward(_require(session, request.reward_id))


def every(session: Session) -> dict[str, Any]:
    """Return all rewards by their kinds, the oldest first."""
    return views.rewards(store.every(session).values())


def update(session: Session, request: UpdateRewardRequest) -> dict[str, Any]:
    """Change a reward; what customers have of it stays as it is.

    Errors: `RewardNotFound`, and as in `create`.
    """
    with _locked(session) as holder:
        known = store.every(session)
        before = known.get(request.reward_id)
        if before is None:
            raise RewardNotFound(request.reward_id)
        _check_kind(before, request)
        after = request.changed(before)
        if after == before:
            _commit(session, holder, [])
            return views.reward(before)
        after = after._replace(revision=before.revision + 1)
        rewards.check_codes(after, known.values())
        _establish(session, after, holder)
        _commit(session, holder, store.stored(session, before, after))
    return views.reward(after)


def delete(session: Session, request: RewardRequest) -> dict[str, Any]:
    """Remove a reward: nobody gets it any more, who has it keeps it. Errors: `RewardNotFound`."""
    with _locked(session) as holder:
        doomed = _require(session, request.reward_id)
        if doomed.terms is not None:
            rewards_at_stripe.withdraw(session, doomed)
        _commit(session, holder, store.stored(session, doomed, None))
    return {"success": True}


def _require(session: Session, reward_id: str) -> Reward:
    found = store.find(session, reward_id)
    if found is None:
        raise RewardNotFound(reward_id)
    return found


@contextmanager
def _locked(session: Session) -> Iterator[str]:
    """Hold the lock; what is committed lets go of it, and so does whatever goes wrong."""
    holder = ids.new("hold_", session.now)
    store.take(session, holder)
    try:
        yield holder
    except Exception:
        with suppress(ConditionFailed):
            session.table.transact([store.freed(session, holder)])
        raise


def _commit(session: Session, holder: str, writes: list[Write]) -> None:
    try:
        session.commit(store.freed(session, holder), *writes)
    except ConditionFailed as refused:
        if refused.position == 0:
            raise Locked("Another request took over changing rewards; try again") from None
        raise


def _made(session: Session, wanted: Reward, holder: str) -> Reward:
    """The new reward with its side at Stripe; if that can't be made, nothing of it stays."""
    if wanted.terms is None:
        _establish(session, wanted, holder)
        return wanted
    began = rewards_at_stripe.begun_at(session, wanted.id)
    wanted = wanted._replace(created_at=began or wanted.created_at)
    try:
        _establish(session, wanted, holder)
    except OrchardError:
        with suppress(OrchardError):
            rewards_at_stripe.withdraw(session, wanted)
        raise
    return wanted


def _establish(session: Session, reward: Reward, holder: str) -> None:
    """Check a reward against the catalogue, and let Stripe have what it is there."""
    known = catalog.read(session)
    if reward.terms is None:
        rewards.check_grants(reward, known)
        return
    sale = Sale(session.tenant, known.features, MAIN_CURRENCY)
    sold = rewards.products(reward.terms, known, sale)
    if sold:
        stripe_catalog.ensure(session.environment, sold, ())
    coupon = rewards.coupon(reward, reward.terms, known, sold, MAIN_CURRENCY)
    key = f"orchard:reward:{holder}"
    rewards_at_stripe.establish(Work(session, reward, coupon, key))


def _check_kind(before: Reward, request: UpdateRewardRequest) -> None:
    wrong = request.feature_grant if before.terms else request.coupon
    if wrong is not None:
        kind = "a coupon" if before.terms else "a feature grant"
        raise Invalid(f"Reward {before.id} is {kind}: its kind never changes", "invalid_reward")
