"""GET /dashboard/customers/{id}"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import Response

from dashboard.customer import actions as customer_actions
from dashboard.customer import calls as customer_calls
from dashboard.customer import controls as customer_controls
from dashboard.customer import details as customer_details
from dashboard.customer import entities as customer_entities
from dashboard.customer import features as customer_features
from dashboard.customer import lists as customer_lists
from dashboard.customer import products as customer_products
from dashboard.customer import reading as customer_reading
from dashboard.customer import rewards as customer_rewards
from dashboard.customer import upcoming as customer_upcoming
from dashboard.customer.tabs import TABS, Place, tabs_of
from dashboard.customers.listing import explained
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, query, visit
from orchard.contracts.numbers import plain
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases import naming

type View = Mapping[str, Any]
type Shown = dict[str, Any]

router = Pages()


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
    return page(visitor, place, customer, shown, status)


def page(visitor: Visit, place: Place, customer: View, shown: Shown, status: int) -> Response[str]:
    """Return the page of a customer with what one of its tabs shows."""
    nothing: Shown = {"failed": "", "as_json": "", "following": "", "choices": {}, "rows": []}
    nothing |= {"looked_back_to": None, "alone": False, "upcoming": customer_upcoming.UNASKED}
    context = {**nothing, **shown, "place": place}
    about = {
        "customer": customer,
        "tabs": tabs_of(customer, visitor.current.user),
        "title": TABS[place.tab],
        "called": customer_reading.called(customer, place),
        "at_stripe": _at_stripe(customer),
        "menu": customer_actions.actions(visitor.current.user),
        "curl": customer_calls.curl(place, visitor.now),
        "filters": customer_calls.WORDS,
    }
    return visitor.page(f"customer/{place.tab}.html", status, **context, **about)


def _at_stripe(customer: View) -> str:
    """Where Stripe shows the customer to people; "" if Stripe does not know it."""
    if not customer["stripe_id"]:
        return ""
    room = "" if customer["env"] == "live" else "test/"
    return f"https://dashboard.stripe.com/{room}customers/{quote(customer['stripe_id'], safe='')}"


def _products(visitor: Visit, _place: Place, customer: View) -> Shown:
    as_json = json.dumps(plain(customer), ensure_ascii=False, indent=2)
    return {"products": customer_products.products(customer, visitor.now), "as_json": as_json}


def _features(visitor: Visit, _place: Place, customer: View) -> Shown:
    shown = customer_features.features(customer)
    controls = customer_controls.controls(customer, naming.names(visitor.session))
    return {"features": shown, "flags": customer_features.flags(customer), "controls": controls}


def _details(_visitor: Visit, place: Place, customer: View) -> Shown:
    return customer_details.shown(customer, place)


def _settings(visitor: Visit, _place: Place, _customer: View) -> Shown:
    visitor.current.user.must(Act.DELETE)
    return {}


_SHOWN: dict[str, Callable[[Visit, Place, View], Shown]] = {
    "products": _products,
    "features": _features,
    "entities": customer_entities.shown,
    "invoices": customer_lists.of_invoices,
    "events": customer_lists.of_events,
    "changes": customer_lists.of_changes,
    "rewards": customer_rewards.shown,
    "details": _details,
    "settings": _settings,
}
