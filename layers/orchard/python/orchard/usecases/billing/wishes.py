"""What a request asks for, and what is chosen to be done about it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import Bought, LineItem
from orchard.domain.billing.order import Effect, Gain, Step
from orchard.domain.billing.transitions import Transition
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.customer import CustomerPlan
from orchard.usecases.billing.deal import Deal


class NextCycle(NamedTuple):
    """What the next invoice comes to, without usage that nobody knows yet."""

    starts_at: int
    lines: tuple[LineItem, ...]
    #: Plans that usage may be billed for.
    metered: tuple[Bought, ...] = ()


class Chosen(NamedTuple):
    """What is to be done, and what it comes to now and with the next invoice."""

    steps: tuple[Step, ...]
    effect: Effect
    lines: tuple[LineItem, ...] = ()
    next_cycle: NextCycle | None = None
    discounts: tuple[Discount, ...] = ()


@dataclass(frozen=True)
class Wish:
    """Plans that are asked for, what they take the place of, and how it is to be paid."""

    deal: Deal
    bought: tuple[Bought, ...]
    gains: tuple[Gain, ...]
    transitions: tuple[Transition, ...]
    discounts: tuple[Discount, ...] = ()
    trial_end: int | None = None
    #: To be paid on Stripe's page.
    by_checkout: bool = False
    #: To be confirmed on a page of ours.
    is_confirmed: bool = False
    has_card: bool = True
    #: Days until a sent invoice is due; None charges the card.
    days_until_due: int | None = None
    finalize: bool = True
    prorate: bool = True
    restart: bool = False
    carry: Carry = NO_CARRY
    success_url: str | None = None
    extra: dict[str, object] = field(default_factory=dict)
    #: Products of which the buyer may choose how many on the page.
    adjustable: tuple[str, ...] = ()
    custom_lines: tuple[LineItem, ...] | None = None
    bills_nothing: bool = False

    @property
    def begins_anew(self) -> bool:
        """Whether the cycle of the subscription begins now: asked for, or a trial ends."""
        ends_trial = self.deal.is_trialing and self.trial_end is None and bool(self.ended)
        return self.restart or ends_trial

    @property
    def ended(self) -> tuple[CustomerPlan, ...]:
        """The plans that end at once."""
        return tuple(one.current for one in self.transitions if one.current and not one.at_end)

    @property
    def gone(self) -> tuple[str, ...]:
        """The plans that the subscription is not to pay for any more, by their ids."""
        return (*self.effect.dropped, *self.effect.ended)

    @property
    def effect(self) -> Effect:
        """What the customer holds in the end."""
        successors = (held.id for one in self.transitions for held in one.successors)
        return Effect(
            gains=self.gains,
            ended=tuple(one.id for one in self.ended),
            dropped=tuple(successors),
            settled=() if self.carry.usages else tuple(one.id for one in self.ended),
            carry=self.carry,
        )
