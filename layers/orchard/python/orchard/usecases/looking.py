"""Looking through what one customer has, for somebody who waits: only so far at a time."""

from dataclasses import dataclass

from orchard.contracts import cursor
from orchard.contracts.cursor import Cursor, Page
from orchard.store.statements import Item


@dataclass
class Look:
    """One look at a list of a customer that was read before, at most so many requests long.

    Where the requests did not do, the list goes on behind `reached`, though less was found than
    was asked for; None while they did.
    """

    internal_id: str
    hot_id: str
    requests: int
    reached: Cursor | None = None
    #: The key of what was read last when there were no more requests to make.
    _last: Item | None = None

    def goes_on(self, last: Item) -> bool:
        """Whether to read on behind a key."""
        self.requests -= 1
        self._last = last if self.requests <= 0 else None
        return self._last is None

    @property
    def stopped_at(self) -> Item | None:
        """The key of what was read last, if that was not the end of what there is."""
        return self._last

    def page[T](self, found: Page[T], reached: Cursor | None) -> Page[T]:
        """Return a page that goes on where the look stopped, unless it is full already."""
        if found.next_cursor is not None or self._last is None or reached is None:
            return found
        self.reached = reached
        return Page(found.items, cursor.encode(reached))
