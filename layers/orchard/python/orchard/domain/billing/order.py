"""An order: a change of a customer's billing, decided once and then carried out to its end.

What was decided is kept: the steps to take at Stripe, and the effect on what the customer holds.
Steps are taken with keys that follow from the order, so whoever takes them again, after a crash or
beside a rival, finds the same objects at Stripe. The effect is written when the steps are done, in
the transaction that closes the order.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from orchard.domain.billing.coupons import Discount
from orchard.domain.billing.lines import LineItem
from orchard.domain.billing.seats import Bump
from orchard.domain.billing.stocks import Stock
from orchard.domain.billing.stripe_prices import ProductSpec, SubscriptionItem
from orchard.domain.billing.uses import Use
from orchard.domain.carrying import NO_CARRY, Carry
from orchard.domain.quantity import ZERO

#: Being carried out; waiting for a Checkout session, or for an invoice, to be paid; refused by
#: Stripe, and being taken back.
OPEN, CHECKOUT, PAYMENT, REFUSED = "open", "checkout", "payment", "refused"
#: Nothing of it was done yet: an attach that is to come.
INTENDED = "intended"


class Goods(NamedTuple):
    """Items of a subscription, with the products that their prices belong to."""

    items: tuple[SubscriptionItem, ...] = ()
    products: tuple[ProductSpec, ...] = ()


class Subscribe(NamedTuple):
    """Begin a subscription; `once` are lines of its first invoice alone.

    `days_until_due` sends invoices instead of charging the card.
    """

    goods: Goods
    once: Goods = Goods()
    discounts: tuple[Discount, ...] = ()
    trial_end: int | None = None
    days_until_due: int | None = None
    backdated_to: int | None = None
    cancel_at: int | None = None
    has_card: bool = True
    do: Literal["subscribe"] = "subscribe"


class Bill(NamedTuple):
    """Bill lines by an invoice of their own; `finalize` False leaves it a draft.

    Discounts are in the lines already. What `holds` False may stay unpaid: nothing waits for it.
    `later` puts the lines on the next invoice of the subscription; if that is over by then, what
    does not hold is billed alone.
    """

    lines: tuple[LineItem, ...]
    products: tuple[ProductSpec, ...]
    subscription_id: str | None = None
    days_until_due: int | None = None
    finalize: bool = True
    holds: bool = True
    later: bool = False
    do: Literal["bill"] = "bill"


class Arrange(NamedTuple):
    """Let a subscription have these items, and these discounts, from now on; nothing is billed.

    `restart` begins a new cycle now: Stripe bills it at once, with `lines` beside. `trial_end` 0
    ends a trial. `discounts` None leaves them.
    """

    subscription_id: str
    goods: Goods
    discounts: tuple[Discount, ...] | None = None
    restart: bool = False
    lines: tuple[LineItem, ...] = ()
    trial_end: int | None = None
    do: Literal["arrange"] = "arrange"


class Plan(NamedTuple):
    """Let a subscription have these items from the end of its cycle; without items it ends then.

    `None` as goods takes such a plan back.
    """

    subscription_id: str
    goods: Goods | None
    at: int = 0
    do: Literal["plan"] = "plan"


class End(NamedTuple):
    """End a subscription at once, with nothing billed or credited by that.

    Lines that were `waiting` for its next invoice, by their ids at Stripe, wait no more.
    """

    subscription_id: str
    waiting: tuple[str, ...] = ()
    do: Literal["end"] = "end"


class Refund(NamedTuple):
    """Pay back a part of a paid invoice."""

    stripe_invoice_id: str
    amount: Decimal
    currency: str
    do: Literal["refund"] = "refund"


class Void(NamedTuple):
    """Take back the open invoices of a subscription."""

    subscription_id: str
    do: Literal["void"] = "void"


class Checkout(NamedTuple):
    """Have the customer pay on Stripe's page; the session's settings beside what is sold.

    A page shows one discount: several are shown as the amount `merged` that they come to.
    """

    mode: str
    goods: Goods
    discounts: tuple[Discount, ...] = ()
    trial_end: int | None = None
    success_url: str | None = None
    #: Products of which the buyer may choose how many.
    adjustable: tuple[str, ...] = ()
    merged: Decimal = ZERO
    extra: Mapping[str, Any] = {}
    do: Literal["checkout"] = "checkout"


type Step = Subscribe | Bill | Arrange | Plan | End | Refund | Void | Checkout


class Gain(NamedTuple):
    """A plan that the customer gets: at once, or (`starts_at`) as a scheduled one."""

    customer_plan_id: str
    plan_id: str
    plan_version: int
    custom: Mapping[str, Any] | None = None
    quantities: Mapping[str, Decimal] = {}
    external_id: str | None = None
    entity_id: str | None = None
    starts_at: int | None = None
    trial_ends_at: int | None = None
    ends_at: int | None = None
    canceled_at: int | None = None
    #: Paid through the subscription of the order.
    is_billed: bool = False


class Amendment(NamedTuple):
    """A plan that changes in place: what is given here replaces what the plan has.

    `retried` gives it a trial until `trial_ends_at`, or ends the one it has; `restarted` lets its
    balances reset with the cycle that begins now, `levelled` deducts all usage anew. `is_billed`
    has the subscription of the order pay for it, or (False) none any more; None changes nothing.
    What was bought once since it had the units `before` comes beside.
    """

    customer_plan_id: str
    plan_version: int
    custom: Mapping[str, Any] | None
    quantities: Mapping[str, Decimal]
    upcoming_quantities: Mapping[str, Decimal] = {}
    trial_ends_at: int | None = None
    retried: bool = False
    restarted: bool = False
    levelled: bool = False
    is_billed: bool | None = None
    before: Mapping[str, Decimal] | None = None


class Effect(NamedTuple):
    """What an order changes of what the customer holds; plans by their ids.

    `ended` end at once, `canceled` at a time, `restored` are canceled no more; `dropped` were
    scheduled and are not any more. Of `settled` the usage beyond the balance was billed: so much
    of each row as was `counted`, unless it is free.
    """

    gains: tuple[Gain, ...] = ()
    ended: tuple[str, ...] = ()
    canceled: Mapping[str, int] = {}
    restored: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    amended: tuple[Amendment, ...] = ()
    settled: tuple[str, ...] = ()
    counted: Mapping[str, Mapping[str, Decimal]] = {}
    carry: Carry = NO_CARRY
    #: Seats that are paid for, or credited.
    seats: tuple[Bump, ...] = ()
    #: Units that are bought by themselves.
    stocks: tuple[Stock, ...] = ()
    #: Use that counts against plans which come back.
    uses: tuple[Use, ...] = ()


class Order(NamedTuple):
    """An order. `digest` tells requests apart; `audit` is who asked and why.

    `results` are the ids that steps made, by their position; `paid_by` the Checkout session or the
    invoice that it waits for, until `expires_at`.
    """

    id: str
    internal_id: str
    stripe_id: str | None
    created_at: int
    kind: str
    digest: str
    currency: str
    steps: tuple[Step, ...]
    effect: Effect
    #: Coupons that it uses, so that those good for one use are used up.
    discounts: tuple[Discount, ...] = ()
    audit: Mapping[str, Any] = {}
    metadata: Mapping[str, str] = {}
    status: str = OPEN
    results: Mapping[str, str] = {}
    paid_by: str | None = None
    payment_url: str | None = None
    expires_at: int | None = None
    #: Whether invoices that are sent get their number now.
    finalizes: bool = True
    #: The effect is made before it is paid for; `undo` takes it back.
    early: bool = False
    undo: Effect = Effect()
    #: What is not paid at once is given up.
    at_once: bool = False
    #: The request of an attach that takes the place of this order when its time has come.
    then: Mapping[str, Any] | None = None
    #: The idempotency keys of the request, by their spaces: whoever finishes it claims them.
    marks: Mapping[str, str] = {}
    #: The offer that it comes of, which is taken with its effect.
    offer: str | None = None
