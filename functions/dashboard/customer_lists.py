"""The lists on the page of a customer, each page of them read from the table."""

from collections.abc import Mapping
from typing import Any

from dashboard import customer_calls, customer_features, customer_products, customer_records
from dashboard.customer_tabs import Place
from dashboard.visits import Visit
from orchard.contracts.changes import ListChangesRequest
from orchard.contracts.events import ListEventsRequest
from orchard.contracts.invoices import ListInvoicesRequest
from orchard.contracts.request import parse, prepare
from orchard.usecases import changes, events, invoices

type View = Mapping[str, Any]
type Shown = dict[str, Any]

for model in (ListInvoicesRequest, ListEventsRequest, ListChangesRequest):
    prepare(model)


def of_invoices(visitor: Visit, place: Place, customer: View) -> Shown:
    """Return what the tab of invoices shows. Errors: those of `invoices.list`."""
    asked = customer_calls.body(place, visitor.now)
    found = invoices.list_(visitor.session, parse(ListInvoicesRequest, asked))
    plans = customer_products.names(customer)
    rows = [customer_records.invoice(one, plans) for one in found["list"]]
    return {"rows": rows, "following": _following(place, found)}


def of_events(visitor: Visit, place: Place, customer: View) -> Shown:
    """Return what the tab of events shows. Errors: those of `events.list`."""
    asked = customer_calls.body(place, visitor.now)
    found = events.list_events(visitor.session, parse(ListEventsRequest, asked))
    rows = [customer_records.event(one) for one in found["list"]]
    choices = customer_features.choices(customer)
    return {"choices": choices, "rows": rows, "following": _following(place, found)}


def of_changes(visitor: Visit, place: Place, _customer: View) -> Shown:
    """Return what the tab of changes shows. Errors: those of `changes.list`."""
    asked = customer_calls.body(place, visitor.now)
    found = changes.list_changes(visitor.session, parse(ListChangesRequest, asked))
    rows = [customer_records.change(one) for one in found["list"]]
    return {"rows": rows, "following": _following(place, found)}


def _following(place: Place, found: View) -> str:
    cursor = found["next_cursor"]
    return place.after(cursor) if cursor else ""
