"""The clock: what falls due happens in its order, each thing at its own time."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from local.stripe import checkout, collecting, cycles, schedules, standing
from local.stripe.account import Document
from local.stripe.bills import SEND
from local.stripe.failures import Refused
from local.stripe.invoices import DRAFT, OPEN, Ledger
from local.stripe.shop import Shop

#: An unpaid first invoice is waited for so long.
_FIRST_PAYMENT = 23 * 3600
_WARNED = 3 * cycles.DAY
_MOST_STEPS = 10_000
_RENEWED = {standing.ACTIVE, standing.TRIALING, standing.PAST_DUE}


class Advance(BaseModel):
    """How far the clock goes: `to` a time or `by` a while, in seconds; 0 catches up.

    A time that has passed sets the clock back.

    `finalize_after`: how long a renewal stays a draft. `stop_after`: the kind of report after
    which the clock stands still.
    """

    model_config = ConfigDict(extra="forbid")

    to: int | None = None
    by: int | None = Field(default=None, ge=0)
    finalize_after: int = Field(default=cycles.HOUR, ge=0)
    stop_after: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Advance":
        if (self.to is None) == (self.by is None):
            raise ValueError("give either to or by")
        return self

    def goal(self, now: int) -> int:
        """Return the time that the clock goes to."""
        return now + (self.by or 0) if self.to is None else self.to


class Due(NamedTuple):
    """Something that happens at a time; of what happens at once, the lower rank first."""

    at: int
    rank: int
    act: Callable[[], object]


type Source = Callable[[Shop, int], Iterable[Due]]


def advance(shop: Shop, asked: Advance) -> Document:
    """Let time pass. Reports are delivered between two steps, so that their receiver sees each.

    Return the time, whether the clock was stopped before it got there, and what was reported.
    Errors: `Refused` while another call advances the clock.
    """
    if not shop.account.advancing.acquire(blocking=False):
        raise Refused("Another call is advancing the clock", status=409)
    try:
        return _advanced(shop, asked)
    finally:
        shop.account.advancing.release()


def _advanced(shop: Shop, asked: Advance) -> Document:
    goal = asked.goal(shop.now())
    said: list[Document] = []
    for due in _steps(shop, goal, asked.finalize_after):
        known = {one["id"] for one in shop.outbox.all()}
        with shop.account.change(), shop.account.at(due.at):
            due.act()
        fresh = [one["event"] for one in shop.outbox.all() if one["id"] not in known]
        said += [{"id": one["id"], "type": one["type"]} for one in fresh]
        if asked.stop_after in {one["type"] for one in fresh}:
            shop.account.set_clock(due.at)
            return {"now": shop.now(), "stopped": True, "reports": said}
        with shop.account.at(due.at):
            shop.outbox.settle_if_sent()
    with shop.account.change():
        shop.account.set_clock(goal)
    return {"now": shop.now(), "stopped": False, "reports": said}


def _steps(shop: Shop, goal: int, wait: int) -> Iterator[Due]:
    """Give what falls due until the goal, one after another: each may make more fall due."""
    now = 0
    for _step in range(_MOST_STEPS):
        with shop.account.lock:
            waiting = [due for source in SOURCES for due in source(shop, wait) if due.at <= goal]
        if not waiting:
            return
        first = min(waiting, key=lambda due: (max(due.at, now), due.rank))
        now = max(first.at, now)
        yield first._replace(at=now)
    raise Refused(f"More than {_MOST_STEPS} things happen until then; advance in smaller steps")


def _subscriptions(shop: Shop, wait: int) -> Iterator[Due]:
    for kept in list(shop.account.objects("subscription").values()):
        if kept["status"] == standing.INCOMPLETE:
            yield Due(kept["created"] + _FIRST_PAYMENT, 0, partial(_give_up, shop, kept))
        if kept["status"] in _RENEWED:
            yield from _of_living(shop, kept, wait)


def _of_living(shop: Shop, kept: Document, wait: int) -> Iterator[Due]:
    yield from _discounts(shop, kept)
    if kept["cancel_at"] is not None:
        reason = "cancellation_requested"
        yield Due(kept["cancel_at"], 2, partial(standing.end, shop, kept, reason))
    if kept["status"] == standing.TRIALING and kept.get("_told") != kept["trial_end"]:
        yield Due(kept["trial_end"] - _WARNED, 0, partial(cycles.tell_trial_end, shop, kept))
    turns_at = schedules.turns_at(shop, kept)
    if turns_at is not None:
        yield Due(turns_at, 1, partial(schedules.turn, shop, kept))
    ends = min(item["current_period_end"] for item in kept["items"])
    yield Due(ends, 3, partial(cycles.renew, shop, kept, wait))


def _discounts(shop: Shop, kept: Document) -> Iterator[Due]:
    for discount_id in kept["discounts"]:
        end = shop.account.get("discount", discount_id)["end"]
        if end is not None:
            yield Due(end, 0, partial(standing.drop_discounts, shop, kept, {discount_id}))


def _invoices(shop: Shop, _wait: int) -> Iterator[Due]:
    for invoice in list(shop.account.objects("invoice").values()):
        at = invoice["automatically_finalizes_at"]
        if invoice["status"] == DRAFT and at is not None:
            yield Due(at, 4, partial(cycles.finish, shop, invoice))
        at = invoice["next_payment_attempt"]
        if invoice["status"] == OPEN and at is not None:
            yield Due(at, 5, partial(collecting.attempt, shop, invoice))
        if _may_be_late(invoice):
            yield Due(invoice["due_date"], 6, partial(_be_late, shop, invoice))


def _may_be_late(invoice: Document) -> bool:
    sent = invoice["status"] == OPEN and invoice["collection_method"] == SEND
    return sent and invoice["due_date"] is not None and not invoice.get("_late")


def _be_late(shop: Shop, invoice: Document) -> None:
    """Report an invoice that was not paid in time; its subscription is past due."""
    invoice["_late"] = True
    Ledger(shop.account, shop.outbox, shop.base).report(invoice["id"], "invoice.overdue")
    kept = shop.account.objects("subscription").get(standing.subscription_of(invoice) or "")
    if kept is not None and kept["status"] == standing.ACTIVE:
        standing.changed(shop, kept, {"status": standing.PAST_DUE})


def _give_up(shop: Shop, kept: Document) -> None:
    """End a subscription whose first invoice nobody paid."""
    invoice = shop.account.objects("invoice").get(kept["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == OPEN:
        Ledger(shop.account, shop.outbox, shop.base).void(invoice["id"])
    if kept["status"] == standing.INCOMPLETE:
        standing.expire(shop, kept)


def _sessions(shop: Shop, _wait: int) -> Iterator[Due]:
    for at in checkout.due(shop.account):
        yield Due(at, 0, partial(checkout.expire_due, shop))


#: What looks for things that fall due.
SOURCES: list[Source] = [_subscriptions, _invoices, _sessions]
