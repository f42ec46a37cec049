"""Request and response of `balances.explain`, and the ids that denied checks bear."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, model_validator

from orchard.contracts.check_ids import LONGEST_ID, unpacked
from orchard.contracts.fields import CustomerId, Id, Properties, Quantity, Timestamp, fault
from orchard.contracts.numbers import number, optional, plain
from orchard.contracts.request import Request
from orchard.domain import changes, reasons
from orchard.domain.basis import (
    Basis,
    Considered,
    Explanation,
    Payer,
    Window,
)
from orchard.domain.ledger import UsageEvent
from orchard.domain.quantity import exact

#: What only one of the ways to ask goes along with, by the field that says the way.
_WAYS = {
    "feature_id": ("entity_id", "required_balance", "properties"),
    "event_id": ("timestamp",),
    "check_id": (),
    "idempotency_key": (),
}


class ExplainRequest(Request):
    """Why? Of a feature now, or of an event, a denied check or an idempotency key."""

    customer_id: CustomerId
    feature_id: Id | None = None
    entity_id: Id | None = None
    required_balance: Quantity = exact(1)
    properties: Properties | None = None
    event_id: Id | None = None
    #: The event's own time, which tells where it is kept.
    timestamp: Timestamp | None = None
    check_id: Annotated[str, Field(max_length=LONGEST_ID)] | None = None
    idempotency_key: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        asked = [way for way in _WAYS if getattr(self, way) is not None]
        if len(asked) != 1:
            raise fault("ask for exactly one of feature_id, event_id, check_id, idempotency_key")
        for way, fields in _WAYS.items():
            for name in fields:
                if way not in asked and name in self.model_fields_set:
                    raise fault(f"{name}: goes with {way} only")
        return self


class KeyUse(NamedTuple):
    """A use of an idempotency key: how it was sent, and until when it blocks repetitions.

    `made` is the id of the event or change that came of it, if one did at once.
    """

    sent_as: str
    at: int
    until: int
    request_id: str | None
    made: str | None


def response(kind: str, customer_id: str, explained: Explanation) -> dict[str, Any]:
    """Return why a use is allowed or not, now (`now`) or when it was checked (`check`)."""
    basis = explained.basis
    return {
        **_head(kind, customer_id, explained.feature_id, explained.entity_id, explained.at),
        "allowed": explained.allowed,
        "required_balance": number(explained.required),
        **shown(basis),
        "complete": not basis.omitted,
        "summary": reasons.of_question(explained),
    }


def event_response(customer_id: str, event: UsageEvent) -> dict[str, Any]:
    """Return what a recorded use took, and why not more or from elsewhere."""
    known = event.considered != []
    basis = unpacked(event.considered) if event.considered else _alone(event)
    told = {**shown(basis), "sources": _taken(basis)}
    if not known:
        told |= _paid(event)
    return {
        **_head("event", customer_id, event.name, event.entity_id, event.at),
        "event": {
            "id": event.id,
            "timestamp": event.timestamp,
            "value": number(event.value),
            "properties": json.loads(event.properties),
            "deductions": plain(event.deductions),
            "actor": changes.actor(event.by)._asdict(),
            "request_id": event.request_id,
            "idempotency_key": event.idempotency_key,
        },
        **told,
        "complete": known and not basis.omitted,
        "summary": reasons.of_event(event, basis if known else None),
    }


def key_response(customer_id: str, key: str, uses: Sequence[KeyUse]) -> dict[str, Any]:
    """Return when and by what an idempotency key was used."""
    return {
        "type": "idempotency_key",
        "customer_id": customer_id,
        "idempotency_key": key,
        "uses": [
            {
                "sent_as": use.sent_as,
                "at": use.at,
                "request_id": use.request_id,
                **_made(use.made),
                "repeats_refused_until": use.until,
            }
            for use in uses
        ],
        "summary": " ".join(
            reasons.of_key(key, use.sent_as, use.at, use.until, use.made or use.request_id)
            for use in uses
        ),
    }


def _made(made: str | None) -> dict[str, Any]:
    is_event = made is not None and made.startswith("evt_")
    return {"event_id": made if is_event else None, "change_id": None if is_event else made}


def _alone(event: UsageEvent) -> Basis:
    """What an event rested on that one source paid whole, or that moved nothing."""
    cost = exact(event.deducted / event.value) if event.deductions and event.value else exact(1)
    holds = event.before["remaining"]
    return Basis(
        tuple(
            Considered(
                one["balance_id"], one["feature_id"], holds, one["value"], cost, one["plan_id"]
            )
            for one in event.deductions or ()
        )
    )


def _taken(basis: Basis) -> list[dict[str, Any]]:
    """The sources of an event; how far each could be overdrawn then is not always known."""
    found = [_source(one, place) for place, one in enumerate(basis.sources, 1)]
    return [{name: one[name] for name in one if name != "overage"} for one in found]


def _paid(event: UsageEvent) -> dict[str, Any]:
    """What is known of the sources of an event whose basis is not."""
    sources = [
        {"position": place, **{name: one[name] for name in ("balance_id", "feature_id", "plan_id")}}
        | {"entity_id": None, "credit_cost": None, "holds": None, "gives": number(one["value"])}
        for place, one in enumerate(event.deductions or (), 1)
    ]
    return {"sources": sources, "not_covered": None}


def shown(basis: Basis) -> dict[str, Any]:
    """Return what a use rested on."""
    return {
        "answered_by": basis.answering,
        "limit": basis.limit,
        "not_covered": number(basis.not_covered),
        "sources": [_source(one, place) for place, one in enumerate(basis.sources, 1)],
        "omitted": basis.omitted,
        "features": [_payer(one) for one in basis.payers],
    }


def _head(
    kind: str, customer_id: str, feature_id: str, entity_id: str | None, at: int
) -> dict[str, Any]:
    return {
        "type": kind,
        "customer_id": customer_id,
        "entity_id": entity_id,
        "feature_id": feature_id,
        "at": at,
    }


def _source(one: Considered, position: int) -> dict[str, Any]:
    return {
        "position": position,
        "balance_id": one.balance_id,
        "feature_id": one.feature_id,
        "entity_id": one.entity_id,
        "plan_id": one.plan_id,
        "credit_cost": number(one.cost),
        "holds": number(one.holds),
        "overage": optional(one.overage),
        "unlimited": one.unlimited,
        "flag": one.boolean,
        "gives": number(one.gives),
    }


def _payer(one: Payer) -> dict[str, Any]:
    spend = one.spend_limit
    limits = spend and {
        "overage_limit": number(spend.limit),
        "limit_type": "usage_percentage" if spend.is_percentage else "absolute",
        "enabled": spend.enabled,
        "left": optional(one.spend_left),
    }
    return {
        "feature_id": one.feature_id,
        "held": one.held,
        "credit_cost": number(one.cost),
        "required_balance": number(one.required),
        "remaining": number(one.remaining),
        "beyond": optional(one.beyond),
        "allowed": one.allowed,
        "limit": one.limit,
        "overage_allowed": one.overage_allowed,
        "max_purchase": optional(one.max_purchase),
        "spend_limit": limits,
        "usage_limits": [_window(window) for window in one.windows],
    }


def _window(one: Window) -> dict[str, Any]:
    return {
        "limit": number(one.limit),
        "interval": one.interval,
        "used": number(one.used),
        "left": number(one.left),
        "resets_at": one.resets_at,
        "enabled": one.enabled,
        "applies": one.applies,
        "filter": {"properties": dict(one.filter)} if one.filter else None,
    }
