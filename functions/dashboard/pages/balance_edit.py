"""GET and POST /dashboard/customers/{id}/features/{feature}/edit"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.customer import balance_edit
from dashboard.customer import reading as customer_reading
from dashboard.customer.acting import Acting
from dashboard.customer.tabs import Place
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, Visit, form, query, visit
from dashboard.people import approval_rows
from dashboard.performing import performed
from orchard.domain.users import Act
from orchard.errors import Conflict, NotFound, OrchardError
from orchard.triggers import http
from orchard.usecases import changes, granting_caps

type View = Mapping[str, Any]

router = Pages()


@router.get(f"{HOME}/<customer_id>/features/<feature_id>/edit")
def show(customer_id: str, feature_id: str) -> Response[str]:
    """Show the form on the balance as it is."""
    edit = _Edit.of(visit(router), customer_id, feature_id)
    latest = changes.newest(edit.visitor.session, edit.customer["autumn_id"])
    return edit.page(balance_edit.first(edit.balance, latest) | {"key": forms.new_key()})


@router.post(f"{HOME}/<customer_id>/features/<feature_id>/edit")
def save(customer_id: str, feature_id: str) -> Response[str]:
    """Tell what the edit would do, or do it."""
    visitor = visit(router)
    fields = form(visitor.event)
    edit = _Edit.of(visitor, customer_id, feature_id)
    values = forms.typed(fields, (*balance_edit.FIELDS, "key"))
    try:
        if fields.get("step") == "preview":
            return edit.page(values, preview=edit.preview(values))
        return edit.done(fields, values)
    except _Overtaken as overtaken:
        fresh = balance_edit.first(edit.balance, overtaken.latest)
        seen = {name: fresh[name] for name in ("seen", "latest")}
        again = edit.preview(values | seen)
        return edit.page(values | seen, Wrong(overtaken.message), 409, preview=again)
    except OrchardError as refused:
        wrong = forms.wrong(_of_fields(refused), balance_edit.FIELDS)
        return edit.page(values, wrong, http.status_of(refused))


class _Overtaken(Conflict):
    """Somebody changed something of this customer since the form was opened."""

    def __init__(self, latest: str | None) -> None:
        super().__init__(
            "Something of this customer was changed while you were here. What follows is how it"
            " is now: look again, then save"
        )
        self.latest = latest


class _Whose(NamedTuple):
    """Whose balance it is, as the address says: of an entity, or "" for the customer itself."""

    place: Place
    feature_id: str
    entity_id: str
    #: Whether the form was opened on the page of the feature, and leads back there.
    is_from_graph: bool

    @property
    def page(self) -> str:
        """The address of the page of the feature, without its query."""
        return f"{self.place.page}/features/{quote(self.feature_id, safe='')}"

    @property
    def address(self) -> str:
        """The address of the form."""
        return self._asked(f"{self.page}/edit", "graph" if self.is_from_graph else "")

    @property
    def back(self) -> str:
        """Where the form leads back to."""
        return self._asked(self.page, "") if self.is_from_graph else self.place.address

    def _asked(self, page: str, origin: str) -> str:
        named = {"entity": self.entity_id, "from": origin}
        asked = urlencode({name: value for name, value in named.items() if value})
        return f"{page}?{asked}" if asked else page


class _Edit:
    """One balance that somebody edits."""

    def __init__(self, visitor: Visit, whose: _Whose) -> None:
        """Errors: `Forbidden`, `NotFound`."""
        visitor.current.user.must(Act.GRANT)
        self.visitor, self.place, self.whose = visitor, whose.place, whose
        held = customer_reading.holder(visitor, whose.place, whose.entity_id)
        if whose.feature_id not in held.shown["balances"]:
            raise NotFound(f"There is no balance of {whose.feature_id} here")
        self.customer: View = held.customer
        self.balance: View = held.shown["balances"][whose.feature_id]

    @classmethod
    def of(cls, visitor: Visit, customer_id: str, feature_id: str) -> "_Edit":
        """Errors: `Forbidden`, `NotFound`."""
        place, asked = Place(unquote(customer_id), "features"), query(visitor.event)
        graph = asked.get("from") == "graph"
        return cls(visitor, _Whose(place, unquote(feature_id), asked.get("entity", ""), graph))

    def asked(self, values: View) -> dict[str, Any]:
        """The body of the call that what was typed equals."""
        whose = self.whose
        return balance_edit.body(self.place.customer_id, whose.feature_id, whose.entity_id, values)

    def preview(self, values: View) -> dict[str, Any]:
        """What the edit would do, in words, or what is wrong with it."""
        try:
            asked = self.asked(values)
            request = balance_edit.request(asked)
            user, session = self.visitor.current.user, self.visitor.session
            plan, outlook = granting_caps.previewed(session, user, request)
        except OrchardError as refused:
            return {"wrong": forms.wrong(_of_fields(refused), balance_edit.FIELDS).message}
        told = {"wrong": "", "approval": approval_rows.outlook(outlook)}
        words = balance_edit.in_words(plan.preview or {})
        return {**told, "curl": balance_edit.curl(asked), **words}

    def done(self, fields: View, values: View) -> Response[str]:
        """Edit the balance. Errors: `_Overtaken`, and those of `balances.update`."""
        request = balance_edit.request(self.asked(values))
        key = forms.key(fields)
        if self.visitor.made(key) is None:
            latest = changes.newest(self.visitor.session, self.customer["autumn_id"])
            if (latest or "") != values["latest"]:
                raise _Overtaken(latest)
        change_id = performed(
            self.visitor,
            fields,
            lambda session: granting_caps.edit(session, self.visitor.current.user, request, key),
        )
        back = self.whose.back
        if change_id is not None and granting_caps.is_request(change_id):
            asked = f"{approval_rows.ADDRESS}/{change_id}"
            return self.visitor.done(asked, "An admin has to approve this. Nothing is changed yet.")
        if change_id is None:
            return self.visitor.done(back, "Nothing was changed.")
        undo = f"{self.place.page}/changes/{change_id}/undo"
        said = f"The balance of {balance_edit.title(self.balance)} was edited."
        return self.visitor.done(back, said, undo)

    def page(
        self, values: View, wrong: Wrong = RIGHT, status: int = 200, preview: View | None = None
    ) -> Response[str]:
        return Acting(self.visitor, self.place, self.customer).page(
            "customer/balance_edit.html",
            status,
            address=self.whose.address,
            back=self.whose.back,
            entity=self.whose.entity_id,
            feature=balance_edit.title(self.balance),
            now=balance_edit.now(self.balance),
            choices=balance_edit.sources(self.balance, self.customer),
            values=values,
            wrong=wrong,
            preview=preview,
        )


def _of_fields(error: OrchardError) -> OrchardError:
    """Name what the API calls otherwise as the form does."""
    for api, own in (("add_to_balance", "amount"), ("balance_id", "source")):
        if error.message.startswith(f"{api}: "):
            return type(error)(f"{own}: {error.message.removeprefix(f'{api}: ')}")
    return error
