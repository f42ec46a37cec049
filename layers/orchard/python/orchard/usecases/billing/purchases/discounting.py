"""Which coupons count for a purchase or a change: those that are there, and those asked for.

A subscription's own discounts count, and where it has none, or there is no subscription yet, the
coupons of the customer. What is asked for comes beside them. No coupon counts twice.
"""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import interval
from orchard.domain.billing.coupons import ONCE, Coupon, CustomerCoupon, Discount
from orchard.domain.billing.discounts import ordered
from orchard.domain.customer import Customer
from orchard.errors import Invalid
from orchard.gateways import stripe_coupons
from orchard.gateways.stripe_coupons import PromotionCode
from orchard.store import invoices
from orchard.store.session import Session

#: So many invoices are looked at for a first payment, imported ones among them.
_LOOKED_AT = 100


class Asked(NamedTuple):
    """A discount that a request asks for: by the id of a coupon, or by a code."""

    reward_id: str | None = None
    promotion_code: str | None = None


class _Purchase(NamedTuple):
    """What is discounted: for whom, which products at Stripe, what it costs before discounts."""

    session: Session
    customer: Customer
    products: Collection[str]
    subtotal: Decimal
    currency: str


def resolve(  # noqa: PLR0917 - what a purchase is, in the order in which it becomes known
    session: Session,
    customer: Customer,
    existing: Sequence[Discount],
    asked: Sequence[Asked],
    lines_products: Collection[str],
    subtotal: Decimal,
    currency: str,
) -> tuple[Discount, ...]:
    """Return the discounts that count, in the order in which they are applied.

    `existing` are those of the subscription that changes; those stay as they are, with their ends.
    Stripe is asked only where something is asked for or the customer has coupons. Errors: 400 for
    whatever is asked for and is not to be had, with the code of the reason.
    """
    purchase = _Purchase(session, customer, lines_products, subtotal, currency)
    there = tuple(existing) or _of_customer(purchase)
    found = {one.coupon.id: one for one in there}
    for one in asked:
        fresh = _requested(purchase, one, frozenset(held.coupon.id for held in there))
        if fresh is not None:
            found.setdefault(fresh.coupon.id, fresh)
    return ordered(tuple(found.values()))


def as_parameters(discounts: Iterable[Discount]) -> list[dict[str, str]]:
    """Return discounts as calls of Stripe name them; one that is given already keeps its end."""
    return [_parameter(one) for one in ordered(tuple(discounts))]


def staying(discounts: Iterable[Discount], *, invoiced: bool) -> tuple[Discount, ...]:
    """Return what a subscription is to have after a change of it, given what counted for that.

    What is good for a single invoice is used up if the change was `invoiced`.
    """
    return ordered([one for one in discounts if not (invoiced and one.coupon.duration == ONCE)])


def of_purchase(discounts: Iterable[Discount]) -> tuple[Discount, ...]:
    """Return what counts for something bought once beside a subscription, of its discounts too.

    What is good for a single invoice of the subscription waits for that; of any other the coupon
    counts, since it is the subscription that has the discount.
    """
    found = [one for one in discounts if one.id is None or one.coupon.duration != ONCE]
    return ordered(
        [one._replace(id=None, promotion_code_id=None) if one.id else one for one in found]
    )


def consumed(customer: Customer, discounts: Iterable[Discount]) -> Customer:
    """Return a customer after a purchase that these discounts were passed to.

    What is good for a single invoice is used up by that; all else stays for further purchases
    until it ends.
    """
    passed = {one.coupon.id for one in discounts if one.id is None}
    left = (one for one in customer.coupons if not (_is_offered(one) and _is_used(one, passed)))
    return customer._replace(coupons=tuple(left))


def given(coupon: Coupon, now: int, promotion_code_id: str | None = None) -> Discount:
    """Return the discount that comes of giving a coupon now."""
    ends_at = None if coupon.months is None else interval.plus_months(now, coupon.months)
    return Discount(coupon, promotion_code_id=promotion_code_id, ends_at=ends_at)


def _is_offered(one: CustomerCoupon) -> bool:
    return one.subscription_id is None


def _is_used(one: CustomerCoupon, passed: Collection[str]) -> bool:
    return one.coupon.duration == ONCE and one.coupon.id in passed


def _parameter(one: Discount) -> dict[str, str]:
    if one.id is not None:
        return {"discount": one.id}
    if one.promotion_code_id is not None:
        return {"promotion_code": one.promotion_code_id}
    return {"coupon": one.coupon.id}


