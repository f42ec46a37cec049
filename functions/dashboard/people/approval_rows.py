"""Requests for approval in words: what is asked for, what it grants, what came of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from dashboard import terminal
from dashboard.customer import balance_edit
from dashboard.figures import moment, number
from orchard.contracts.numbers import plain
from orchard.domain.approvals import Approval, Decision, State
from orchard.domain.granted import Granted
from orchard.domain.users import User
from orchard.usecases.granting_caps import Outlook

type View = Mapping[str, Any]

ADDRESS = "/dashboard/approvals"
_STATES = {
    State.WAITING: ("Waiting", "azure"),
    State.APPROVED: ("Approved", "green"),
    State.DECLINED: ("Declined", "red"),
    State.WITHDRAWN: ("Withdrawn", "secondary"),
    State.EXPIRED: ("Expired", "secondary"),
}
#: The fields of the requests of the API, with the words for what each of them does.
_AMOUNTS = {
    "add_to_balance": "add {}",
    "remaining": "set what is left to {}",
    "current_balance": "set what is left to {}",
    "usage": "set what is used to {}",
    "included_grant": "grant {}",
    "granted_balance": "grant {}",
}
_TIMES = {
    "next_reset_at": "reset on {}",
    "ends_at": "until {}",
    "expires_at": "ends on {}",
}


def row(one: Approval, now: int) -> dict[str, Any]:
    """Return a request as it is listed."""
    word, color = _STATES[one.state(now)]
    return {
        "address": f"{ADDRESS}/{one.id}",
        "at": one.asked_at,
        "who": _person(one.asked_by),
        "customer_id": one.customer_id,
        "customer": customer(one),
        "feature": one.feature_id,
        "what": what(one),
        "state": word,
        "color": color,
    }


def shown(one: Approval, user: User, now: int) -> dict[str, Any]:
    """Return a request as its own page shows it, and what somebody may do with it."""
    state, seen = one.state(now), one.seen
    waits = state is State.WAITING
    return {
        **row(one, now),
        "id": one.id,
        "units": "more than any cap" if one.units is None else number(one.units),
        "cap": number(one.cap),
        "expires_at": one.expires_at if waits else None,
        "reason": one.body.get("reason") or "",
        "reference": one.body.get("reference") or "",
        "before": balance_edit.now(seen["before"]) if seen else "",
        "after": balance_edit.now(seen["after"]) if seen else "",
        "json": json.dumps(plain(one.body), ensure_ascii=False, indent=2),
        "curl": terminal.curl(one.operation, plain(one.body)),
        "decision": one.decision and _decision(one, one.decision),
        "may_decide": waits and one.may_decide(user),
        "may_withdraw": waits and user.id == one.asker_id,
        "is_own": user.id == one.asker_id,
        "waits": waits,
    }


def customer(one: Approval) -> str:
    """Return the address of the customer's page."""
    return f"/dashboard/customers/{quote(one.customer_id, safe='')}"


def what(one: Approval) -> str:
    """Return in words what is asked for: `Add 500, until 01 Dec 2026, 00:00 UTC`."""
    text = ", ".join(_parts(one.body)) or "switch it on"
    return text[:1].upper() + text[1:]


def outlook(found: Outlook | None) -> str:
    """Return what somebody is told beforehand; "" for who is under no cap."""
    if found is None:
        return ""
    left = (
        f"{number(found.left)} of the {number(found.cap)} that you may grant in 24 hours are left"
    )
    if found.is_within:
        return f"not needed: this grants {units(found.granted)}, and {left}"
    return f"an admin has to approve this: it grants {units(found.granted)}, and {left}"


def units(granted: Granted) -> str:
    """Return how much something grants."""
    return "more than any cap" if granted.unbounded else number(granted.units)


def _parts(body: View) -> Iterator[str]:
    for name, words in _AMOUNTS.items():
        if body.get(name) is not None:
            yield words.format(number(body[name]))
    if body.get("unlimited"):
        yield "grant without limit"
    if body.get("reset"):
        yield f"anew every {body['reset']['interval'].replace('_', ' ')}"
    for name, words in _TIMES.items():
        if body.get(name) is not None:
            yield words.format(moment(int(body[name])))


def _person(actor: str) -> str:
    return actor.removeprefix("user:")


def _decision(one: Approval, made: Decision) -> dict[str, Any]:
    return {
        "by": _person(made.by),
        "at": made.at,
        "note": made.note,
        "change": f"{customer(one)}?tab=changes&change={made.change_id}" if made.change_id else "",
    }
