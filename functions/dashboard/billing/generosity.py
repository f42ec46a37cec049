"""What of a plan gives a customer more than support may grant."""

from collections.abc import Iterable, Mapping
from typing import Any

from dashboard.billing.action import Wanted
from orchard.contracts.coupons import AddCouponRequest
from orchard.domain.users import Act, User
from orchard.errors import Forbidden
from orchard.store.session import Session
from orchard.usecases import free_coupons, rewards
from orchard.usecases.billing.purchases.discounting import Asked

type View = Mapping[str, Any]

#: The longest trial, in days, that support may give; months and years are counted as long ones.
_LONGEST_TRIAL = 31
#: The longest that support may let an invoice wait, in days.
_LONGEST_TERMS = 30
_ALL_OFF = "With 100 % off everything is a gift"
_DAYS = {"day": 1, "month": 31, "year": 366}


def must_be_permitted(session: Session, asked: Wanted, user: User) -> None:
    """Refuse what gives a customer anything, without a bill.

    Errors: `Forbidden`; those of Stripe, which tells how much a coupon is.
    """
    if user.may(Act.APPROVE):
        return
    customize = asked.customize
    if customize is not None and customize.model_fields_set - {"free_trial"}:
        user.must(Act.APPROVE)
    given = _given(asked)
    if given:
        raise _refusal(given)
    for one in asked.discounts:
        _must_leave_something(session, Asked(one.reward_id, one.promotion_code))


def must_cost_something(preview: View) -> None:
    """Refuse a purchase for which discounts leave nothing to pay, now or next time.

    `preview` is that of billing. However many coupons there are, and whatever they are worth, it
    tells what comes of them. Errors: `Forbidden`.
    """
    for bill in (preview, preview.get("next_cycle") or {}):
        if bill.get("total", 0) <= 0 < bill.get("subtotal", 0):
            raise _refusal(_ALL_OFF)


def invoices_must_stay(before: Iterable[View], after: Iterable[View]) -> None:
    """Refuse a coupon with which an invoice has nothing to pay any more. Errors: `Forbidden`."""
    left = {(one["invoice_at"], *one["plan_ids"]): one["total"] for one in after}
    for one in before:
        if left.get((one["invoice_at"], *one["plan_ids"]), 0) <= 0 < one["total"]:
            raise _refusal(_ALL_OFF)


def reward_must_be_permitted(session: Session, asked: AddCouponRequest, user: User) -> None:
    """Refuse rewards that grant features, which no cap counts, and those that leave no bill.

    Errors: as above.
    """
    if user.may(Act.APPROVE):
        return
    if any(one["id"] == asked.coupon_id for one in rewards.every(session)["feature_grants"]):
        raise _refusal("A reward that grants features is under no cap")
    _must_leave_something(session, Asked(asked.coupon_id))


def _must_leave_something(session: Session, asked: Asked) -> None:
    if free_coupons.takes_all(session, asked):
        raise _refusal(_ALL_OFF)


def _refusal(given: str) -> Forbidden:
    return Forbidden(f"{given}: an admin has to do it", "role_not_sufficient")


def _given(asked: Wanted) -> str:
    """What would be had for nothing; "" if nothing is."""
    # What ends a plan without a bill gives nothing.
    if getattr(asked, "cancel_action", None) is None:
        if asked.no_billing_changes:
            return "Without a bill the plan is a gift"
        if asked.proration_behavior == "none":
            return "Without a bill the rest of the period is a gift"
    late = _late(asked)
    if late:
        return late
    trial = asked.customize.free_trial if asked.customize is not None else None
    if trial is not None and trial.duration_length * _DAYS[trial.duration_type] > _LONGEST_TRIAL:
        return f"A trial of more than {_LONGEST_TRIAL} days is a gift"
    return ""


def _late(asked: Wanted) -> str:
    """What is given before an invoice is paid; "" if that is not for long."""
    mode = asked.invoice_mode
    if mode is None:
        return ""
    if mode.enable_plan_immediately and not mode.finalize:
        return "While its invoice is a draft the plan is a gift"
    if (mode.net_terms_days or 0) > _LONGEST_TERMS:
        return f"To wait more than {_LONGEST_TERMS} days for the payment is a gift"
    return ""
