"""How a subscription starts: with a trial, in full, or free until a day that its cycle begins."""

from typing import NamedTuple

from local.stripe import periods, prices, subscription_items
from local.stripe.account import Document
from local.stripe.failures import Refused

DAY = 86_400
_LONGEST_TRIAL = 730 * DAY


class Start(NamedTuple):
    """When a subscription starts and from when its periods count."""

    now: int
    anchor: int
    is_trial: bool = False

    @property
    def is_stub(self) -> bool:
        """Whether nothing is charged until a day to come, without being a trial."""
        return self.anchor > self.now and not self.is_trial

    def place(self, item: Document) -> None:
        """Put an item into its first period."""
        if self.is_trial:
            subscription_items.until(item, self.now, self.anchor)
            return
        interval = prices.interval(item["price"])
        if self.anchor > periods.around(self.now, interval, self.now).end:
            message = "billing_cycle_anchor cannot be later than next natural billing date"
            raise Refused(message, param="billing_cycle_anchor")
        subscription_items.begin(item, self.anchor, self.now)


def started(given: Document, now: int) -> Start:
    """Return how a call lets a subscription start. Errors: `Refused`."""
    anchor = given.get("billing_cycle_anchor")
    end = trial_end(given, now)
    if end is not None and anchor is not None:
        message = "The double does not support a trial together with billing_cycle_anchor"
        raise Refused(message, param="billing_cycle_anchor")
    if end is not None:
        return Start(now, end, is_trial=True)
    back = given.get("backdate_start_date")
    if back is not None and (anchor is None or back > now):
        message = "The double supports backdate_start_date only in the past, and only together "
        raise Refused(message + "with billing_cycle_anchor", param="backdate_start_date")
    if anchor is None:
        return Start(now, now)
    if anchor <= now:
        raise Refused("billing_cycle_anchor must be in the future.", param="billing_cycle_anchor")
    if given.get("proration_behavior") != "none":
        message = "The double supports billing_cycle_anchor only with proration_behavior none"
        raise Refused(message, param="proration_behavior")
    return Start(now, anchor)


def trial_end(given: Document, now: int) -> int | None:
    """Return when the trial ends that a call asks for, None without one."""
    if "trial_period_days" in given:
        if "trial_end" in given:
            message = "You may only specify one of trial_end and trial_period_days."
            raise Refused(message, param="trial_end")
        days: int = given["trial_period_days"]
        return now + days * DAY if days > 0 else None
    end = given.get("trial_end")
    if end is None or end == "now":
        return None
    if not now < end <= now + _LONGEST_TRIAL:
        message = "Invalid timestamp: trial_end must be in the future, at most two years away."
        raise Refused(message, param="trial_end")
    return int(end)
