"""A plan that is held and what it is to become, with how that is billed."""

from dataclasses import dataclass

from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import Bought
from orchard.domain.billing.order import Amendment, Effect
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.catalog import Plan
from orchard.domain.customer import CustomerPlan
from orchard.usecases.billing.deal import Deal
from orchard.usecases.billing.updates.portions import Portions


@dataclass(frozen=True)
class Alteration:
    """A plan that is held and what it is to become. `before` is it as it is billed now."""

    deal: Deal
    held: CustomerPlan
    before: Bought
    after: Plan
    portions: Portions
    amendment: Amendment | None
    discounts: tuple[Discount, ...] = ()
    carry: Carry = NO_CARRY
    #: What of what was planned is taken back: the plan's own end, and those that waited for it.
    restored: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    prorate: bool = True
    restart: bool = False
    #: When the trial ends that begins now, 0: the present one ends now; None: as it is.
    trial_end: int | None = None
    days_until_due: int | None = None
    finalize: bool = True

    @property
    def now(self) -> Bought:
        """The plan as it is billed from now on."""
        return self.before._replace(plan=self.after, quantities=self.portions.now)

    @property
    def coming(self) -> Bought:
        """The plan as it is billed from the next cycle."""
        held = self.deal.coming(self.held)
        return held._replace(plan=self.after, quantities=self.portions.coming)

    @property
    def restarts(self) -> bool:
        """Whether a cycle begins now, which Stripe bills."""
        return self.restart or self.trial_end == 0

    @property
    def is_trial(self) -> bool:
        """Whether nothing is to be paid for the present time."""
        if self.trial_end is not None:
            return self.trial_end > 0
        return self.deal.is_trialing and not self.restart

    @property
    def effect(self) -> Effect:
        """What the customer holds in the end."""
        return Effect(
            restored=self.restored,
            dropped=self.dropped,
            amended=() if self.amendment is None else (self.amendment,),
            carry=self.carry,
        )
