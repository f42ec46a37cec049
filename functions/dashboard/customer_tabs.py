"""The tabs of the page of a customer: what the address says, and the call of the API it equals."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode

from dashboard import terminal

#: The words for the tabs, the first of which is shown unless another is asked for.
TABS = {
    "products": "Products",
    "features": "Features",
    "invoices": "Invoices",
    "events": "Events",
    "changes": "Changes",
}
FIRST = "products"
LISTS = {"invoices": "invoices.list", "events": "events.list", "changes": "changes.list"}
PAGE = 25
_NAMES = ["balances.feature", "flags.feature", "subscriptions.plan", "purchases.plan"]


class Place(NamedTuple):
    """What is looked at, as the address says it; "" where nothing is asked for."""

    customer_id: str
    tab: str = FIRST
    feature: str = ""
    cursor: str = ""

    @classmethod
    def of(cls, customer_id: str, query: Mapping[str, str]) -> Self:
        """Return what an address asks for; an unknown tab stands for the first."""
        tab = query.get("tab", "")
        if tab not in TABS:
            return cls(customer_id)
        feature = query.get("feature", "") if tab == "events" else ""
        return cls(customer_id, tab, feature, query.get("cursor", "") if tab in LISTS else "")

    @property
    def page(self) -> str:
        """The address of the customer's page, without a query."""
        return f"/dashboard/customers/{quote(self.customer_id, safe='')}"

    @property
    def address(self) -> str:
        """The address of this place, without what is not set."""
        named = {"tab": self.tab, "feature": self.feature, "cursor": self.cursor}
        if self.tab == FIRST:
            named["tab"] = ""
        asked = urlencode({name: value for name, value in named.items() if value})
        return f"{self.page}?{asked}" if asked else self.page

    @property
    def first(self) -> str:
        """The address of the first page of the same list."""
        return self._replace(cursor="").address

    def to(self, tab: str, feature: str = "") -> str:
        """Return the address of another tab."""
        return Place(self.customer_id, tab, feature).address

    def after(self, cursor: str) -> str:
        """Return the address of the page behind a place in the list."""
        return self._replace(cursor=cursor).address

    @property
    def customer(self) -> dict[str, Any]:
        """The body of `customers.get` for this tab; names of the catalogue where they show."""
        body: dict[str, Any] = {"customer_id": self.customer_id, "with_autumn_id": True}
        return body if self.tab == "changes" else {**body, "expand": _NAMES}

    @property
    def list(self) -> dict[str, Any]:
        """The body of the list that this tab is."""
        asked: dict[str, Any] = {
            "customer_id": self.customer_id,
            "feature_id": self.feature,
            "start_cursor": self.cursor,
        }
        return {name: value for name, value in asked.items() if value} | {"limit": PAGE}

    @property
    def curl(self) -> str:
        """The call that this tab equals, for a terminal."""
        if self.tab in LISTS:
            return terminal.curl(LISTS[self.tab], self.list)
        return terminal.curl("customers.get", self.customer)
