"""The graph of a feature: what its address asks for, and the request of the API that it is."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode

from dashboard import terminal
from dashboard.customer.tabs import Place
from dashboard.typed_values import day
from orchard.contracts.history import RANGES_MS, HistoryRequest
from orchard.contracts.request import parse, prepare
from orchard.domain import interval
from orchard.domain.interval import DAY_MS

type View = Mapping[str, Any]

RANGES = {
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
    "90d": "90 days",
    "period": "This period",
    "custom": "From … to",
}
SIZES = {"hour": "Hour", "day": "Day", "month": "Month"}
USUAL = "30d"
#: Within how many days of which size there are neither too many bars nor too few.
_FITTING = {"hour": (0, 15), "day": (1.5, 390), "month": (60, 3650)}
#: What is chosen first where it fits.
_FIRST = ("day", "hour", "month")

prepare(HistoryRequest)


class Graph(NamedTuple):
    """What is drawn, as the address says it; "" where nothing is asked for."""

    customer_id: str
    feature_id: str
    entity_id: str = ""
    range: str = USUAL
    size: str = ""
    start: str = ""
    end: str = ""

    @classmethod
    def of(cls, customer_id: str, feature_id: str, query: Mapping[str, str]) -> Self:
        """Return what an address asks for; an unknown range stands for the usual one."""
        asked = query.get("range", USUAL)
        whose = (customer_id, feature_id, query.get("entity", "").strip())
        size = query.get("by", "")
        size = size if size in SIZES else ""
        if asked != "custom":
            return cls(*whose, asked if asked in RANGES else USUAL, size)
        start, end = (query.get(name, "").strip() for name in ("from", "to"))
        return cls(*whose, asked, size, start, end)

    @property
    def page(self) -> str:
        """The address without a query."""
        place = Place(self.customer_id)
        return f"{place.page}/features/{quote(self.feature_id, safe='')}"

    @property
    def address(self) -> str:
        """The address, without what is not set."""
        named = {
            "entity": self.entity_id,
            "range": "" if self.range == USUAL else self.range,
            "by": self.size,
            "from": self.start,
            "to": self.end,
        }
        asked = urlencode({name: value for name, value in named.items() if value})
        return f"{self.page}?{asked}" if asked else self.page

    def over(self, name: str) -> str:
        """Return the address of another range."""
        return self._replace(range=name, size="", start="", end="").address

    def by(self, size: str) -> str:
        """Return the address with another size of the bars."""
        return self._replace(size=size).address

    def drawn(self, balance: View | None, now: int) -> "Drawn":
        """Return what is drawn at a time of a balance as it is. Errors: `InvalidInputs`."""
        body: dict[str, Any] = {"customer_id": self.customer_id, "feature_id": self.feature_id}
        if self.entity_id:
            body["entity_id"] = self.entity_id
        begun = period_start(balance)
        if self.range == "custom":
            start, end = self._custom(now)
            body["custom_range"] = {"start": start} | ({} if end is None else {"end": end})
            return _fitted(self, body, (now if end is None else end) - start)
        if self.range == "period" and begun is not None:
            start = min(begun, now)
            return _fitted(self, {**body, "custom_range": {"start": start}}, now - start)
        shown = self if self.range in RANGES_MS else self._replace(range=USUAL)
        return _fitted(shown, {**body, "range": shown.range}, RANGES_MS[shown.range])

    def _custom(self, now: int) -> tuple[int, int | None]:
        """From the start of one day to the end of another (UTC); None: until now."""
        end = day(self.end, "To") + DAY_MS - 1 if self.end else None
        until = now if end is None or end >= now else end
        start = day(self.start, "From") if self.start else max(0, until - RANGES_MS[USUAL])
        return start, None if until == now else end


class Drawn(NamedTuple):
    """A graph with the body of the request that it is, and the sizes that its bars may have."""

    graph: Graph
    body: dict[str, Any]
    sizes: list[str]

    @property
    def size(self) -> str:
        """How long a bar is."""
        return str(self.body["bin_size"])

    @property
    def request(self) -> HistoryRequest:
        """The request of the API. Errors: `InvalidInputs`."""
        return parse(HistoryRequest, self.body)

    @property
    def curl(self) -> str:
        """The same for a terminal."""
        return terminal.curl("balances.history", self.body)


def period_start(balance: View | None) -> int | None:
    """Return when the present period of a balance began; None if it never resets."""
    if balance is None or balance["next_reset_at"] is None:
        return None
    resets = [line["reset"] for line in balance["breakdown"] if line["reset"]]
    for reset in resets:
        if reset["resets_at"] == balance["next_reset_at"]:
            count = reset.get("interval_count", 1)
            return interval.after(reset["resets_at"], reset["interval"], count, -1)
    return None


def _fitted(graph: Graph, body: dict[str, Any], length_ms: int) -> Drawn:
    days = length_ms / DAY_MS
    sizes = [size for size, (least, most) in _FITTING.items() if least <= days <= most]
    first = next((size for size in _FIRST if size in sizes), "day")
    size = graph.size if graph.size in sizes else first
    return Drawn(graph._replace(size=graph.size and size), {**body, "bin_size": size}, sizes)
