"""What `billing.*` answer: what was billed, and what a change would bill."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from orchard.contracts.numbers import number, optional
from orchard.domain.billing.lines import LineItem, Period, sum_of
from orchard.domain.quantity import total


class Invoiced(NamedTuple):
    """An invoice that a change made; `obstacle` is what stands against its payment."""

    stripe_id: str
    status: str
    total: Any
    currency: str
    hosted_invoice_url: str | None
    obstacle: str | None = None


class Party(NamedTuple):
    """A plan that comes or goes, with its quantities; `effective_at` is when it does."""

    plan_id: str
    quantities: tuple[tuple[str, Any], ...]
    effective_at: int | None
    canceled_at: int | None = None
    expires_at: int | None = None


class Usage(NamedTuple):
    """A feature of a plan that usage will be billed of, and the period of that."""

    plan_id: str
    feature_id: str
    display_name: str
    period: Period


class Cycle(NamedTuple):
    """The next invoice, without usage: its lines, and the features that usage is billed of."""

    starts_at: int
    lines: tuple[LineItem, ...]
    usage: tuple[Usage, ...] = ()


class Shown(NamedTuple):
    """What a change would do."""

    customer_id: str
    currency: str
    lines: tuple[LineItem, ...]
    incoming: tuple[Party, ...]
    outgoing: tuple[Party, ...]
    next_cycle: Cycle | None = None
    checkout_type: str | None = None


#: Said of a payment of which nothing else is known.
UNPAID = "The payment was not made"
#: Why a payment was not made, in a sentence.
_REASONS = {
    "3ds_required": "The bank asks the customer to confirm the payment",
    "payment_method_required": "There is no payment method to charge",
    "payment_failed": "The payment method was declined",
    "payment_processing": "The payment is on its way and not confirmed yet",
}


def billed(
    customer_id: str,
    entity_id: str | None,
    payment_url: str | None,
    invoice: Invoiced | None,
) -> dict[str, Any]:
    """Return what came of a change: the page to pay on, the invoice, what has to be done."""
    answer: dict[str, Any] = {"customer_id": customer_id, "payment_url": payment_url}
    if entity_id is not None:
        answer["entity_id"] = entity_id
    if invoice is not None:
        answer["invoice"] = {
            "status": invoice.status,
            "stripe_id": invoice.stripe_id,
            "total": number(invoice.total),
            "currency": invoice.currency,
            "hosted_invoice_url": invoice.hosted_invoice_url,
        }
        if invoice.obstacle is not None:
            reason = _REASONS.get(invoice.obstacle, UNPAID)
            answer["required_action"] = {"code": invoice.obstacle, "reason": reason}
    return answer


def preview(shown: Shown) -> dict[str, Any]:
    """Return what a change would do, as callers see it."""
    return {
        "customer_id": shown.customer_id,
        "line_items": [_line(one) for one in shown.lines],
        **_sums(shown.lines),
        "currency": shown.currency,
        **({} if shown.next_cycle is None else {"next_cycle": _cycle(shown.next_cycle)}),
        "incoming": [_party(one) for one in shown.incoming],
        "outgoing": [_party(one) for one in shown.outgoing],
        "redirect_to_checkout": shown.checkout_type is not None,
        "checkout_type": shown.checkout_type,
    }


def upcoming(at: int, currency: str, lines: tuple[LineItem, ...]) -> dict[str, Any]:
    """Return the next invoice of a subscription, as customers show it."""
    return {
        "plan_ids": list(dict.fromkeys(one.plan_id for one in lines if one.plan_id)),
        "invoice_at": at,
        "currency": currency,
        **_sums(lines),
        "line_items": [_line(one) for one in lines],
    }


def _cycle(cycle: Cycle) -> dict[str, Any]:
    return {
        "starts_at": cycle.starts_at,
        **_sums(cycle.lines),
        "line_items": [_line(one) for one in cycle.lines],
        "usage_line_items": [
            {
                "display_name": one.display_name,
                "plan_id": one.plan_id,
                "feature_id": one.feature_id,
                "period": one.period._asdict(),
            }
            for one in cycle.usage
        ],
    }


def _sums(lines: tuple[LineItem, ...]) -> dict[str, Any]:
    return {
        "subtotal": number(total(line.amount for line in lines)),
        "total": number(sum_of(lines)),
    }


def _line(line: LineItem) -> dict[str, Any]:
    view: dict[str, Any] = {
        "display_name": line.display_name,
        "description": line.description,
        "subtotal": number(line.amount),
        "total": number(line.total),
        "discounts": list(_reductions(line)),
        "plan_id": line.plan_id,
        "feature_id": line.feature_id,
        "quantity": number(line.quantity),
    }
    if line.period is not None:
        view["period"] = line.period._asdict()
    return view


def _reductions(line: LineItem) -> Iterable[dict[str, Any]]:
    for one in line.reductions:
        named = {"percent_off": optional(one.percent_off), "reward_name": one.coupon_name}
        yield {
            "amount_off": number(one.amount_off),
            "reward_id": one.coupon_id,
            **{name: value for name, value in named.items() if value is not None},
        }


def _party(party: Party) -> dict[str, Any]:
    return {
        "plan_id": party.plan_id,
        "feature_quantities": [
            {"feature_id": name, "quantity": number(value)} for name, value in party.quantities
        ],
        "effective_at": party.effective_at,
        "canceled_at": party.canceled_at,
        "expires_at": party.expires_at,
    }