def _of_customer(purchase: _Purchase) -> tuple[Discount, ...]:
    """The customer's coupons as Stripe has them now; what can't be given any more is left out.

    A coupon that somebody removed or used up must not stand in the way of what is bought.
    """
    session = purchase.session
    offered = (one for one in purchase.customer.coupons if _is_offered(one))
    ids = [one.coupon.id for one in offered if one.lasts(session.now)]
    found = (stripe_coupons.coupon(session.environment, coupon_id) for coupon_id in ids)
    coupons = (one.coupon for one in found if one is not None)
    return tuple(
        given(coupon, session.now)
        for coupon in coupons
        if coupon.is_valid and coupon.currency in (None, purchase.currency)
    )


def _requested(purchase: _Purchase, asked: Asked, there: Collection[str]) -> Discount | None:
    if asked.promotion_code is not None:
        return _by_code(purchase, asked.promotion_code, there)
    coupon_id = asked.reward_id or ""
    if coupon_id in there:
        return None
    coupon = usable(purchase.session, coupon_id)
    _check_currency(coupon, f'Coupon "{coupon_id}"', purchase)
    return given(coupon, purchase.session.now)


def usable(session: Session, coupon_id: str) -> Coupon:
    """Return a coupon that can be given now. Errors: 400 for one that is unknown or over."""
    found = stripe_coupons.coupon(session.environment, coupon_id)
    if found is None:
        raise Invalid(f'Invalid coupon ID: "{coupon_id}"')
    if not found.coupon.is_valid:
        raise Invalid(f'Coupon "{coupon_id}" is no longer valid')
    return found.coupon


def _by_code(purchase: _Purchase, text: str, there: Collection[str]) -> Discount | None:
    spelled = stripe_coupons.codes_spelled(purchase.session.environment, text)
    if any(one.coupon.id in there for one in spelled):
        return None
    own = [one for one in spelled if one.stripe_customer in (None, purchase.customer.stripe_id)]
    if not own or not own[0].active:
        raise _inactive(text, own)
    code = own[0]
    _check_code(purchase, code, text)
    return given(code.coupon, purchase.session.now, code.id)


def _inactive(text: str, own: Sequence[PromotionCode]) -> Invalid:
    if any(one.is_exhausted for one in own):
        sentence = f'Promotion code "{text}" was used as often as it may be'
        return Invalid(sentence, "referral_code_max_redemptions_reached")
    return Invalid(f'Promotion code not found or inactive: "{text}"')


def _check_code(purchase: _Purchase, code: PromotionCode, text: str) -> None:
    named = f'Promotion code "{text}"'
    if not code.coupon.is_valid:
        raise Invalid(f'Coupon "{code.coupon.id}" is no longer valid')
    products = code.coupon.products
    if products and not set(products) & set(purchase.products):
        raise Invalid(f"{named} does not apply to any products in this order")
    _check_currency(code.coupon, named, purchase)
    _check_minimum(purchase, code, text)
    if code.first_time and has_paid(purchase.session, purchase.customer):
        sentence = f"{named} is for a first payment only"
        raise Invalid(sentence, "promo_code_first_time_only")


def _check_currency(coupon: Coupon, named: str, purchase: _Purchase) -> None:
    if coupon.currency not in (None, purchase.currency):
        sentence = f"{named} takes off an amount in {coupon.currency}, the order is in "
        raise Invalid(f"{sentence}{purchase.currency}", "currency_mismatch")


def _check_minimum(purchase: _Purchase, code: PromotionCode, text: str) -> None:
    if code.minimum is None:
        return
    is_met = code.minimum_currency == purchase.currency and purchase.subtotal >= code.minimum
    if not is_met:
        least = f"{code.minimum:f} {code.minimum_currency}"
        raise Invalid(f'The promotion code "{text}" needs an order of a minimum of {least}')


def has_paid(session: Session, customer: Customer) -> bool:
    """Whether a customer ever paid more than nothing, here, at Stripe or before it came here."""
    known = invoices.newest(session, customer.internal_id, _LOOKED_AT)
    if any(one.amount_paid is not None and one.amount_paid > 0 for one in known):
        return True
    stripe_id = customer.stripe_id
    return stripe_id is not None and stripe_coupons.has_paid(session.environment, stripe_id)
