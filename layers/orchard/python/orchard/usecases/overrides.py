"""What is granted, added or withheld for a while, of one customer or of all: `overrides.list`."""

from collections.abc import Iterator, Mapping
from itertools import batched, takewhile
from typing import Any

from orchard.contracts.cursor import Cursor, page
from orchard.contracts.overrides import (
    Cause,
    Listed,
    ListOverridesRequest,
    list_overrides_response,
)
from orchard.domain import overrides
from orchard.domain.overrides import Override
from orchard.store import customers, keys
from orchard.store import overrides as index
from orchard.store.keys import Key
from orchard.store.overrides import Wanted
from orchard.store.session import Session
from orchard.store.stored import Stored, load
from orchard.usecases.budget import at_most

#: So many balances are read at once.
_READ_AT_ONCE = 100
#: One page comes from so many entries of the index at most.
_MOST_READ = 50_000
_TOO_MANY = (
    f"More than {_MOST_READ} balances would have to be looked through: "
    "say a customer_id, or an earlier ends_before"
)


def list_overrides(session: Session, request: ListOverridesRequest) -> dict[str, Any]:
    """Return a page of what ends by itself, the soonest first.

    Errors: `CustomerNotFound`; `Invalid` when too many balances are to be looked through.
    """
    after = None if request.after is None else (request.after.time, request.after.id)
    found = _found(session, request, after)
    rest: Iterator[Listed] = (one for one in found if after is None or one.position > after)
    if request.ends_before is not None:
        end = request.ends_before
        rest = takewhile(lambda one: one.override.ends_at < end, rest)
    shown = page(rest, request.limit, lambda one: Cursor(*one.position))
    return list_overrides_response(_caused(session, shown.items), shown.next_cursor)


def _found(
    session: Session, request: ListOverridesRequest, after: tuple[int, str] | None
) -> Iterator[Listed]:
    if request.customer_id is None:
        return _of_everybody(session, request, after)
    return iter(_of_one(session, request.customer_id, request.feature_id))


def _of_one(session: Session, customer_id: str, feature_id: str | None) -> list[Listed]:
    account = customers.require(session, customer_id)
    found = [
        listed
        for one in account.balances
        if feature_id in (None, one.feature_id)
        for listed in _in(session, one)
    ]
    return sorted(found, key=lambda one: one.position)


def _of_everybody(
    session: Session, request: ListOverridesRequest, after: tuple[int, str] | None
) -> Iterator[Listed]:
    """Balances that the index names, each read as it is now: what ended already is left out."""
    ends_at, position = after or (0, "")
    budget = at_most(_MOST_READ, _TOO_MANY)
    mark = position.partition("/")[0]
    start = Wanted(request.feature_id, ends_at, mark, looked_at=budget)
    if request.ends_before is not None:
        start = start._replace(before=request.ends_before)
    ends = (
        end
        for end in index.ends(session, start)
        if end.ends_at > session.now and (end.ends_at, end.mark) >= (ends_at, mark)
    )
    for some in batched(ends, min(_READ_AT_ONCE, request.limit + 1), strict=False):
        items = session.table.batch_get(list({end.key for end in some}))
        for end in some:
            if end.key in items:
                held = _in(session, load(items[end.key]))
                yield from (one for one in held if one.position[0] == end.ends_at)


def _in(session: Session, one: Stored) -> list[Listed]:
    mark = index.mark(one.internal_id, one.place)
    return [
        Listed(override, one.hot_id, one.internal_id, one.place, mark, _told(one, override))
        for override in overrides.of(one.current(session.now).rows)
    ]


def _told(one: Stored, override: Override) -> Cause:
    """What the balance itself says of its last change, which the ledger may not hold yet."""
    return _cause(one.last) if one.last["id"] == override.change_id else Cause()


def _caused(session: Session, shown: list[Listed]) -> Iterator[tuple[Listed, Cause]]:
    """Add who made each of them and why, from the lines of the changes.

    What a deleted customer left, and is about to be removed, is left out.
    """
    lines = {one.position: _line(session, one) for one in shown}
    owners = {one.internal_id: keys.pointer(session.tenant, one.internal_id) for one in shown}
    wanted = {key for key in (*lines.values(), *owners.values()) if key is not None}
    found = session.table.batch_get(list(wanted))
    for one in shown:
        key = lines[one.position]
        line = None if key is None else found.get(key)
        if owners[one.internal_id] in found:
            yield one, one.cause if line is None else _cause(line)


def _cause(told: Mapping[str, Any]) -> Cause:
    return Cause(told["by"], told.get("reason"), told.get("reference"))


def _line(session: Session, one: Listed) -> Key | None:
    change_id, at = one.override.change_id, one.override.starts_at
    if change_id is None:
        return None
    place = (name for name in one.place if name is not None)
    return keys.change(session.tenant, one.internal_id, at, change_id, *place)
