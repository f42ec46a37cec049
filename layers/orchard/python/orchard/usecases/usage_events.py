"""The usage events that one write of a balance recorded: one, or the many of a batch."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from orchard.contracts.balance import paid
from orchard.domain import ledger
from orchard.domain.holding import Place
from orchard.domain.ledger import Details, Passage, UsageEvent
from orchard.domain.quantity import ZERO, total
from orchard.store.rollups import Use, source
from orchard.store.statements import Item
from orchard.store.stored import Stored
from orchard.usecases import resting


def of(stored: Stored, passage: Passage) -> tuple[UsageEvent, ...]:
    """Return the events that a write recorded."""
    if "events" in stored.last:
        return tuple(_batched(stored, passage))
    moved = [paid(movement) for movement in passage.movements(stored.place)]
    deductions = stored.last.get("deductions", moved)
    figures = (ledger.figures(passage.before.own), ledger.figures(passage.after.own))
    considered = resting.seen(stored, passage)
    return (_event(stored, stored.last, deductions, figures, considered),)


def use(tenant: str, stored: Stored, event: UsageEvent) -> Use:
    """Return an event as roll-ups count it."""
    return Use(
        tenant=tenant,
        internal_id=stored.internal_id,
        name=event.name,
        timestamp=event.timestamp,
        source=source(stored.hot_id, stored.feature_id, stored.owner.entity_internal_id),
        seq=stored.seq,
        id=event.id,
        value=event.value,
        deducted=event.deducted,
    )


def named(place: Place) -> tuple[str, ...]:
    """Return what tells a customer's balances apart."""
    return tuple(name for name in place if name is not None)


def _batched(stored: Stored, passage: Passage) -> Iterator[UsageEvent]:
    """The events of a batch; each begins at the figures that the one before it left."""
    sources: list[Item] = stored.last["sources"]
    before = ledger.figures(passage.before.own)
    for told in stored.last["events"]:
        deductions = [{**sources[int(index)], "value": value} for index, value in told["paid"]]
        here = (one["value"] for one in deductions if one["feature_id"] == stored.feature_id)
        after = _less(before, total(here))
        if not told.get("silent"):
            kept = {**stored.last, **told}
            yield _event(stored, kept, deductions, (before, after), resting.UNKNOWN)
        before = after


def _less(figures: Details, used: Decimal) -> Details:
    return {
        "granted": figures["granted"],
        "remaining": max(ZERO, figures["remaining"] - used),
        "usage": figures["usage"] + used,
    }


def _event(
    stored: Stored,
    told: Item,
    deductions: list[Any],
    figures: tuple[Details, Details],
    considered: list[Any] | None,
) -> UsageEvent:
    last = stored.last
    before, after = figures
    return UsageEvent(
        id=told["id"],
        timestamp=int(told["timestamp"]),
        name=last["name"],
        customer_id=stored.hot_id,
        internal_id=stored.internal_id,
        feature_id=stored.feature_id,
        value=told["value"],
        properties=told.get("properties", "{}"),
        deductions=deductions or None,
        before=before,
        after=after,
        at=int(last["at"]),
        by=last["by"],
        request_id=last["request_id"],
        entity_id=last.get("entity_id"),
        idempotency_key=told.get("idempotency_key"),
        considered=considered,
    )
