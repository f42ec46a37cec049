"""The answer of `balances.preview_update`."""

from decimal import Decimal
from typing import Any, NamedTuple

from orchard.contracts import balance as contract
from orchard.contracts.granting import UpdateBalanceRequest
from orchard.contracts.numbers import number
from orchard.domain import effects
from orchard.domain.effects import Changed, Reset
from orchard.domain.holding import State
from orchard.domain.row import Row
from orchard.domain.scope import Subject


class Outlook(NamedTuple):
    """What a check would see: the balances, and whether it would allow one unit."""

    state: State
    allowed: bool


class Bill(NamedTuple):
    """What usage beyond the balance comes to, before and after, in major units of a currency."""

    currency: str
    before: Decimal
    after: Decimal


class Effect(NamedTuple):
    """What an edit would do. `bill` is None where overage has no price."""

    subject: Subject
    before: Outlook
    after: Outlook
    changes: tuple[Changed, ...]
    next_reset: Reset | None
    bill: Bill | None
    version: int


def edit_preview(request: UpdateBalanceRequest, effect: Effect) -> dict[str, Any]:
    """Return an edit's effect as callers see it."""

    def shown(state: State) -> dict[str, Any] | None:
        return contract.shown(state, effect.subject, request.feature_id)

    return {
        "customer_id": request.customer_id,
        "entity_id": request.entity_id,
        "feature_id": request.feature_id,
        "version": effect.version,
        "before": {"allowed": effect.before.allowed, "balance": shown(effect.before.state)},
        "after": {"allowed": effect.after.allowed, "balance": shown(effect.after.state)},
        "changes": [_changed(one) for one in effect.changes],
        "lasts_until": effects.lasts_until(effect.changes),
        "next_reset": effect.next_reset
        and {"resets_at": effect.next_reset.at, "balance": shown(effect.next_reset.state)},
        "next_invoice": effect.bill and _bill(effect.bill),
    }


def _changed(one: Changed) -> dict[str, Any]:
    row = one.after or one.before
    return {
        "balance_id": row and (row.external_id or row.id),
        "plan_id": row and row.plan_id,
        "entity_id": one.place.entity_id,
        "before": _source(one.before),
        "after": _source(one.after),
        "lasts_until": one.lasts_until,
    }


def _source(row: Row | None) -> dict[str, Any] | None:
    """A source's signed balance: below 0 it is overdrawn."""
    if row is None:
        return None
    return {
        "granted": number(row.ceiling),
        "balance": number(row.balance),
        "usage": number(row.usage),
        "next_reset_at": row.next_reset_at,
        "expires_at": row.expires_at,
    }


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "currency": bill.currency,
        "before": number(bill.before),
        "after": number(bill.after),
        "change": number(bill.after - bill.before),
    }
