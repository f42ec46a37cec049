"""The lists on the page of a customer, each page of them read from the table.

So much is asked of the table that a page costs four requests at most: with the one for who is
signed in, and the one for the customer.
"""

from collections.abc import Mapping
from typing import Any

from dashboard.customer import calls as customer_calls
from dashboard.customer import features as customer_features
from dashboard.customer import records as customer_records
from dashboard.customer import upcoming as customer_upcoming
from dashboard.customer.tabs import Place
from dashboard.frame.visits import Visit
from orchard.contracts.changes import ListChangesRequest
from orchard.contracts.events import ListEventsRequest
from orchard.contracts.invoices import ListInvoicesRequest
from orchard.contracts.request import parse, prepare
from orchard.usecases import changes, events, invoices, naming
from orchard.usecases.looking import Look

type View = Mapping[str, Any]
type Shown = dict[str, Any]

for model in (ListInvoicesRequest, ListEventsRequest, ListChangesRequest):
    prepare(model)


def of_invoices(visitor: Visit, place: Place, customer: View) -> Shown:
    """Return what the tab of invoices shows. Errors: those of `invoices.list`."""
    asked, look = customer_calls.body(place, visitor.now), _look(customer, 2)
    found = invoices.look_through(visitor.session, parse(ListInvoicesRequest, asked), look)
    names = naming.names(visitor.session)
    rows = [customer_records.invoice(one, names) for one in found["list"]]
    upcoming = customer_upcoming.UNASKED
    if place.asks("upcoming") and customer["stripe_id"]:
        # That Stripe says nothing is told beside the invoices, which are here all the same.
        upcoming, _status = customer_upcoming.asked(visitor, place)
    return {"rows": rows, "upcoming": upcoming, **_further(place, found, look)}


def of_events(visitor: Visit, place: Place, customer: View) -> Shown:
    """Return what the tab of events shows. Errors: those of `events.list`."""
    asked, look = customer_calls.body(place, visitor.now), _look(customer, 2)
    found = events.look_through(visitor.session, parse(ListEventsRequest, asked), look)
    names = naming.names(visitor.session)
    rows = [customer_records.event(one, names) for one in found["list"]]
    choices = customer_features.choices(customer)
    return {"choices": choices, "rows": rows, **_further(place, found, look)}


def of_changes(visitor: Visit, place: Place, customer: View) -> Shown:
    """Return what the tab of changes shows. Errors: those of `changes.list`."""
    names = naming.names(visitor.session)
    if place.asks("change"):
        hot_id, change_id = _hot_id(customer), place.asks("change")
        one = changes.one(visitor.session, customer["autumn_id"], hot_id, change_id)
        return {"rows": [customer_records.change(one, names)], "alone": True}
    # One more is for which of them were undone.
    asked, look = customer_calls.body(place, visitor.now), _look(customer, 1)
    found = changes.look_through(visitor.session, parse(ListChangesRequest, asked), look)
    rows = [customer_records.change(one, names) for one in found["list"]]
    return {"rows": rows, "alone": False, **_further(place, found, look)}


def _look(customer: View, requests: int) -> Look:
    return Look(customer["autumn_id"], _hot_id(customer), requests)


def _hot_id(customer: View) -> str:
    return str(customer["id"] or customer["autumn_id"])


def _further(place: Place, found: View, look: Look) -> Shown:
    """Where the list goes on; if it was not looked through so far, back to when it was."""
    cursor = found["next_cursor"]
    looked_back_to = None if look.reached is None else _milliseconds(place, look.reached.time)
    return {"following": place.after(cursor) if cursor else "", "looked_back_to": looked_back_to}


def _milliseconds(place: Place, time: int) -> int:
    """The time of a cursor: those of events count microseconds."""
    return time // 1000 if place.tab == "events" else time
