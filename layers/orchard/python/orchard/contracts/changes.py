"""Request and response of `changes.list`."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from orchard.contracts.cursor import Page, PageRequest
from orchard.contracts.events import TimeRange
from orchard.contracts.fields import CustomerId, Id, Listed
from orchard.contracts.numbers import plain
from orchard.contracts.request import Request
from orchard.domain import changes
from orchard.domain.changes import Wanted
from orchard.domain.ledger import Change, Details

type Action = Literal[
    "balances.create",
    "balances.update",
    "balances.delete",
    "balances.recalculate",
    "balances.reset",
    "customers.create",
    "customers.update",
    "customers.claim",
    "customers.delete",
    "entities.create",
    "entities.update",
    "entities.delete",
    "billing.attach",
    "billing.auto_topup",
    "billing.update",
    "billing.seats",
    "billing.sync",
    "billing.unpaid",
    "plans.ended",
    "subscriptions.changed",
    "subscriptions.ended",
    "rewards.redeem",
    "coupons.add",
    "coupons.remove",
    "changes.undo",
]
type ActorType = Literal["api_key", "dashboard_user", "job", "stripe", "time"]

#: What a line's details say that is shown beside them, or that means nothing to callers.
_SHOWN_BESIDE = {"feature_id", "entity_id", "undoes", "row_id"}


class ActorFilter(Request):
    """Who did it: a type, the name of a key, a user or a job, or both."""

    type: ActorType | None = None
    name: Annotated[str, Field(max_length=500)] | None = None


class ListChangesRequest(PageRequest):
    """Changes that are not usage, newest first: of one customer, or of all."""

    customer_id: CustomerId | None = None
    feature_id: Id | None = None
    entity_id: Id | None = None
    action: Listed[Action] = []
    actor: ActorFilter = ActorFilter()
    custom_range: TimeRange = TimeRange()

    @property
    def wanted(self) -> Wanted:
        """What the changes must have, apart from their customer and their time."""
        named: dict[str, Sequence[str | None]] = {
            changes.ACTION: self.action,
            changes.FEATURE: [self.feature_id],
            changes.ENTITY: [self.entity_id],
            changes.ACTOR: [self.actor.type],
            changes.NAME: [self.actor.name],
        }
        sets = (
            frozenset(changes.token(name, text) for text in texts if text is not None)
            for name, texts in named.items()
        )
        return [some for some in sets if some]


def list_changes_response(page: Page[tuple[Change, ...]], undone: dict[str, str]) -> dict[str, Any]:
    """Return a page of changes; `undone` is by which change each was undone, by its id."""
    shown = [change(lines, undone.get(lines[0].id)) for lines in page.items]
    return {"list": shown, "next_cursor": page.next_cursor}


def change(lines: tuple[Change, ...], undone_by: str | None) -> dict[str, Any]:
    """Return a change as callers see it: its lines in one, the customer's own line first."""
    head = lines[0]
    own = (head.before, head.after) if head.feature_id is None else ({}, {})
    return {
        "id": head.id,
        "timestamp": head.at,
        "customer_id": head.customer_id,
        "action": changes.action_of(head),
        "actor": changes.actor(head.by)._asdict(),
        "reason": head.reason,
        "reference": head.reference,
        "request_id": head.request_id or None,
        "feature_id": changes.feature_of(lines),
        "entity_id": changes.entity_of(lines),
        "before": _fields(own[0]),
        "after": _fields(own[1]),
        "balances": [_balance(line) for line in lines if line.feature_id is not None],
        "details": _details(head),
        "undoes": head.details.get("undoes"),
        "undone_by": undone_by,
        "undoable": undone_by is None and changes.is_undoable(head.kind),
    }


def _fields(side: Details) -> dict[str, Any]:
    """What changed of a customer. Metadata is stored as text and shown as it was sent."""
    shown: dict[str, Any] = plain(side)
    metadata = shown.get("metadata")
    return {**shown, "metadata": json.loads(metadata)} if isinstance(metadata, str) else shown


def _balance(line: Change) -> dict[str, Any]:
    return {
        "feature_id": line.feature_id,
        "entity_id": line.entity_id,
        "before": _side(line.before),
        "after": _side(line.after),
    }


def _side(side: Details) -> dict[str, Any]:
    """Totals, and fields of sources, as they differ from the other side."""
    shown: dict[str, Any] = plain({**side, "sources": side.get("sources", {})})
    return shown


def _details(head: Change) -> dict[str, Any]:
    shown: dict[str, Any] = plain(
        {name: value for name, value in head.details.items() if name not in _SHOWN_BESIDE}
    )
    return shown
