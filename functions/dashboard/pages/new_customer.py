"""GET /dashboard/new-customer and POST /dashboard/customers"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.customer.tabs import Place
from dashboard.customers import new_customer as customer_form
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, form, visit
from dashboard.performing import performed
from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.users import Act
from orchard.errors import Conflict, CustomerNotFound, Invalid, OrchardError
from orchard.store.session import Session
from orchard.triggers import http
from orchard.usecases import creating, viewing

type View = Mapping[str, Any]

router = Pages()

prepare(GetCustomerRequest)


@router.get("/dashboard/new-customer")
def new() -> Response[str]:
    """Show the form for a new customer."""
    visitor = visit(router)
    visitor.current.user.must(Act.EDIT)
    return _form(visitor, customer_form.first())


@router.post(HOME)
def create() -> Response[str]:
    """Tell who would be created, or create the customer and show its page."""
    visitor = visit(router)
    visitor.current.user.must(Act.EDIT)
    fields = form(visitor.event)
    values = forms.typed(fields, (*customer_form.FIELDS, "key"))
    is_tried = fields.get("step") == "preview"
    try:
        asked = customer_form.body(values)
        if is_tried:
            return _form(visitor, values, preview=_preview(visitor, asked))
        return _shown(visitor, _created(visitor, values, customer_form.request(asked)), asked)
    except OrchardError as refused:
        wrong = forms.wrong(refused, customer_form.FIELDS)
        preview = {"wrong": wrong.message} if is_tried else None
        return _form(visitor, values, wrong, http.status_of(refused), preview)


def _form(
    visitor: Visit,
    values: View,
    wrong: Wrong = RIGHT,
    status: int = 200,
    preview: View | None = None,
) -> Response[str]:
    context = {"values": values, "wrong": wrong, "preview": preview}
    return visitor.page("customers/new_customer.html", status, **context)


def _preview(visitor: Visit, asked: View) -> dict[str, str]:
    """Who would be created. Errors: those of `customers.get_or_create`, `Conflict`."""
    request = customer_form.request(asked)
    if request.customer_id is None and not request.email:
        raise Invalid("Type an id or an e-mail")
    _refuse_known(visitor, request)
    told = {"called": customer_form.called(asked), "curl": customer_form.curl(asked)}
    return {"wrong": "", **told}


def _created(visitor: Visit, values: View, request: GetOrCreateCustomerRequest) -> View:
    """Create a customer, once. Errors: `Conflict` when there is one with this id."""
    found: list[View] = []

    def run(session: Session) -> dict[str, Any]:
        found.append(creating.get_or_create(session, request))
        return {}

    if visitor.made(forms.key(values)) is None:
        _refuse_known(visitor, request)
        performed(visitor, values, run)
    if not found:
        # The form was sent before: whoever it created is there.
        return creating.get_or_create(visitor.session, request)
    if found[0]["created_at"] < visitor.now and found[0]["id"] is None:
        raise Conflict("email: there is a customer with this e-mail already")
    return found[0]


def _shown(visitor: Visit, created: View, asked: View) -> Response[str]:
    place = Place(created["id"] or created["autumn_id"])
    return visitor.done(place.address, f"{customer_form.called(asked)} was created.")


def _refuse_known(visitor: Visit, request: GetOrCreateCustomerRequest) -> None:
    """Errors: `Conflict` if there is a customer with this id."""
    if request.customer_id is None:
        return
    try:
        viewing.get(
            visitor.session, parse(GetCustomerRequest, {"customer_id": request.customer_id})
        )
    except CustomerNotFound:
        return
    raise Conflict("customer_id: there is a customer with this id already")
