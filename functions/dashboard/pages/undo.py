"""GET and POST /dashboard/customers/{id}/changes/{change}/undo"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import forms, terminal
from dashboard.customer import detail_fields
from dashboard.customer import reading as customer_reading
from dashboard.customer import records as customer_records
from dashboard.customer.acting import Acting
from dashboard.customer.tabs import Place
from dashboard.forms import RIGHT, Wrong
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, form, ours, visit
from dashboard.performing import performed
from orchard.contracts.request import parse, prepare
from orchard.contracts.undoing import UndoRequest
from orchard.domain.holding import State
from orchard.domain.ledger import Change
from orchard.domain.users import Act, User
from orchard.errors import NotFound, OrchardError, Unavailable
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.triggers import http
from orchard.usecases import granting_caps, naming, undoing

type View = Mapping[str, Any]

router = Pages()

_FIELDS = ("reason", "reference", "key", "back")

prepare(UndoRequest)


@router.get(f"{HOME}/<customer_id>/changes/<change_id>/undo")
def ask(customer_id: str, change_id: str) -> Response[str]:
    """Show what would become of customer and balances."""
    undo = _Undo.of(customer_id, change_id)
    return undo.page(forms.typed({}, _FIELDS) | {"key": forms.new_key()})


@router.post(f"{HOME}/<customer_id>/changes/<change_id>/undo")
def take_back(customer_id: str, change_id: str) -> Response[str]:
    """Take one change back, and say so on the page that asked for it."""
    undo = _Undo.of(customer_id, change_id)
    values = forms.typed(form(undo.acting.visitor.event), _FIELDS)
    # What was said to be done has an undo beside it, which is no form of its own.
    values["key"] = values["key"] or forms.new_key()
    try:
        return undo.done(values)
    except NotFound:
        raise
    except OrchardError as refused:
        wrong = forms.wrong(refused, ("reason", "reference"))
        return undo.page(values, wrong, http.status_of(refused))


class _Undo:
    """A change of a customer that somebody takes back."""

    def __init__(self, acting: Acting, account: Account, change_id: str) -> None:
        self.acting, self.account, self.change_id = acting, account, change_id

    @classmethod
    def of(cls, customer_id: str, change_id: str) -> "_Undo":
        """Errors: `Forbidden`, `CustomerNotFound`."""
        visitor = visit(router)
        visitor.current.user.must(Act.EDIT)
        place = Place(unquote(customer_id), "changes")
        found = customer_reading.holder(visitor, place)
        acting = Acting(visitor, place, found.customer)
        return cls(acting, found.account, unquote(change_id))

    def run(self, session: Session, values: View) -> dict[str, Any]:
        """Do `changes.undo`. Errors: its own, and `Forbidden`."""
        request = parse(UndoRequest, {**self._asked, **self._causes(values)})
        return undoing.take_back(session, request, _rule(session, self.acting.visitor.current.user))

    def foreseen(self, session: Session) -> dict[str, Any]:
        """Return what it would do. Errors: as in `run`."""
        request = parse(UndoRequest, {**self._asked, "dry_run": True})
        rule = _rule(session, self.acting.visitor.current.user)
        return undoing.foreseen(session, self.account, request, rule)

    def done(self, values: View) -> Response[str]:
        """Take the change back, once. Errors: those of `changes.undo`."""
        visitor, place = self.acting.visitor, self.acting.place
        found: dict[str, Any] = {}

        def run(session: Session) -> dict[str, Any]:
            found.update(self.run(session, values))
            return found

        try:
            change_id = performed(visitor, values, run)
        except OrchardError:
            change_id = visitor.made(values["key"])
            if change_id is None:
                raise
        back = ours(values["back"]) if values["back"] else place.address
        new_id = found.get("customer", {}).get("after", {}).get("id")
        if new_id is not None:
            # The page that asked is about an id that is nobody's by now.
            place, former = Place(new_id, place.tab), place.page
            back = back.replace(former, place.page, 1)
        again = f"{place.page}/changes/{change_id}/undo"
        return visitor.done(back, "The change was undone.", again)

    def page(self, values: View, wrong: Wrong = RIGHT, status: int = 200) -> Response[str]:
        session = self.acting.visitor.session
        differences: list[Any] = []
        is_possible = True
        try:
            differences = customer_records.of_undo(self.foreseen(session), naming.names(session))
        except NotFound:
            raise
        except OrchardError as refused:
            # What was done a moment ago can be undone in another moment.
            is_possible = isinstance(refused, Unavailable)
            wrong, status = Wrong(refused.message), http.status_of(refused)
        causes = {name: values[name] for name in ("reason", "reference") if values[name]}
        return self.acting.page(
            "customer/undo.html",
            status,
            address=f"{self.acting.place.page}/changes/{quote(self.change_id, safe='')}/undo",
            change_id=self.change_id,
            differences=differences,
            is_possible=is_possible,
            curl=terminal.curl("changes.undo", self._asked | causes),
            values=values,
            wrong=wrong,
        )

    @property
    def _asked(self) -> dict[str, Any]:
        return {"customer_id": self.acting.place.customer_id, "change_id": self.change_id}

    def _causes(self, values: View) -> dict[str, str]:
        reference = {"reference": values["reference"]} if values["reference"] else {}
        return {"reason": values["reason"] or "Undone", **reference}


def _rule(session: Session, user: User) -> undoing.Rule:
    """What somebody may undo: whose role lets them change balances, those too, up to the cap."""
    capped = granting_caps.of_undo(session, user)

    def rule(change: Change, before: State, after: State) -> None:
        if change.feature_id is None:
            for act in detail_fields.acts(change.before, change.after):
                user.must(act)
        if before != after:
            user.must(Act.GRANT)
        capped(change, before, after)

    return rule
