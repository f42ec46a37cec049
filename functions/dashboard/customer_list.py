"""The list of customers: its filters, which the address holds all of, and its rows."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from dashboard import terminal
from orchard.contracts.customer_reads import ListCustomersRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import OrchardError

PAGE = 50
STATUSES = {"active": "Active", "scheduled": "Scheduled"}
_ADDRESS = "/dashboard/customers"

prepare(ListCustomersRequest)


class Filters(NamedTuple):
    """What is looked for, as the address says it; "" where nothing is asked for."""

    search: str = ""
    status: str = ""
    plan: str = ""
    order: str = ""
    cursor: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return the filters of an address; unknown statuses and orders count for nothing."""
        status, order = query.get("status", ""), query.get("order", "")
        return cls(
            search=query.get("q", "").strip(),
            status=status if status in STATUSES else "",
            plan=query.get("plan", ""),
            order="asc" if order == "asc" else "",
            cursor=query.get("cursor", ""),
        )

    @property
    def narrow(self) -> bool:
        """Whether some customers may be left out."""
        return bool(self.search or self.status or self.plan)

    @property
    def address(self) -> str:
        """The address of the page with these filters, without those that are not set."""
        named = dict(zip(("q", "status", "plan", "order", "cursor"), self, strict=True))
        asked = urlencode({name: value for name, value in named.items() if value})
        return f"{_ADDRESS}?{asked}" if asked else _ADDRESS

    @property
    def first(self) -> str:
        """The address of the first page."""
        return self._replace(cursor="").address

    @property
    def turned(self) -> str:
        """The address of the same in the other order."""
        return self._replace(order="" if self.order else "asc", cursor="").address

    def after(self, cursor: str) -> str:
        """Return the address of the page behind a place."""
        return self._replace(cursor=cursor).address

    @property
    def request(self) -> ListCustomersRequest:
        """The request of the API that this page is. Errors: `InvalidInputs`."""
        return parse(ListCustomersRequest, self.body)

    @property
    def body(self) -> dict[str, Any]:
        """The body of that request."""
        asked: dict[str, Any] = {
            "search": self.search,
            "subscription_status": self.status,
            "plans": self.plan and [{"id": self.plan}],
            "sort_order": self.order,
            "start_cursor": self.cursor,
        }
        return {name: value for name, value in asked.items() if value} | {"limit": PAGE}

    @property
    def curl(self) -> str:
        """The same request for a terminal."""
        return terminal.curl("customers.list", self.body)


def row(view: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a customer as the list shows it; `names` are those of plans by id."""
    held = [(one, status(one)) for one in view["subscriptions"]]
    held += [(one, ("Bought", "secondary")) for one in view["purchases"]]
    return {
        "id": view["id"] or "",
        "name": view["name"] or "",
        "email": view["email"] or "",
        "created_at": view["created_at"],
        "is_going": view.get("status") == "deleting",
        "products": [
            {"name": names.get(one["plan_id"], one["plan_id"]), "status": word, "color": color}
            for one, (word, color) in held
        ],
    }


def status(subscription: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a subscription is in, in one word, and the colour for it."""
    words = (
        (subscription["past_due"], "Past due", "red"),
        (subscription["status"] == "scheduled", "Scheduled", "azure"),
        (subscription["canceled_at"], "Ending", "orange"),
        (subscription["trial_ends_at"], "Trial", "purple"),
    )
    return next(((word, color) for holds, word, color in words if holds), ("Active", "green"))


def explained(error: OrchardError) -> str:
    """Return what to say of filters that the API refuses."""
    if error.code == "invalid_cursor":
        return "This page of the list is not there any more."
    return error.message
