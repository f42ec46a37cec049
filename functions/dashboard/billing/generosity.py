"""What of a plan gives a customer more than support may grant."""

from dashboard.billing.action import Wanted
from orchard.domain.users import Act, User
from orchard.errors import Forbidden

#: The longest trial, in days, that support may give; months and years are counted as long ones.
_LONGEST_TRIAL = 31
_DAYS = {"day": 1, "month": 31, "year": 366}


def must_be_permitted(asked: Wanted, user: User) -> None:
    """Refuse what gives a customer anything, without a bill. Errors: `Forbidden`."""
    customize = asked.customize
    if customize is not None and customize.model_fields_set - {"free_trial"}:
        user.must(Act.APPROVE)
    given = _given(asked)
    if given and not user.may(Act.APPROVE):
        raise Forbidden(f"{given}: an admin has to do it", "role_not_sufficient")


def _given(asked: Wanted) -> str:
    """What would be had for nothing; "" if nothing is."""
    # What ends a plan without a bill gives nothing.
    if asked.no_billing_changes and getattr(asked, "cancel_action", None) is None:
        return "Without a bill the plan is a gift"
    mode = asked.invoice_mode
    if mode is not None and mode.enable_plan_immediately and not mode.finalize:
        return "While its invoice is a draft the plan is a gift"
    trial = asked.customize.free_trial if asked.customize is not None else None
    if trial is not None and trial.duration_length * _DAYS[trial.duration_type] > _LONGEST_TRIAL:
        return f"A trial of more than {_LONGEST_TRIAL} days is a gift"
    return ""
