"""Getting a grant of features by its code: `rewards.redeem`."""

from typing import Any

from orchard.contracts import reward as views
from orchard.contracts.rewards import RedeemRequest
from orchard.domain import ids
from orchard.domain.arrangement import Household
from orchard.domain.catalog import BOOLEAN, Catalog, Feature
from orchard.domain.holding import NOTHING, Holding, Place
from orchard.domain.quantity import ZERO
from orchard.domain.rewards import Code, Grant, Reward, RewardNotFound
from orchard.domain.row import ALLOCATED, NO_OVERAGE, Row, ordered
from orchard.errors import Invalid
from orchard.store import catalog, customers, rewards
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Item, Write
from orchard.usecases import arranging


def redeem(session: Session, request: RedeemRequest) -> dict[str, Any]:
    """Let a customer have what a code grants, once.

    Errors: `CustomerNotFound`, `RewardNotFound`; 400 `customer_already_redeemed_referral_code`,
    `referral_code_max_redemptions_reached`.
    """
    found = rewards.spelled(session, request.code)
    reward = None if found is None else rewards.find(session, found[0])
    if reward is None or reward.terms is not None:
        raise RewardNotFound(request.code)
    given = give(session, request.customer_id, reward, request.code, request.audit)
    return views.redeemed(given)


def give(
    session: Session, customer_id: str, reward: Reward, word: str, audit: dict[str, str]
) -> Reward:
    """Grant a customer what a reward is, by one of its codes; return the reward.

    Errors: as in `redeem`; `RewardNotFound` for a code that is not the reward's.
    """
    return optimistic(lambda: _give(session, customer_id, reward.id, word, audit))


def _give(
    session: Session, customer_id: str, reward_id: str, word: str, audit: dict[str, str]
) -> Reward:
    account = customers.require(session, customer_id)
    reward = rewards.find(session, reward_id)
    code = None if reward is None else _code(reward, word)
    if reward is None or code is None:
        raise RewardNotFound(word)
    internal_id = account.customer.internal_id
    last = session.stamp("redeem", reward_id=reward.id, code=code.code, **audit)
    known = catalog.cached(session)
    features = [catalog.feature(session, grant.feature_id) for grant in reward.grants]
    marks = rewards.redeemed(session, reward, code, internal_id)
    writes: list[Write] = [
        *marks,
        customers.touch(session, account.customer),
        *(mark for feature in features for mark in catalog.mark_feature(session, feature)),
        *_balances(session, known, account, _rows(session, reward, features, last), last),
    ]
    try:
        session.commit(*writes)
    except ConditionFailed as refused:
        if refused.position < 2:
            _explain(session, reward, code, internal_id)
        raise
    return reward


def _code(reward: Reward, word: str) -> Code | None:
    return next((one for one in reward.codes if one.spelled == word.lower()), None)


def _explain(session: Session, reward: Reward, code: Code, internal_id: str) -> None:
    """Say why a customer does not get a reward, if that will not be otherwise."""
    if rewards.has_redeemed(session, reward, internal_id):
        sentence = f"This customer has had reward {reward.id} already"
        raise Invalid(sentence, "customer_already_redeemed_referral_code")
    found = rewards.spelled(session, code.code)
    if found is not None and code.uses is not None and found[1] >= code.uses:
        sentence = f"Code {code.code} was used as often as it may be"
        raise Invalid(sentence, "referral_code_max_redemptions_reached")


def _rows(
    session: Session, reward: Reward, features: list[Feature], last: Item
) -> dict[Place, Row]:
    pairs = zip(reward.grants, features, strict=True)
    return {
        Place(feature.id, None): _row(grant, feature, session.now, last["id"])
        for grant, feature in pairs
    }


def _row(grant: Grant, feature: Feature, now: int, change_id: str) -> Row:
    amount = grant.included or ZERO
    return Row(
        id=ids.new("cus_ent_", now),
        created_at=now,
        boolean=feature.type == BOOLEAN,
        continuous=feature.continuous,
        allowance=amount,
        balance=amount,
        expires_at=grant.ends_at(now),
        overage=ALLOCATED if feature.continuous else NO_OVERAGE,
        change_id=change_id,
    )


def _balances(
    session: Session, known: Catalog, account: Account, rows: dict[Place, Row], last: Item
) -> list[Write]:
    held = account.state(session.now)
    state: dict[Place, Holding] = {}
    for place, row in rows.items():
        there = held.get(place, NOTHING)
        state[place] = there._replace(rows=ordered((*there.rows, row)))
    household = Household(account.customer, account.plans, account.entities)
    return arranging.writes(session, known, household, account.balances, state, last=last)
