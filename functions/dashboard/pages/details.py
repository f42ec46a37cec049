"""GET and POST /dashboard/customers/{id}/edit"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.customer import detail_values
from dashboard.customer import details as customer_details
from dashboard.customer import reading as customer_reading
from dashboard.customer.details import About
from dashboard.customer.tabs import Place
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.answers import sent_on
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, form, query, visit
from dashboard.pages.customer import page
from dashboard.performing import performed
from orchard.domain.users import Act
from orchard.errors import Conflict, CustomerNotFound, InvalidInputs, OrchardError
from orchard.triggers import http
from orchard.usecases import customers

type View = Mapping[str, Any]

router = Pages()


@router.get(f"{HOME}/<customer_id>/edit")
def show(customer_id: str) -> Response[str]:
    """Show the details with the form for one of them."""
    visitor, asked = visit(router), query(router.current_event.raw_event)
    visitor.current.user.must(Act.EDIT)
    place = Place(unquote(customer_id), "details")
    if not asked.get("field"):
        return sent_on(place.address)
    about = About.of(asked)
    visitor.current.user.must(about.act)
    edit = _Edit(visitor, place, about)
    return edit.page(customer_details.first(edit.about, edit.customer))


@router.post(f"{HOME}/<customer_id>/edit")
def save(customer_id: str) -> Response[str]:
    """Tell what the edit would do, or do it."""
    visitor = visit(router)
    visitor.current.user.must(Act.EDIT)
    fields = form(visitor.event)
    values = forms.typed(fields, customer_details.FORM)
    place, about = Place(unquote(customer_id), "details"), About.of(values)
    visitor.current.user.must(about.act)
    try:
        edit = _Edit(visitor, place, about)
    except CustomerNotFound:
        return _renamed_before(visitor, about, values)
    try:
        asked = edit.asked(values, gone=fields.get("step") == "remove")
        if fields.get("step") == "preview":
            customer_details.request(asked)
            told = customer_details.preview(about, edit.customer, asked)
            return edit.page(values, preview=told)
        return edit.done(values, asked)
    except OrchardError as refused:
        return edit.refused(values, refused, is_tried=fields.get("step") == "preview")


class _Edit:
    """One detail of a customer that somebody edits."""

    def __init__(self, visitor: Visit, place: Place, about: About) -> None:
        self.visitor, self.place, self.about = visitor, place, about
        self.customer = customer_reading.found(visitor, place)

    def asked(self, values: View, *, gone: bool) -> dict[str, Any]:
        """The body of the call that what was typed equals. Errors: `InvalidInputs`."""
        return customer_details.body(self.place.customer_id, self.about, values, gone=gone)

    def done(self, values: View, asked: View) -> Response[str]:
        """Do it. Errors: those of `customers.update`."""
        visitor, request = self.visitor, customer_details.request(asked)
        new_id = request.new_customer_id

        def run(session: Any) -> dict[str, Any]:
            customers.update(session, request)
            return {"change_id": visitor.made(values["key"])}

        change_id = performed(visitor, values, run)
        place = self.place if new_id is None else Place(new_id, "details")
        return _done(visitor, place, self.about, change_id)

    def refused(
        self, values: dict[str, str], error: OrchardError, *, is_tried: bool
    ) -> Response[str]:
        """Show the form again: with what is wrong, or with what somebody else made of it."""
        if isinstance(error, Conflict) and error.code == "version_conflict":
            change_id = self.visitor.made(values["key"])
            if change_id is not None:
                return _done(self.visitor, self.place, self.about, change_id)
            held = self.about.held(self.customer)
            now = values | {"seen": customer_details.seen(held)}
            theirs = detail_values.in_words(held) or "nothing"
            return self.page(now, status=409, theirs=theirs)
        message = customer_details.fault_of(self.about, error.message)
        wrong = forms.wrong(InvalidInputs(message), ("value", "entry", *customer_details.FORM))
        preview = {"wrong": wrong.message} if is_tried else None
        return self.page(values, wrong, http.status_of(error), preview=preview)

    def page(
        self, values: View, wrong: Wrong = RIGHT, status: int = 200, **told: Any
    ) -> Response[str]:
        nothing = {"theirs": None, "preview": None}
        shown = customer_details.shown(self.customer, self.place) | nothing | told
        shown |= {"editing": self.about, "values": values, "wrong": wrong}
        return page(self.visitor, self.place, self.customer, shown, status)


def _renamed_before(visitor: Visit, about: About, values: View) -> Response[str]:
    """Lead on who sends the form again that gave the customer another id.

    Errors: `CustomerNotFound`.
    """
    place = Place(values["value"], "details")
    change_id = visitor.made(forms.key(values)) if about.field == "id" else None
    if change_id is None:
        raise CustomerNotFound(place.customer_id)
    return _done(visitor, place, about, change_id)


def _done(visitor: Visit, place: Place, about: About, change_id: str | None) -> Response[str]:
    if change_id is None:
        return visitor.done(place.address, "Nothing was changed.")
    undo = f"{place.page}/changes/{change_id}/undo"
    return visitor.done(place.address, f"{about.label} was changed.", undo)
