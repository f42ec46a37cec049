"""The tabs of the page of a customer, and what the address says of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode

from orchard.domain.users import Act, User

#: The words for the tabs, the first of which is shown unless another is asked for.
TABS = {
    "products": "Products",
    "features": "Features",
    "entities": "Entities",
    "invoices": "Invoices",
    "events": "Events",
    "changes": "Changes",
    "rewards": "Rewards",
    "details": "Details",
    "settings": "Settings",
}
FIRST = "products"
#: The tabs that are lists, with the operation that each of them is.
LISTS = {
    "entities": "entities.list",
    "invoices": "invoices.list",
    "events": "events.list",
    "changes": "changes.list",
}
#: What else the address of a tab may say: its filters.
FILTERS: dict[str, tuple[str, ...]] = {
    "entities": ("search",),
    "invoices": ("status", "upcoming"),
    "events": ("feature", "since", "from", "to", "property", "value"),
    "changes": ("what", "feature", "who", "name", "since", "from", "to", "change"),
}
#: So many pages can be gone back to, one by one.
_MOST_PAST = 60
_BETWEEN_CURSORS = "."
_NAMES = ["balances.feature", "flags.feature", "subscriptions.plan", "purchases.plan"]
#: Where nothing of the catalogue is shown.
_NAMELESS = ("changes", "rewards", "details", "settings")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Place(NamedTuple):
    """What is looked at, as the address says it: a tab, its filters, a page of its list."""

    customer_id: str
    tab: str = FIRST
    filters: Mapping[str, str] = _NOTHING
    #: Where the page begins, and the pages before it, the first page excepted.
    cursor: str = ""
    past: tuple[str, ...] = ()

    @classmethod
    def of(cls, customer_id: str, query: Mapping[str, str]) -> Self:
        """Return what an address asks for; an unknown tab stands for the first."""
        tab = query.get("tab", FIRST)
        if tab not in TABS:
            return cls(customer_id)
        asked = ((name, query.get(name, "").strip()) for name in FILTERS.get(tab, ()))
        filters = {name: value for name, value in asked if value}
        if tab not in LISTS:
            return cls(customer_id, tab, filters)
        past = tuple(filter(None, query.get("past", "").split(_BETWEEN_CURSORS)))
        return cls(customer_id, tab, filters, query.get("cursor", ""), past[-_MOST_PAST:])

    def asks(self, name: str) -> str:
        """Return what a filter is set to; "" if it is not."""
        return self.filters.get(name, "")

    @property
    def page(self) -> str:
        """The address of the customer's page, without a query."""
        return f"/dashboard/customers/{quote(self.customer_id, safe='')}"

    @property
    def address(self) -> str:
        """The address of this place, without what is not set."""
        named = {"tab": "" if self.tab == FIRST else self.tab, **self.filters}
        named |= {"cursor": self.cursor, "past": _BETWEEN_CURSORS.join(self.past)}
        asked = urlencode({name: value for name, value in named.items() if value})
        return f"{self.page}?{asked}" if asked else self.page

    @property
    def first(self) -> str:
        """The address of the first page of the same list."""
        return self._replace(cursor="", past=()).address

    @property
    def before(self) -> str:
        """The address of the page before this one of the same list."""
        *past, cursor = self.past or ("",)
        return self._replace(cursor=cursor, past=tuple(past)).address

    def after(self, cursor: str) -> str:
        """Return the address of the page behind a place in the list."""
        past = (*self.past, self.cursor)[-_MOST_PAST:] if self.cursor else ()
        return self._replace(cursor=cursor, past=past).address

    def to(self, tab: str, **filters: str) -> str:
        """Return the address of another tab, or of other rows of this one."""
        return Place(self.customer_id, tab, filters).address

    @property
    def customer(self) -> dict[str, Any]:
        """The body of `customers.get` for this tab; names of the catalogue where they show."""
        body: dict[str, Any] = {"customer_id": self.customer_id, "with_autumn_id": True}
        names = [] if self.tab in _NAMELESS else _NAMES
        return {**body, "expand": [*names, "entities"]}


def tabs_of(customer: Mapping[str, Any], user: User) -> dict[str, str]:
    """Return the words for the tabs of a customer: entities have one where there are any."""
    hidden: tuple[str, ...] = () if customer["entities"] else ("entities",)
    hidden += () if user.may(Act.DELETE) else ("settings",)
    return {tab: word for tab, word in TABS.items() if tab not in hidden}
