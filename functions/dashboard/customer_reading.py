"""The customer that a page is about, read once for its head and its content."""

from collections.abc import Mapping
from typing import Any

from dashboard.customer_tabs import Place
from dashboard.visits import Visit
from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import CustomerNotFound, InvalidInputs
from orchard.usecases import viewing

type View = Mapping[str, Any]

prepare(GetCustomerRequest)


def found(visitor: Visit, place: Place) -> View:
    """Return what `customers.get` says. Errors: as in `request`."""
    return viewing.get(visitor.session, request(place))


def request(place: Place) -> GetCustomerRequest:
    """Return the API's request for a customer.

    Errors: `CustomerNotFound`, for what can be no customer's id.
    """
    try:
        return parse(GetCustomerRequest, place.customer)
    except InvalidInputs:
        raise CustomerNotFound(place.customer_id) from None


def called(customer: View, place: Place) -> str:
    """Return what people call the customer: the name, else the e-mail address, else the id."""
    return str(customer["name"] or customer["email"] or place.customer_id)
