"""GET and POST /dashboard/customers/{id}/delete"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.customer import deletion as customer_deletion
from dashboard.customer import reading as customer_reading
from dashboard.customer.tabs import Place
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, form, visit
from dashboard.performing import performed
from orchard.domain.users import Act
from orchard.errors import CustomerNotFound, OrchardError
from orchard.store.customers import Account
from orchard.triggers import http
from orchard.usecases import deletion, deletion_preview

type View = Mapping[str, Any]

router = Pages()


@router.get(f"{HOME}/<customer_id>/delete")
def show(customer_id: str) -> Response[str]:
    """Show what would be lost, and ask for a confirmation."""
    one = _Doomed.of(visit(router), customer_id)
    return _page(one, customer_deletion.first(one.customer))


@router.post(f"{HOME}/<customer_id>/delete")
def delete(customer_id: str) -> Response[str]:
    """Tell what would be lost, or delete the customer and show what was done."""
    visitor = visit(router)
    fields = form(visitor.event)
    values = forms.typed(fields, (*customer_deletion.FIELDS, "key"))
    try:
        one = _Doomed.of(visitor, customer_id)
    except CustomerNotFound:
        return _deleted_before(visitor, values)
    if fields.get("step") == "preview":
        return _page(one, values)
    try:
        customer_deletion.check_typed(one.customer, values)
        return _deleted(one, values)
    except OrchardError as refused:
        wrong = forms.wrong(refused, customer_deletion.FIELDS)
        return _page(one, values, wrong, http.status_of(refused))


class _Doomed(NamedTuple):
    """A customer that somebody may delete."""

    visitor: Visit
    place: Place
    customer: View
    account: Account

    @classmethod
    def of(cls, visitor: Visit, customer_id: str) -> "_Doomed":
        """Errors: `Forbidden`, `CustomerNotFound`."""
        visitor.current.user.must(Act.DELETE)
        place = Place(unquote(customer_id), "settings")
        # What is lost is told with the names of the catalogue.
        named = Place(place.customer_id)
        found = customer_reading.holder(visitor, named)
        return cls(visitor, place, found.customer, found.account)


def _page(
    one: _Doomed, values: dict[str, str], wrong: Wrong = RIGHT, status: int = 200
) -> Response[str]:
    customer, asked = one.customer, customer_deletion.body(one.place.customer_id, values)
    request = customer_deletion.request(asked | {"reason": None}, dry_run=True)
    found = deletion_preview.foreseen(one.visitor.session, one.account, request)
    return one.visitor.page(
        "customer/delete.html",
        status,
        called=customer_reading.called(customer, one.place),
        back=one.place.address,
        address=f"{one.place.page}/delete",
        customer=customer,
        is_begun=customer_deletion.is_begun(customer),
        to_type=customer_deletion.to_type(customer),
        loss=customer_deletion.in_words(found, customer),
        choices=customer_deletion.STRIPE,
        invoices=customer_deletion.INVOICES,
        curl=customer_deletion.curl(asked),
        values=values,
        wrong=wrong,
    )


def _deleted(one: _Doomed, values: View) -> Response[str]:
    """Delete the customer, and show the receipt. Errors: those of `customers.delete`."""
    asked = customer_deletion.body(one.place.customer_id, values)
    request = customer_deletion.request(asked)
    answers: list[dict[str, Any]] = []

    def run(session: Any) -> dict[str, Any]:
        answers.append(deletion.delete(session, request))
        return dict(answers[0]["receipt"])

    change_id = performed(one.visitor, values, run)
    if not answers:
        return _receipt(one.visitor, customer_deletion.known_receipt(str(change_id)))
    receipt = customer_deletion.receipt(answers[0])
    called = customer_reading.called(one.customer, one.place)
    return _receipt(one.visitor, receipt, called, one.place.page)


def _deleted_before(visitor: Visit, values: View) -> Response[str]:
    """Say so to who sends the form again. Errors: `CustomerNotFound`."""
    change_id = visitor.made(forms.key(values))
    if change_id is None:
        raise CustomerNotFound(values["confirm"])
    return _receipt(visitor, customer_deletion.known_receipt(change_id))


def _receipt(
    visitor: Visit, receipt: View, called: str = "The customer", page: str = HOME
) -> Response[str]:
    return visitor.page("customer/deleted.html", receipt=receipt, called=called, page=page)
