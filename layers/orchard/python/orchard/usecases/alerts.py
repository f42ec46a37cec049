"""Telling the user's own systems, through an event bus, what a write did to a balance.

Notices are functions of the images alone, their ids included: a record that the stream delivers
again tells the same under the same id, so that receivers can drop what they know.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from orchard.contracts.numbers import number
from orchard.domain import alerts, ids
from orchard.domain.alerts import Limit
from orchard.domain.decision import USAGE_LIMIT
from orchard.domain.holding import Alert
from orchard.domain.ledger import Passage
from orchard.domain.scope import Subject
from orchard.gateways import bus
from orchard.store.stored import Stored

ALERT, LIMIT = "balances.usage_alert_triggered", "balances.limit_reached"
#: In `last`, of a writer that looked at several balances: another one still lets the use go on.
GOES_ON = "goes_on"


class Notice(NamedTuple):
    """One thing to tell: what it is, what there is to say of it, and when it was (UTC ms)."""

    kind: str
    detail: dict[str, Any]
    at: int


def notices(tenant: str, stored: Stored, passage: Passage) -> tuple[Notice, ...]:
    """Return what is to be told of a balance after a write that led to it by this passage.

    Alerts are told of whatever changed the balance, time included; a limit is reached by a write.
    """
    crossed = (
        *alerts.crossed(passage.earlier, passage.before),
        *alerts.crossed(passage.before, passage.after),
    )
    return (
        *(_notice(tenant, stored, ALERT, {"usage_alert": _alert(one)}) for one in crossed),
        *(_notice(tenant, stored, LIMIT, _limit(one)) for one in _reached(stored, passage)),
    )


def _reached(stored: Stored, passage: Passage) -> Iterator[Limit]:
    """The limits reached; a balance that is used up is none while another one pays."""
    place = stored.place
    before, after = {place: passage.before}, {place: passage.after}
    for limit in alerts.reached(before, after, Subject(place.entity_id), place.feature_id):
        if limit.kind == USAGE_LIMIT or not stored.last.get(GOES_ON):
            yield limit


def publish(told: Iterable[Notice]) -> None:
    """Put notices on the bus. Errors: `Unavailable` when it does not take all of them."""
    entries = [{"detail_type": one.kind, "detail": one.detail, "time": one.at} for one in told]
    if entries:
        bus.publish(entries)


def _notice(tenant: str, stored: Stored, kind: str, said: dict[str, Any]) -> Notice:
    place, last = stored.place, stored.last
    organization, _, environment = tenant.partition("/")
    at = int(last["at"])
    parts = (tenant, stored.internal_id, place.feature_id, place.entity_id or "", str(stored.seq))
    detail = {
        "id": ids.derived("ntc_", at, *parts, kind, repr(said)),
        "organization": organization,
        "environment": environment,
        "customer_id": stored.hot_id,
        "feature_id": place.feature_id,
        **({} if place.entity_id is None else {"entity_id": place.entity_id}),
        **said,
    }
    return Notice(kind, detail, at)


def _alert(one: Alert) -> dict[str, Any]:
    named = {} if one.name is None else {"name": one.name}
    return {**named, "threshold": number(one.threshold), "threshold_type": one.kind}


def _limit(one: Limit) -> dict[str, Any]:
    filtered = {"filter": {"properties": dict(one.filter)}} if one.filter else {}
    return {"limit_type": one.kind, **filtered}
