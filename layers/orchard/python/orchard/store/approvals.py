"""Requests for approval in the table: those that wait, and those that are decided.

A request moves from the ones to the others in the transaction of what was decided.
"""

from collections.abc import Callable, Iterator

from orchard.domain.approvals import KEPT_DECIDED_MS, KEPT_MS, Approval, Decision, State
from orchard.store import user_keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Delete, Item, Put, Query, Write

_HELD = ("operation", "body", "internal_id", "asked_by", "asker_id", "asked_at", "units", "cap")


def new(session: Session, approval: Approval) -> Put:
    """Return the write of a new request; its form finds it again by what that leaves in `last`."""
    item = _item(user_keys.waiting_approval(session.tenant, approval.id), approval)
    item["ttl"] = (approval.asked_at + KEPT_MS) // 1000 + 1
    return Put({**item, "last": {"id": approval.id}}, "attribute_not_exists(pk)")


def decided(session: Session, approval: Approval, decision: Decision) -> list[Write]:
    """Return the writes of a decision; refused if there is one already."""
    tenant = session.tenant
    item = _item(user_keys.decided_approval(tenant, approval.id), approval)
    item |= {
        "decision": {
            "state": str(decision.state),
            "by": decision.by,
            "at": decision.at,
            "note": decision.note,
            "change_id": decision.change_id,
        },
        "ttl": (decision.at + KEPT_DECIDED_MS) // 1000 + 1,
    }
    gone = Delete(user_keys.waiting_approval(tenant, approval.id), "attribute_exists(pk)")
    return [gone, Put(item, "attribute_not_exists(pk)")]


def find(session: Session, approval_id: str) -> Approval | None:
    """Return a request, whether or not it is decided."""
    makers = (user_keys.decided_approval, user_keys.waiting_approval)
    found = session.table.batch_get([maker(session.tenant, approval_id) for maker in makers])
    return next(map(_approval, found.values()), None)


def waiting(session: Session, after: str, page: int) -> Iterator[Approval]:
    """Yield the requests that are not decided, the newest first, behind one with this id."""
    return _like(session, user_keys.waiting_approval, after, page)


def done(session: Session, after: str, page: int) -> Iterator[Approval]:
    """Yield the requests that are decided, those made last first, behind one with this id."""
    return _like(session, user_keys.decided_approval, after, page)


def _like(
    session: Session, maker: Callable[[str, str], Key], after: str, page: int
) -> Iterator[Approval]:
    first = maker(session.tenant, "")
    query = Query(
        "pk = :pk AND begins_with(sk, :sk)",
        {":pk": first.pk, ":sk": first.sk},
        forward=False,
        start=maker(session.tenant, after)._asdict() if after else None,
        page=page,
    )
    return map(_approval, session.table.query(query))


def _item(place: Key, approval: Approval) -> Item:
    held = {name: getattr(approval, name) for name in _HELD}
    return {"pk": place.pk, "sk": place.sk, "id": approval.id, **held, "seen": approval.seen}


def _approval(item: Item) -> Approval:
    held = {name: item[name] for name in ("id", *_HELD, "seen")}
    made = item.get("decision")
    return Approval(
        **{**held, "asked_at": int(item["asked_at"])}, decision=made and _decision(made)
    )


def _decision(made: Item) -> Decision:
    return Decision(**{**made, "state": State(made["state"]), "at": int(made["at"])})
