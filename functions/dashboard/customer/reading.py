"""The customer that a page is about, read once for its head and its content."""

from collections.abc import Mapping
from typing import Any

from dashboard.customer.tabs import Place
from dashboard.frame.visits import Visit
from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import CustomerNotFound, InvalidInputs
from orchard.usecases import charting, viewing
from orchard.usecases.charting import Holder

type View = Mapping[str, Any]

prepare(GetCustomerRequest)


def found(visitor: Visit, place: Place) -> View:
    """Return what `customers.get` says. Errors: as in `request`."""
    return viewing.get(visitor.session, request(place))


def holder(visitor: Visit, place: Place, entity_id: str = "", *expand: str) -> Holder:
    """Return the customer, and what it or one of its entities holds; "" for no entity.

    Errors: as in `request`; `EntityNotFound`.
    """
    return charting.holder(visitor.session, request(place, *expand), entity_id or None)


def request(place: Place, *expand: str) -> GetCustomerRequest:
    """Return the API's request for a customer.

    Errors: `CustomerNotFound`, for what can be no customer's id.
    """
    try:
        body = {**place.customer, "expand": [*place.customer.get("expand", ()), *expand]}
        return parse(GetCustomerRequest, body)
    except InvalidInputs:
        raise CustomerNotFound(place.customer_id) from None


def called(customer: View, place: Place) -> str:
    """Return what people call the customer: the name, else the e-mail address, else the id."""
    return str(customer["name"] or customer["email"] or place.customer_id)
