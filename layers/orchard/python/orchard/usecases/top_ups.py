"""Automatic top-ups, as the table's stream sees them: who is to be looked at, what is to be told.

Whoever uses up a balance does no more than that. The consumer of the stream finds what is low
and leaves a message; `billing.topping_up` decides by what the customer has when it gets that.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from orchard.contracts.numbers import number
from orchard.domain import ids
from orchard.domain.billing import top_ups as rules
from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.ledger import Passage
from orchard.errors import Unavailable
from orchard.gateways import queue
from orchard.store import top_ups as records
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.store.stored import Stored
from orchard.usecases.alerts import Notice

ACTOR, USE = "job:top_up", "track"
BOUGHT, FAILED = "billing.auto_topup_succeeded", "billing.auto_topup_failed"
_TOLD = {BOUGHT, FAILED}
QUEUE = "TOP_UP_QUEUE_URL"
_PAUSE_MS, _MOST_REMEMBERED = 60_000, 10_000
#: When this process left a message for a denied check.
_asked: dict[tuple[str, str, str], int] = {}


class Due(NamedTuple):
    """A use after which little was left, `seq` that of the balance then; 0 of a denied check."""

    tenant: str
    internal_id: str
    feature_id: str
    seq: int
    at: int
    request_id: str


def due(tenant: str, stored: Stored, passage: Passage) -> tuple[Due, ...]:
    """Return the use that a write recorded, if it may be time to buy more."""
    threshold = stored.holding.controls.top_up
    is_use = stored.last["kind"] == USE and stored.place.entity_id is None
    if threshold is None or not is_use or not rules.is_low(passage.after, threshold):
        return ()
    last = stored.last
    return (
        Due(
            tenant,
            stored.internal_id,
            stored.feature_id,
            stored.seq,
            int(last["at"]),
            last["request_id"],
        ),
    )


def send(some: Iterable[Due]) -> None:
    """Leave a message for each balance, about its latest use. Errors: `Unavailable`."""
    latest = {(one.tenant, one.internal_id, one.feature_id): one for one in some}
    bodies = [_body(one) for one in latest.values()]
    if bodies and queue.send(bodies, QUEUE) < len(bodies):
        raise Unavailable("The queue of top-ups did not accept a message")


def ask(session: Session, internal_id: str, state: State, features: Iterable[str]) -> None:
    """Leave a message where a check is denied: nobody may use what is left, so no use will tell.

    Once a minute at most from each process. A queue that does not take it spoils no answer.
    """
    for name in () if session.public else features:
        held = state.get(Place(name), NOTHING)
        threshold, key = held.controls.top_up, (session.tenant, internal_id, name)
        is_low = threshold is not None and rules.is_low(held, threshold)
        if is_low and _asked.get(key, 0) <= session.now - _PAUSE_MS:
            if len(_asked) >= _MOST_REMEMBERED:
                _asked.clear()
            _asked[key] = session.now
            queue.send([_body(Due(*key, 0, session.now, session.request_id))], QUEUE)


def notices(tenant: str, old: Item | None, new: Item) -> tuple[Notice, ...]:
    """Return what is to be told of what became of a top-up; nothing of a record that moved."""
    last = new["last"]
    is_moved = old is None and new["version"] > 1
    if is_moved or last["kind"] not in _TOLD or (old and old["last"]["id"] == last["id"]):
        return ()
    organization, _, environment = tenant.partition("/")
    at = int(last["at"])
    detail = {
        "id": ids.derived("ntc_", at, tenant, new["internal_id"], last["id"]),
        "organization": organization,
        "environment": environment,
        "customer_id": new["hot_id"],
        "feature_id": new["feature_id"],
        "quantity": number(last["quantity"]),
        **_plain({name: last[name] for name in ("reason", "invoice") if name in last}),
    }
    return (Notice(last["kind"], detail, at),)


def counted(
    session: Session, account: Account, controls: Mapping[str, Any], counts: Mapping[str, int]
) -> list[Write]:
    """Return the writes that set how many purchases count in the windows of features.

    `controls` are the customer's own, `counts` are by feature.
    """
    last, found = session.stamp("count"), []
    for entry in controls.get("auto_topups") or ():
        name = entry["feature_id"]
        if name in counts:
            before = account.top_up(name)
            after = rules.recounted(before, entry["purchase_limit"], counts[name], session.now)
            found += (
                [] if after == before else [records.put(session, account.customer, after, last)]
            )
    return list(found)


def _body(one: Due) -> str:
    return json.dumps(
        {
            "tenant": one.tenant,
            "environment": one.tenant.rpartition("/")[2],
            "actor": ACTOR,
            "request_id": one.request_id,
            "accepted_at": one.at,
            "customer_id": one.internal_id,
            "feature_id": one.feature_id,
            "seq": one.seq,
        }
    )


def _plain(value: Any) -> Any:
    """A value of the table as JSON has it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value if isinstance(value, str | None) else number(value)
