"""GET /dashboard/customers/{id}/features/{feature}"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import terminal
from dashboard.customer import feature_history
from dashboard.customer import features as customer_features
from dashboard.customer import reading as customer_reading
from dashboard.customer.feature_graph import RANGES, SIZES, Drawn, Graph, period_start
from dashboard.customer.tabs import Place
from dashboard.customers.listing import explained
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, query, visit
from orchard.domain.users import Act
from orchard.errors import NotFound, OrchardError
from orchard.triggers import http, retention
from orchard.usecases import charting
from orchard.usecases.charting import Holder

type View = Mapping[str, Any]

_TAB = "features"
#: More entities than these are typed, not chosen.
_MOST_CHOICES = 200
_NOTHING: dict[str, Any] = {"drawn": None, "bars": [], "marks": [], "summary": None, "since": None}

router = Pages()


class _Asked(NamedTuple):
    """Somebody asks for the page: whose it is, and what is to be drawn."""

    visitor: Visit
    place: Place
    graph: Graph
    held: Holder

    @property
    def balance(self) -> View | None:
        """What there is now; None if there is nothing."""
        found: View | None = self.held.shown["balances"].get(self.graph.feature_id)
        return found


@router.get(f"{HOME}/<customer_id>/features/<feature_id>")
def show(customer_id: str, feature_id: str) -> Response[str]:
    """Show what became of a balance, as a graph and in numbers."""
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    graph = Graph.of(unquote(customer_id), unquote(feature_id), query(visitor.event))
    place = Place(graph.customer_id, _TAB)
    held = customer_reading.holder(visitor, place, graph.entity_id, "entities")
    asked = _Asked(visitor, place, graph, held)
    try:
        shown, status = _drawn(asked), 200
    except NotFound:
        # There is no such feature at all.
        raise
    except OrchardError as failed:
        shown, status = {"failed": explained(failed)}, http.status_of(failed)
    return _page(asked, {**_NOTHING, "failed": "", **shown}, status)


def _drawn(asked: _Asked) -> dict[str, Any]:
    drawn = asked.graph.drawn(asked.balance, asked.visitor.now)
    account, days = asked.held.account, retention.days()
    found = charting.show(asked.visitor.session, account, drawn.request, days)
    return {
        "drawn": drawn,
        "bars": feature_history.bars(found),
        "marks": feature_history.marks(found, asked.place),
        "summary": feature_history.summary(found),
        "since": found["since"],
    }


def _page(asked: _Asked, shown: dict[str, Any], status: int) -> Response[str]:
    drawn: Drawn | None = shown["drawn"]
    place, graph, held = asked.place, asked.graph, asked.held
    one = _now(held, graph.feature_id)
    context = {
        **shown,
        "place": place,
        "graph": graph if drawn is None else drawn.graph,
        "size": drawn.size if drawn else "",
        "curl": drawn.curl if drawn else "",
        "curl_now": _curl(place, graph),
        "called": customer_reading.called(held.customer, place),
        "one": one,
        "feature_name": one["name"] if one else graph.feature_id,
        "ranges": _ranges(asked.balance),
        "sizes": {size: SIZES[size] for size in drawn.sizes} if drawn else {},
        "entities": _entities(held.customer),
        "most_choices": _MOST_CHOICES,
    }
    return asked.visitor.page("customer/feature.html", status, **context)


def _now(held: Holder, feature_id: str) -> dict[str, Any] | None:
    """What there is now, as the tab of features shows it."""
    rows = customer_features.features({**held.customer, "balances": held.shown["balances"]})
    return next((row for row in rows if row["id"] == feature_id), None)


def _ranges(balance: View | None) -> dict[str, str]:
    """The times that there are links for: what never resets has no period."""
    missing = {"custom"} | ({"period"} if period_start(balance) is None else set())
    return {name: word for name, word in RANGES.items() if name not in missing}


def _entities(customer: View) -> dict[str, str]:
    return {one["id"]: one["name"] or one["id"] for one in customer["entities"] if one["id"]}


def _curl(place: Place, graph: Graph) -> str:
    """The call that the figures of now are."""
    if not graph.entity_id:
        return terminal.curl("customers.get", place.customer)
    asked = {"customer_id": place.customer_id, "entity_id": graph.entity_id}
    return terminal.curl("entities.get", asked)
