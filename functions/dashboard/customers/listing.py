"""The list of customers: its filters and its place, which the address holds all of."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast
from urllib.parse import urlencode

from dashboard import terminal
from dashboard.typed_values import amount, day
from orchard.contracts.customer_reads import ListCustomersRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.directory import Basis, Sought, Threshold
from orchard.domain.interval import DAY_MS
from orchard.errors import InvalidInputs, OrchardError

PAGE = 50
STATUSES = {
    "active": "Active",
    "scheduled": "Scheduled",
    "past_due": "Past due",
    "trial": "Trial",
    "cancelling": "Cancelling",
}
#: What of a balance is compared, and how.
BASES = {"remaining": "left", "usage": "used", "granted": "limit"}
WAYS = {"less": "less than", "more": "more than"}
#: In place of a plan's id, which can't hold this: customers without any.
NO_PLAN = "!none"
#: So many features have a column at most.
MOST_COLUMNS = 4
_OF_THE_API = ("", "active", "scheduled")
_ADDRESS = "/dashboard/customers"
#: A box that is ticked to show the column of a feature.
_BOX = "column:"
#: The names in the address, in the order of the fields below.
_NAMES = ("q", "status", "plan", "from", "to", "feature", "of", "than", "amount", "order", "cols")
_PLACES = ("cursor", "before")

prepare(ListCustomersRequest)


class Filters(NamedTuple):
    """What is looked for, as the address says it; "" where nothing is asked for.

    `cursor` is the place that the page begins behind, `before` the one that it ends before.
    """

    search: str = ""
    status: str = ""
    plan: str = ""
    created_from: str = ""
    created_to: str = ""
    feature: str = ""
    basis: str = ""
    than: str = ""
    amount: str = ""
    order: str = ""
    columns: str = ""
    cursor: str = ""
    before: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return the filters of an address; choices that there are not count for nothing."""
        asked = {name: text.strip() for name, text in query.items()}
        choices = {"status": STATUSES, "of": BASES, "than": WAYS, "order": ("asc",)}
        for name, known in choices.items():
            if asked.get(name) not in known:
                asked.pop(name, None)
        if not asked.get("feature"):
            asked |= {"feature": "", "of": "", "than": "", "amount": ""}
        asked["cols"] = _columns(asked)
        if asked.get("cursor"):
            asked.pop("before", None)
        return cls(*(asked.get(name, "") for name in (*_NAMES, *_PLACES)))

    @property
    def narrow(self) -> bool:
        """Whether some customers may be left out."""
        return bool(self.search or self.on)

    @property
    def on(self) -> int:
        """How many filters are on, apart from the search."""
        created = self.created_from or self.created_to
        return sum(map(bool, (self.status, self.plan, created, self.has_threshold)))

    @property
    def has_threshold(self) -> bool:
        """Whether balances are compared; until there is an amount they are not."""
        return bool(self.feature and self.amount)

    @property
    def shown(self) -> tuple[str, ...]:
        """The features that have a column."""
        return tuple(self.columns.split(",")) if self.columns else ()

    @property
    def query(self) -> dict[str, str]:
        """The names and values of the address, without those that are not set."""
        named = zip((*_NAMES, *_PLACES), self, strict=True)
        return {name: value for name, value in named if value}

    @property
    def address(self) -> str:
        """The address of the page with these filters, without those that are not set."""
        asked = urlencode(self.query, safe=",!")
        return f"{_ADDRESS}?{asked}" if asked else _ADDRESS

    @property
    def first(self) -> str:
        """The address of the first page."""
        return self.home.address

    @property
    def home(self) -> Self:
        """The same filters at the first page."""
        return self._replace(cursor="", before="")

    @property
    def cleared(self) -> str:
        """The address without filters, in the same order and with the same columns."""
        return Filters(order=self.order, columns=self.columns).address

    @property
    def turned(self) -> str:
        """The address of the same in the other order."""
        return self.home._replace(order="" if self.order else "asc").address

    def after(self, cursor: str) -> str:
        """Return the address of the page behind a place."""
        return self.home._replace(cursor=cursor).address

    def ahead(self, cursor: str) -> str:
        """Return the address of the page that ends before a place."""
        return self.home._replace(before=cursor).address

    @property
    def sought(self) -> Sought:
        """The customers that are meant. Errors: `InvalidInputs` for what can't be read."""
        start, end = self._created
        return Sought(
            search=self.request.search,
            status=self.status,
            plan_id="" if self.plan == NO_PLAN else self.plan,
            no_plan=self.plan == NO_PLAN,
            created_from=start,
            created_to=end,
            newest_first=not self.order,
            threshold=self._threshold,
            features=self.shown,
        )

    @property
    def request(self) -> ListCustomersRequest:
        """The nearest request of the API. Errors: `InvalidInputs`."""
        return parse(ListCustomersRequest, self.body)

    @property
    def body(self) -> dict[str, Any]:
        """The body of that request: what the API can't be asked for is left out."""
        start, end = self._created
        span = {name: at for name, at in (("start", start), ("end", end)) if at is not None}
        asked: dict[str, Any] = {
            "search": self.search,
            "subscription_status": self.status if self.status in _OF_THE_API else "",
            "plans": [{"id": self.plan}] if self.plan not in ("", NO_PLAN) else [],
            "created_at_range": span,
            "sort_order": self.order,
            "start_cursor": self.cursor,
        }
        return {name: value for name, value in asked.items() if value} | {"limit": PAGE}

    @property
    def is_of_the_api(self) -> bool:
        """Whether the API can be asked for the same."""
        told = self.status in _OF_THE_API and self.plan != NO_PLAN
        return told and not self.has_threshold and not self.before

    @property
    def curl(self) -> str:
        """The same request for a terminal; "" if the API can't be asked for it."""
        try:
            return terminal.curl("customers.list", self.body) if self.is_of_the_api else ""
        except InvalidInputs:
            return ""

    @property
    def _created(self) -> tuple[int | None, int | None]:
        """From when until when, both included."""
        start = day(self.created_from, "The first day") if self.created_from else None
        end = day(self.created_to, "The last day") + DAY_MS - 1 if self.created_to else None
        if start is not None and end is not None and start > end:
            raise InvalidInputs("The first day must not be after the last day")
        return start, end

    @property
    def _threshold(self) -> Threshold | None:
        if not self.has_threshold:
            return None
        basis = cast("Basis", self.basis or "remaining")
        return Threshold(self.feature, basis, self.than == "more", amount(self.amount))


def status(subscription: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a subscription is in, in one word, and the colour for it."""
    words = (
        (subscription["past_due"], "Past due", "red"),
        (subscription["status"] == "scheduled", "Scheduled", "azure"),
        (subscription["canceled_at"], "Cancelling", "orange"),
        (subscription["trial_ends_at"], "Trial", "purple"),
    )
    return next(((word, color) for holds, word, color in words if holds), ("Active", "green"))


def explained(error: OrchardError) -> str:
    """Return what to say of filters that the API refuses."""
    if error.code == "invalid_cursor":
        return "This page of the list is not there any more."
    return error.message


def _columns(asked: Mapping[str, str]) -> str:
    """The features with a column: those of a link, and those that are ticked in the form."""
    ticked = [name.removeprefix(_BOX) for name in asked if name.startswith(_BOX)]
    listed = [*asked.get("cols", "").split(","), *ticked]
    return ",".join(list(dict.fromkeys(filter(None, listed)))[:MOST_COLUMNS])
