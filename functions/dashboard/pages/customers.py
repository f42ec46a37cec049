"""GET and POST /dashboard/customers, GET /dashboard/new-customer"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response

from dashboard import customer_form, customer_list, customer_rows, filter_words, view_links
from dashboard.answers import sent_on
from dashboard.customer_form import Wrong
from dashboard.customer_list import BASES, MOST_COLUMNS, NO_PLAN, STATUSES, WAYS, Filters
from dashboard.routes import Pages
from dashboard.visits import HOME, Visit, form, query, visit
from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.request import parse, prepare
from orchard.domain.saved_views import View
from orchard.domain.users import Act
from orchard.errors import Conflict, CustomerNotFound, Invalid, OrchardError
from orchard.triggers import http
from orchard.usecases import creating, directory, saved_views, viewing
from orchard.usecases.directory import Choices, Spot

router = Pages()

_CHOICES = {"statuses": STATUSES, "bases": BASES, "ways": WAYS, "most_columns": MOST_COLUMNS}

prepare(GetCustomerRequest)


@router.get(HOME)
def index() -> Response[str]:
    """Show a page of the customers that are looked for."""
    visitor = visit(router)
    visitor.current.user.must(Act.VIEW)
    asked = query(visitor.event)
    filters = Filters.of(asked)
    answered = _index(visitor, filters, asked.get("created", ""))
    # What is typed into the search box gets the address that a link to it would have.
    answered.headers["hx-replace-url"] = filters.address
    return answered


@router.get("/dashboard/new-customer")
def new() -> Response[str]:
    """Show the form for a new customer."""
    visitor = visit(router)
    visitor.current.user.must(Act.EDIT)
    return _form(visitor, customer_form.typed({}), Wrong())


@router.post(HOME)
def create() -> Response[str]:
    """Create the customer, and show it in the list."""
    visitor = visit(router)
    visitor.current.user.must(Act.EDIT)
    values = customer_form.typed(form(visitor.event))
    try:
        created = _created(visitor, values)
    except (Invalid, Conflict) as refused:
        wrong = customer_form.wrong(refused)
        return _form(visitor, values, wrong, http.status_of(refused))
    shown = created["name"] or created["id"] or created["email"]
    return sent_on(f"{HOME}?{urlencode({'created': shown})}")


def _index(visitor: Visit, filters: Filters, created: str) -> Response[str]:
    session, known = visitor.session, Choices({}, {})
    try:
        known = directory.choices(session)
        found = directory.page(session, filters.sought, Spot(filters.cursor, filters.before))
    except OrchardError as failed:
        told = customer_list.explained(failed)
        return _list(visitor, filters, known, http.status_of(failed), failed=told)
    rows = customer_rows.shown(found, filters, known, visitor.now)
    words = filter_words.in_words(session, filters._replace(order="", columns=""))
    return _list(visitor, filters, known, views=found.views, created=created, words=words, **rows)


def _list(
    visitor: Visit,
    filters: Filters,
    known: Choices,
    status: int = 200,
    views: Iterable[View] | None = None,
    **told: Any,
) -> Response[str]:
    views = saved_views.every(visitor.session) if views is None else views
    nothing: dict[str, Any] = {"rows": [], "following": "", "previous": "", "looked_at": None}
    nothing |= {"failed": "", "created": "", "words": []}
    context = {**nothing, **told, "filters": filters, **_CHOICES}
    shown = {"plans": {NO_PLAN: "No plan", **known.plans}, "features": known.features}
    links = view_links.links(views, filters)
    return visitor.page("customers.html", status, views=links, **shown, **context)


def _form(
    visitor: Visit, values: Mapping[str, str], wrong: Wrong, status: int = 200
) -> Response[str]:
    return visitor.page("new_customer.html", status, values=values, wrong=wrong)


def _created(visitor: Visit, values: Mapping[str, str]) -> dict[str, Any]:
    """Create a customer. Errors: `Conflict` when there is one with this id."""
    request = customer_form.request(values)
    if request.customer_id is not None and _exists(visitor, request.customer_id):
        raise Conflict("customer_id: there is a customer with this id already")
    view = creating.get_or_create(visitor.session, request)
    if view["created_at"] < visitor.now and view["id"] is None:
        raise Conflict("email: there is a customer with this e-mail already")
    return view


def _exists(visitor: Visit, customer_id: str) -> bool:
    try:
        viewing.get(visitor.session, parse(GetCustomerRequest, {"customer_id": customer_id}))
    except CustomerNotFound:
        return False
    return True
