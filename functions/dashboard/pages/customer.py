"""GET /dashboard/customers/{id}"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import customer_features, customer_products, customer_reading, customer_records
from dashboard.customer_list import explained
from dashboard.customer_tabs import TABS, Place
from dashboard.routes import Pages
from dashboard.visits import HOME, Visit, query, visit
from orchard.contracts.changes import ListChangesRequest
from orchard.contracts.events import ListEventsRequest
from orchard.contracts.invoices import ListInvoicesRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases import changes, events, invoices

type View = Mapping[str, Any]
type Shown = dict[str, Any]

router = Pages()

for model in (ListInvoicesRequest, ListEventsRequest, ListChangesRequest):
    prepare(model)


@router.get(f"{HOME}/<customer_id>")
def show(customer_id: str) -> Response[str]:
    """Show one tab of a customer's page."""
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    place = Place.of(unquote(customer_id), query(visitor.event))
    customer = customer_reading.found(visitor, place)
    try:
        shown, status = _SHOWN[place.tab](visitor, place, customer), 200
    except OrchardError as failed:
        shown, status = {"failed": explained(failed)}, http.status_of(failed)
    return _page(visitor, place, customer, shown, status)


def _page(visitor: Visit, place: Place, customer: View, shown: Shown, status: int) -> Response[str]:
    nothing: Shown = {"failed": "", "following": "", "choices": {}, "rows": []}
    context = {**nothing, **shown, "place": place, "tabs": TABS}
    about = {
        "customer": customer,
        "called": customer_reading.called(customer, place),
        "at_stripe": _at_stripe(customer),
    }
    return visitor.page(f"customer_{place.tab}.html", status, **context, **about)


def _at_stripe(customer: View) -> str:
    """Where Stripe shows the customer to people; "" if Stripe does not know it."""
    if not customer["stripe_id"]:
        return ""
    room = "" if customer["env"] == "live" else "test/"
    return f"https://dashboard.stripe.com/{room}customers/{quote(customer['stripe_id'], safe='')}"


def _products(visitor: Visit, _place: Place, customer: View) -> Shown:
    return {"products": customer_products.products(customer, visitor.now)}


def _features(_visitor: Visit, _place: Place, customer: View) -> Shown:
    shown = customer_features.features(customer)
    return {"features": shown, "flags": customer_features.flags(customer)}


def _invoices(visitor: Visit, place: Place, customer: View) -> Shown:
    found = invoices.list_(visitor.session, parse(ListInvoicesRequest, place.list))
    plans = customer_products.names(customer)
    rows = [customer_records.invoice(one, plans) for one in found["list"]]
    return {"rows": rows, "following": _following(place, found)}


def _events(visitor: Visit, place: Place, customer: View) -> Shown:
    found = events.list_events(visitor.session, parse(ListEventsRequest, place.list))
    rows = [customer_records.event(one) for one in found["list"]]
    choices = customer_features.choices(customer)
    return {"choices": choices, "rows": rows, "following": _following(place, found)}


def _changes(visitor: Visit, place: Place, _customer: View) -> Shown:
    found = changes.list_changes(visitor.session, parse(ListChangesRequest, place.list))
    rows = [customer_records.change(one) for one in found["list"]]
    return {"rows": rows, "following": _following(place, found)}


def _following(place: Place, found: View) -> str:
    cursor = found["next_cursor"]
    return place.after(cursor) if cursor else ""


_SHOWN: dict[str, Callable[[Visit, Place, View], Shown]] = {
    "products": _products,
    "features": _features,
    "invoices": _invoices,
    "events": _events,
    "changes": _changes,
}
