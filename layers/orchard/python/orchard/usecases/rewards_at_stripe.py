"""The Stripe side of a reward: one coupon of its id, and an active promotion code for each code.

What is there is looked at first, and only what differs is made: so whoever comes after a crash
finishes the work, and nobody takes what is another's. Ours is known by what is noted on it.

How often a code was used is what Stripe has counted on all codes that were ever made for it.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orchard.domain.billing.coupons import Coupon
from orchard.domain.rewards import CREATED, Code, Reward, named, remaining
from orchard.errors import Invalid, StripeFailed
from orchard.gateways import stripe_coupons
from orchard.gateways.stripe_coupons import FoundCoupon, PromotionCode
from orchard.store.session import Session


class Work(NamedTuple):
    """What is to be at Stripe for a reward, and under which keys it is made."""

    session: Session
    reward: Reward
    coupon: Coupon
    key: str

    @property
    def environment(self) -> str:
        """The account that it is for."""
        return self.session.environment

    @property
    def noted(self) -> dict[str, str]:
        """What tells what is ours."""
        return self.reward.noted(self.session.tenant)


class _Spelled(NamedTuple):
    """A code that is wanted, and what Stripe has that is spelled so."""

    code: Code
    ours: tuple[PromotionCode, ...]

    @property
    def left(self) -> int | None:
        """How often it may still be used."""
        return remaining(self.code, sum(one.times_redeemed for one in self.ours))

    def is_kept(self, one: PromotionCode) -> bool:
        """Whether a code at Stripe is as it is to be."""
        room = None if one.max_redemptions is None else one.max_redemptions - one.times_redeemed
        return one.active and room == self.left and one.first_time == bool(self.code.first_time)


def establish(work: Work) -> None:
    """Let Stripe have the coupon of a reward and its codes, as they are to be.

    Errors, before anything is changed: 400 `duplicate_reward_id` for a coupon that is another's,
    400 `promo_code_already_exists_in_stripe` for such a code; `StripeFailed` and the like.
    """
    found = stripe_coupons.coupon(work.environment, work.reward.id)
    if found is not None and not _is_ours(found.metadata, work):
        sentence = f"Stripe has a coupon {work.reward.id} that is not one of these rewards"
        raise Invalid(sentence, "duplicate_reward_id")
    spelled = [_spelled(work, code) for code in work.reward.codes]
    if found is not None and _differs(found, work):
        # Its codes end with it; discounts that were given live on.
        _retire(work, (), keep=False)
        stripe_coupons.delete_coupon(work.environment, work.reward.id)
        found = None
    if found is None:
        stripe_coupons.create_coupon(work.environment, work.coupon, work.noted, work.key)
    elif found.coupon.name != work.coupon.name:
        stripe_coupons.rename_coupon(work.environment, work.coupon)
    _retire(work, spelled, keep=True)
    for one in [_spelled(work, each.code) for each in spelled]:
        _issue(work, one)


def begun_at(session: Session, reward_id: str) -> int | None:
    """Return when a reward of this id was begun whose coupon Stripe has; None if there is none.

    Asked where no such reward is stored: somebody made the coupon and did not come to store it.
    """
    found = stripe_coupons.coupon(session.environment, reward_id)
    if found is None or not _is_noted(found.metadata, named(session.tenant, reward_id)):
        return None
    began = found.metadata.get(CREATED, "")
    return int(began) if began.isdecimal() else None


def withdraw(session: Session, reward: Reward) -> None:
    """Remove the coupon of a reward and its codes from Stripe, if they are there and ours."""
    environment, noted = session.environment, reward.noted(session.tenant)
    found = stripe_coupons.coupon(environment, reward.id)
    if found is None or not _is_noted(found.metadata, noted):
        return
    for code in stripe_coupons.codes_of(environment, reward.id):
        if code.active and _is_noted(code.metadata, noted):
            stripe_coupons.deactivate_code(environment, code.id)
    stripe_coupons.delete_coupon(environment, reward.id)


def _spelled(work: Work, code: Code) -> _Spelled:
    there = stripe_coupons.codes_spelled(work.environment, code.code)
    if any(one.active and not _is_ours(one.metadata, work) for one in there):
        sentence = f"Stripe has an active promotion code {code.code} that is not this reward's"
        raise Invalid(sentence, "promo_code_already_exists_in_stripe")
    return _Spelled(code, tuple(one for one in there if _is_ours(one.metadata, work)))


def _retire(work: Work, wanted: Iterable[_Spelled], *, keep: bool) -> None:
    """End the codes that are not to be any more, or not as they are."""
    by_word = {one.code.spelled: one for one in wanted}
    for one in stripe_coupons.codes_of(work.environment, work.reward.id):
        spelled = by_word.get(one.code.lower())
        stays = keep and spelled is not None and spelled.is_kept(one)
        if one.active and _is_ours(one.metadata, work) and not stays:
            stripe_coupons.deactivate_code(work.environment, one.id)


def _issue(work: Work, spelled: _Spelled) -> None:
    """Make the active code, unless it is there or was used as often as it may be."""
    if spelled.left == 0 or any(one.active for one in spelled.ours):
        return
    code = spelled.code
    try:
        stripe_coupons.create_code(
            work.environment,
            work.reward.id,
            code.code,
            uses=spelled.left,
            first_time=bool(code.first_time),
            metadata=work.noted,
            key=f"{work.key}:{code.spelled}",
        )
    except StripeFailed as refused:
        if stripe_coupons.is_taken(refused):
            sentence = f"Stripe has an active promotion code {code.code} by now"
            raise Invalid(sentence, "promo_code_already_exists_in_stripe") from refused
        raise


def _differs(found: FoundCoupon, work: Work) -> bool:
    """Whether what a coupon is worth, or for what, is not as it is to be."""
    there, wanted = (
        one._replace(name=None, is_valid=True, products=tuple(sorted(one.products)))
        for one in (found.coupon, work.coupon)
    )
    return there != wanted or not found.coupon.is_valid


def _is_ours(metadata: Mapping[str, str], work: Work) -> bool:
    return _is_noted(metadata, work.noted)


def _is_noted(metadata: Mapping[str, str], noted: Mapping[str, str]) -> bool:
    return all(metadata.get(name) == text for name, text in noted.items())
