"""GET and POST /dashboard/customers/{id}/features/{feature}/edit"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import approval_rows, balance_edit, customer_reading, forms
from dashboard.acting import Acting
from dashboard.customer_tabs import Place
from dashboard.forms import RIGHT, Wrong
from dashboard.performing import performed
from dashboard.routes import Pages
from dashboard.visits import HOME, Visit, form, visit
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


class _Edit:
    """One balance that somebody edits: the customer's own, or that of an entity."""

    def __init__(self, visitor: Visit, place: Place, feature_id: str, customer: View) -> None:
        self.visitor, self.place, self.feature_id = visitor, place, feature_id
        self.customer = customer
        self.balance: View = customer["balances"][feature_id]

    @classmethod
    def of(cls, visitor: Visit, customer_id: str, feature_id: str) -> "_Edit":
        """Errors: `Forbidden`, `NotFound`."""
        visitor.current.user.must(Act.GRANT)
        place, feature_id = Place(unquote(customer_id), "features"), unquote(feature_id)
        customer = customer_reading.found(visitor, place)
        if feature_id not in customer["balances"]:
            raise NotFound(f"This customer has no balance of {feature_id}")
        return cls(visitor, place, feature_id, customer)

    @property
    def address(self) -> str:
        return f"{self.place.page}/features/{quote(self.feature_id, safe='')}/edit"

    def asked(self, values: View) -> dict[str, Any]:
        """The body of the call that what was typed equals."""
        return balance_edit.body(self.place.customer_id, self.feature_id, "", values)

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
        back = self.place.to("features")
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
            "balance_edit.html",
            status,
            address=self.address,
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
