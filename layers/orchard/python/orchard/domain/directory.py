"""What people look for in the list of customers, and whether a customer is it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

from orchard.domain.customer import CustomerPlan
from orchard.domain.summary import Summary

type Basis = Literal["granted", "remaining", "usage"]


class Threshold(NamedTuple):
    """A balance of a feature with more, or less, than an amount of what `basis` says."""

    feature_id: str
    basis: Basis
    more: bool
    amount: Decimal

    def holds(self, balance: Summary | None) -> bool:
        """Whether a balance is beyond the threshold; one that is not there never is."""
        if balance is None:
            return False
        if balance.unlimited and self.basis != "usage":
            return self.more
        amount: Decimal = getattr(balance, self.basis)
        return amount > self.amount if self.more else amount < self.amount


class Sought(NamedTuple):
    """Which customers are meant; "" and None where nothing is asked for.

    `status` is one of `statuses` of a plan; with `plan_id`, of that plan. Times are UTC
    milliseconds, both ends included. `features` are those whose balances are to be shown.
    """

    search: str = ""
    status: str = ""
    plan_id: str = ""
    no_plan: bool = False
    created_from: int | None = None
    created_to: int | None = None
    newest_first: bool = True
    threshold: Threshold | None = None
    features: tuple[str, ...] = ()

    @property
    def token(self) -> str | None:
        """What the index must hold of a customer for its plans; None if plans don't matter."""
        if not self.status and not self.plan_id:
            return None
        return f"{self.status or 'any'}:{self.plan_id}"

    @property
    def read(self) -> tuple[str, ...]:
        """The features whose balances are needed."""
        needed = () if self.threshold is None else (self.threshold.feature_id,)
        return tuple(dict.fromkeys((*self.features, *needed)))

    def holds(self, plans: Iterable[CustomerPlan], now: int) -> bool:
        """Whether a customer with these plans, held or not any more, is meant as far as they go."""
        held = [one for one in plans if one.is_held(now)]
        if self.no_plan:
            return not held
        return self.token is None or any(
            self.plan_id in ("", one.plan_id)
            and (not self.status or self.status in one.statuses(now))
            for one in held
        )
