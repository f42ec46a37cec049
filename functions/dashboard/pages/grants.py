"""GET and POST /dashboard/customers/{id}/grant and .../features/{feature}/sources/{id}/delete"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import forms, terminal
from dashboard.customer import grant_form
from dashboard.customer import reading as customer_reading
from dashboard.customer.acting import Acting
from dashboard.customer.features import feature_name
from dashboard.customer.tabs import Place
from dashboard.figures import number
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, form, query, visit
from dashboard.people import approval_rows
from dashboard.performing import performed
from orchard.domain.users import Act
from orchard.errors import NotFound, OrchardError
from orchard.triggers import http
from orchard.usecases import deleting, features, granting_caps, naming

type View = Mapping[str, Any]

router = Pages()

_CAUSES = ("reason", "reference", "key")


@router.get(f"{HOME}/<customer_id>/grant")
def show(customer_id: str) -> Response[str]:
    """Show the form for a new grant."""
    visitor = visit(router)
    asked = query(visitor.event)
    return _form(_acting(visitor, customer_id), grant_form.first(asked.get("feature", "")))


@router.post(f"{HOME}/<customer_id>/grant")
def grant(customer_id: str) -> Response[str]:
    """Tell what a grant would do, or make it."""
    visitor = visit(router)
    acting, fields = _acting(visitor, customer_id), form(visitor.event)
    values = forms.typed(fields, (*grant_form.FIELDS, "key"))
    is_tried = fields.get("step") == "preview"
    try:
        asked = grant_form.body(acting.place.customer_id, values)
        if is_tried:
            return _form(acting, values, preview=_preview(acting, asked))
        return _granted(acting, values, asked)
    except OrchardError as refused:
        wrong = grant_form.wrong(refused)
        preview = {"wrong": wrong.message} if is_tried else None
        return _form(acting, values, wrong, http.status_of(refused), preview)


@router.get(f"{HOME}/<customer_id>/features/<feature_id>/sources/<source_id>/delete")
def ask(customer_id: str, feature_id: str, source_id: str) -> Response[str]:
    """Show what goes with a grant."""
    granted = _Grant.of(_acting(visit(router), customer_id), feature_id, source_id)
    return granted.page(forms.typed({}, _CAUSES) | {"key": forms.new_key()})


@router.post(f"{HOME}/<customer_id>/features/<feature_id>/sources/<source_id>/delete")
def delete(customer_id: str, feature_id: str, source_id: str) -> Response[str]:
    """Take the grant away."""
    visitor = visit(router)
    acting, values = _acting(visitor, customer_id), forms.typed(form(visitor.event), _CAUSES)
    made = visitor.made(values["key"]) if values["key"] else None
    if made is not None:
        return _done(acting, "The grant was deleted.", made)
    granted = _Grant.of(acting, feature_id, source_id)
    try:
        request = grant_form.removal_request(granted.asked(values))
        rule = granting_caps.of_deletion(visitor.session, visitor.current.user)
        change_id = performed(
            visitor, values, lambda session: deleting.delete(session, request, rule)
        )
        return _done(acting, "The grant was deleted.", change_id)
    except OrchardError as refused:
        return granted.page(values, forms.wrong(refused, _CAUSES), http.status_of(refused))


class _Grant(NamedTuple):
    """A source of a balance that was granted apart from any plan."""

    acting: Acting
    balance: View
    line: View

    @classmethod
    def of(cls, acting: Acting, feature_id: str, source_id: str) -> "_Grant":
        """Errors: `NotFound`."""
        balance = acting.customer["balances"].get(unquote(feature_id), {"breakdown": ()})
        for line in balance["breakdown"]:
            if line["id"] == unquote(source_id) and line["plan_id"] is None:
                return cls(acting, balance, line)
        raise NotFound("This customer has no such grant")

    def asked(self, causes: View) -> dict[str, Any]:
        """The body of the call that this equals."""
        told = {name: causes[name] for name in ("reason", "reference")}
        feature_id, source_id = self.balance["feature_id"], self.line["id"]
        return grant_form.removal(self.acting.place.customer_id, feature_id, source_id, told)

    def page(self, values: View, wrong: Wrong = RIGHT, status: int = 200) -> Response[str]:
        """Return the page that asks for a confirmation."""
        line, page = self.line, self.acting.place.page
        feature_id, source_id = (quote(one["id"], safe="") for one in (self._feature, line))
        return self.acting.page(
            "customer/delete_grant.html",
            status,
            address=f"{page}/features/{feature_id}/sources/{source_id}/delete",
            feature=feature_name(self.balance),
            unlimited=line["unlimited"],
            remaining=number(line["remaining"]),
            used=number(line["usage"]),
            curl=terminal.curl("balances.delete", self.asked(values)),
            values=values,
            wrong=wrong,
        )

    @property
    def _feature(self) -> View:
        return {"id": self.balance["feature_id"]}


def _acting(visitor: Visit, customer_id: str) -> Acting:
    """Errors: `Forbidden`, `CustomerNotFound`."""
    visitor.current.user.must(Act.GRANT)
    place = Place(unquote(customer_id), "features")
    return Acting(visitor, place, customer_reading.found(visitor, place))


def _preview(acting: Acting, asked: View) -> dict[str, Any]:
    """What a grant would do, in words. Errors: those of `balances.create`."""
    session, user = acting.visitor.session, acting.visitor.current.user
    _plan, outlook = granting_caps.previewed(session, user, grant_form.request(asked))
    told = grant_form.in_words(acting.customer, asked, naming.names(session).features)
    return told | {"approval": approval_rows.outlook(outlook)}


def _granted(acting: Acting, values: View, asked: View) -> Response[str]:
    """Make the grant, or ask for it. Errors: those of `balances.create`."""
    visitor, request, key = acting.visitor, grant_form.request(asked), forms.key(values)
    user = visitor.current.user
    change_id = performed(
        visitor, values, lambda session: granting_caps.grant(session, user, request, key)
    )
    if granting_caps.is_request(change_id):
        address = f"{approval_rows.ADDRESS}/{change_id}"
        return visitor.done(address, "An admin has to approve this. Nothing is changed yet.")
    named = naming.names(visitor.session).feature(request.feature_id)
    return _done(acting, f"{named} was granted.", change_id)


def _done(acting: Acting, text: str, change_id: str | None) -> Response[str]:
    undo = f"{acting.place.page}/changes/{change_id}/undo" if change_id else ""
    return acting.visitor.done(acting.back, text, undo)


def _form(
    acting: Acting,
    values: View,
    wrong: Wrong = RIGHT,
    status: int = 200,
    preview: View | None = None,
) -> Response[str]:
    return acting.page(
        "customer/grant.html",
        status,
        address=f"{acting.place.page}/grant",
        choices=grant_form.choices(features.every(acting.visitor.session)["list"]),
        rhythms=grant_form.RHYTHMS,
        values=values,
        wrong=wrong,
        preview=preview,
    )
