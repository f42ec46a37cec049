"""Looking through the audit trail: `changes.list`."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from orchard.contracts.changes import ListChangesRequest, change, list_changes_response
from orchard.contracts.cursor import Cursor, Page, page
from orchard.domain import changes as domain
from orchard.store import changes, customers
from orchard.store.changes import Lines
from orchard.store.ledger import Selection
from orchard.store.session import Session
from orchard.usecases import budget

#: So many are read at once where most of them may not be meant.
_LOOKED_THROUGH = 1000
#: What an answer has beside its changes, for each of them: also by which it was undone.
_MARGIN = 100


def list_changes(session: Session, request: ListChangesRequest) -> dict[str, Any]:
    """Return a page of changes, newest first.

    Errors: `CustomerNotFound`; `Invalid` when too many are to be looked through.
    """
    selection = Selection(
        start=request.custom_range.start or 0,
        after=request.after,
        page=_LOOKED_THROUGH if request.wanted else request.limit + 1,
    )
    if request.custom_range.end is not None:
        selection = selection._replace(end=request.custom_range.end)
    found = _fitting(_found(session, request, selection), request.limit)
    undone = changes.undone(session, (lines[0] for lines in found.items))
    return list_changes_response(found, undone)


def _found(session: Session, request: ListChangesRequest, selection: Selection) -> Iterator[Lines]:
    if request.customer_id is None:
        return changes.of_tenant(session, selection, request.wanted)
    customer = customers.locate(session, request.customer_id)
    # A customer that was renamed is shown under its present id throughout.
    return (
        tuple(line._replace(customer_id=customer.hot_id) for line in lines)
        for lines in changes.of_customer(session, customer.internal_id, selection)
        if domain.matches(map(domain.tokens, lines), request.wanted)
    )


def _fitting(found: Iterator[Lines], limit: int) -> Page[Lines]:
    """Return a page of as many changes as one answer holds; the next one begins behind them."""
    taken: list[Lines] = []
    room = budget.LARGEST_ANSWER
    for lines in islice(found, limit + 1):
        taken.append(lines)
        room -= budget.size(change(lines, None)) + _MARGIN
        if room < 0 and len(taken) > 1:
            return page(taken, len(taken) - 1, _place)
    return page(taken, limit, _place)


def _place(lines: Lines) -> Cursor:
    return Cursor(lines[0].at, lines[0].id)


def newest(session: Session, internal_id: str) -> str | None:
    """Return the id of the latest change of a customer; None if the ledger knows none yet."""
    found = changes.of_customer(session, internal_id, Selection(page=10))
    return next((lines[0].id for lines in found), None)
