"""Looking through the audit trail: `changes.list`."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from orchard.contracts.changes import ListChangesRequest, change, list_changes_response
from orchard.contracts.cursor import Cursor, Page, page
from orchard.domain import changes as domain
from orchard.domain.changes import Wanted
from orchard.errors import NotFound
from orchard.store import changes, customers
from orchard.store.changes import Lines
from orchard.store.ledger import Selection
from orchard.store.session import Session
from orchard.usecases import budget
from orchard.usecases.looking import Look

#: So many are read at once where most of them may not be meant.
_LOOKED_THROUGH = 1000
#: And so many at least where they are all shown, until a page is full.
_LINES_OF_A_PAGE = 200
#: What an answer has beside its changes, for each of them: also by which it was undone.
_MARGIN = 100


def list_changes(session: Session, request: ListChangesRequest) -> dict[str, Any]:
    """Return a page of changes, newest first.

    Errors: `CustomerNotFound`; `Invalid` when too many are to be looked through.
    """
    selection = _selection(request)
    return _shown(session, _fitting(_found(session, request, selection), request.limit))


def look_through(session: Session, request: ListChangesRequest, look: Look) -> dict[str, Any]:
    """Return a page of a customer's changes as `list_changes` does, with what a look finds.

    Where that was not all, `look.reached` says how far it got. Errors: `Invalid` as there.
    """
    selection = _selection(request)._replace(goes_on=look.goes_on)
    # A change may have many lines, and those of all that are shown are to be among them.
    selection = selection._replace(page=max(selection.page, _LINES_OF_A_PAGE))
    whole = _Whole(changes.of_customer(session, look.internal_id, selection), look)
    found = _fitting(_matching(whole, look.hot_id, request.wanted), request.limit)
    return _shown(session, look.page(found, whole.reached))


def one(session: Session, internal_id: str, hot_id: str, change_id: str) -> dict[str, Any]:
    """Return one change of a customer. Errors: `NotFound`."""
    lines = changes.find(session, internal_id, change_id)
    if not lines:
        raise NotFound(f"This customer has no change {change_id}")
    renamed = tuple(line._replace(customer_id=hot_id) for line in lines)
    return change(renamed, changes.undone(session, lines[:1]).get(change_id))


class _Whole:
    """The changes that a look read to their last line; `reached` is the place of the last one."""

    def __init__(self, found: Iterator[Lines], look: Look) -> None:
        self._found, self._look = found, look
        self.reached: Cursor | None = None

    def __iter__(self) -> Iterator[Lines]:
        """Yield each change once the next one begins, or there is none."""
        last: Lines | None = None
        for lines in self._found:
            if last is not None:
                yield self._seen(last)
            last = lines
        # Where the look ended in the middle of a change, the next one is to read all of that.
        if last is not None and (self._look.stopped_at is None or self.reached is None):
            yield self._seen(last)

    def _seen(self, lines: Lines) -> Lines:
        self.reached = _place(lines)
        return lines


def _selection(request: ListChangesRequest) -> Selection:
    selection = Selection(
        start=request.custom_range.start or 0,
        after=request.after,
        page=_LOOKED_THROUGH if request.wanted else request.limit + 1,
    )
    end = request.custom_range.end
    return selection if end is None else selection._replace(end=end)


def _shown(session: Session, found: Page[Lines]) -> dict[str, Any]:
    undone = changes.undone(session, (lines[0] for lines in found.items))
    return list_changes_response(found, undone)


def _found(session: Session, request: ListChangesRequest, selection: Selection) -> Iterator[Lines]:
    if request.customer_id is None:
        return changes.of_tenant(session, selection, request.wanted)
    customer = customers.locate(session, request.customer_id)
    found = changes.of_customer(session, customer.internal_id, selection)
    return _matching(found, customer.hot_id, request.wanted)


def _matching(found: Iterable[Lines], hot_id: str, wanted: Wanted) -> Iterator[Lines]:
    """The changes that are wanted; a customer that was renamed has its present id throughout."""
    return (
        tuple(line._replace(customer_id=hot_id) for line in lines)
        for lines in found
        if domain.matches(map(domain.tokens, lines), wanted)
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
