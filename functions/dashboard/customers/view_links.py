"""Links to the saved views of the customers list."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from dashboard.customers.listing import Filters
from orchard.domain.saved_views import View

PAGE = "/dashboard/views"
_EXPORT = "/dashboard/export"
#: More links than this are folded away.
_MOST_SHOWN = 8


class Link(NamedTuple):
    """A view, where it leads, and whether that is what is being looked at."""

    view: View
    address: str
    is_open: bool


class Links(NamedTuple):
    """The links above the list: the first ones, and those that are folded away."""

    first: list[Link]
    rest: list[Link]
    #: Where what is being looked at can be saved as a view.
    save: str
    #: Where all that is found can be exported.
    export: str


def filters_of(view: View) -> Filters:
    """Return what a view shows, as far as it is known today."""
    return filters_in(view.query)


def filters_in(query: str) -> Filters:
    """Return what a query asks for, at the first page; what can't be read counts for nothing."""
    try:
        return Filters.of(dict(parse_qsl(query, errors="strict"))).home
    except ValueError:
        return Filters()


def query_of(filters: Filters) -> str:
    """Return all that the filters ask for, as it is kept: without the place in the list."""
    return urlencode(filters.home.query)


def links(views: Iterable[View], filters: Filters) -> Links:
    """Return the links for a page with these filters; the open view is among the first."""
    found = [_link(view, filters) for view in views]
    folded = [one for one in found[_MOST_SHOWN:] if not one.is_open]
    first = [one for one in found if one not in folded]
    query = query_of(filters)
    asked = f"?{query}" if query else ""
    return Links(first, folded, f"{PAGE}{asked}", f"{_EXPORT}{asked}")


def _link(view: View, filters: Filters) -> Link:
    shown = filters_of(view)
    return Link(view, shown.address, shown == filters.home)
