"""GET /dashboard/customers/{id}/why"""

from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import forms, terminal
from dashboard.customer import features as customer_features
from dashboard.customer import products as customer_products
from dashboard.customer import reading as customer_reading
from dashboard.customer import why
from dashboard.customer.tabs import Place
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, query, visit
from orchard.contracts.explaining import ExplainRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.users import Act
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases import explaining

router = Pages()

prepare(ExplainRequest)
_NAMED = {
    "check_id": "check",
    "event_id": "event",
    "idempotency_key": "key",
    "feature_id": "feature",
    "required_balance": "amount",
    "timestamp": "at",
}


@router.get(f"{HOME}/<customer_id>/why")
def show(customer_id: str) -> Response[str]:
    """Explain why the customer is blocked or was charged."""
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    place = Place(unquote(customer_id), "features")
    values = forms.typed(query(visitor.event), why.FIELDS)
    if not why.is_asked(values):
        return _page(visitor, place, values)
    try:
        body = why.body(place.customer_id, values)
        told = explaining.explain(visitor.session, parse(ExplainRequest, body))
    except OrchardError as refused:
        named, _, _ = refused.message.partition(":")
        own = refused.message.replace(named, _NAMED.get(named, named), 1)
        wrong = forms.wrong(OrchardError(own, refused.code), why.FIELDS)
        return _page(visitor, place, values, wrong, http.status_of(refused))
    return _page(visitor, place, values, told=told, curl=terminal.curl("balances.explain", body))


def _page(
    visitor: Visit,
    place: Place,
    values: dict[str, str],
    wrong: Wrong = RIGHT,
    status: int = 200,
    **answered: Any,
) -> Response[str]:
    customer = customer_reading.found(visitor, place)
    told = answered.get("told")
    plans = customer_products.names(customer)
    return visitor.page(
        "customer/why.html",
        status,
        called=customer_reading.called(customer, place),
        back=place.address,
        address=f"{place.page}/why",
        choices={"": "None"} | customer_features.choices(customer),
        values=values,
        wrong=wrong,
        told=told and why.in_words(told, plans),
        curl=answered.get("curl", ""),
    )
