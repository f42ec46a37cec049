"""GET and POST /dashboard/customers/{id}/products/{plan}/cancel and /uncancel"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from dashboard import forms
from dashboard.billing import cancel_form, held_plans
from dashboard.billing.forms import Form
from dashboard.billing.held_plans import Holding
from dashboard.customer.tabs import Place
from dashboard.figures import moment
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, form, visit
from orchard.errors import NotFound
from orchard.usecases.billing.updates import update

type View = Mapping[str, Any]

router = Pages()

_PLAN = f"{HOME}/<customer_id>/products/<plan>"


@router.get(f"{_PLAN}/cancel")
def show(customer_id: str, plan: str) -> Response[str]:
    """Show the form that ends a plan."""
    holding = held_plans.found(visit(router), customer_id, plan)
    return _ending(holding).opened(cancel_form.first("end" if _recurs(holding) else "now"))


@router.post(f"{_PLAN}/cancel")
def end(customer_id: str, plan: str) -> Response[str]:
    """Tell what ending the plan does, or end it."""
    visitor = visit(router)
    fields = form(visitor.event)
    try:
        return _ending(held_plans.found(visitor, customer_id, plan)).sent(fields)
    except NotFound:
        # Sent again, the form finds the plan that it ended gone.
        if visitor.made(forms.key(fields)) is None:
            raise
        return visitor.done(Place(unquote(customer_id)).address, "The plan was canceled.")


@router.get(f"{_PLAN}/uncancel")
def show_going_on(customer_id: str, plan: str) -> Response[str]:
    """Show the form that takes the end of a plan back."""
    return _going_on(held_plans.found(visit(router), customer_id, plan)).opened(
        cancel_form.first("")
    )


@router.post(f"{_PLAN}/uncancel")
def go_on(customer_id: str, plan: str) -> Response[str]:
    """Tell what going on does, or take the end back."""
    holding = held_plans.found(visit(router), customer_id, plan)
    return _going_on(holding).sent(form(holding.acting.visitor.event))


def _ending(holding: Holding) -> Form:
    when = cancel_form.WHEN if _recurs(holding) else {"now": cancel_form.WHEN["now"]}
    told = {"holding": holding, "when": when, "money": cancel_form.MONEY}
    return Form(
        acting=holding.acting,
        template="billing/plan_cancel.html",
        address=holding.address("cancel"),
        operation="billing.update",
        fields=cancel_form.FIELDS,
        label="Cancel plan",
        body=lambda values: cancel_form.ending(holding.named, values),
        request=cancel_form.request,
        preview=update.preview,
        run=update.update,
        labelled=lambda _shown, values: cancel_form.label(values),
        done=lambda: _ended(holding),
        context=lambda _values: told,
    )


def _going_on(holding: Holding) -> Form:
    return Form(
        acting=holding.acting,
        template="billing/plan_uncancel.html",
        address=holding.address("uncancel"),
        operation="billing.update",
        fields=cancel_form.FIELDS,
        label="Let it go on",
        body=lambda values: cancel_form.going_on(holding.named, values),
        request=cancel_form.request,
        preview=update.preview,
        run=update.update,
        labelled=lambda _shown, _values: "Let it go on",
        done=lambda: f"{holding.name} goes on.",
        context=lambda _values: {"holding": holding},
    )


def _recurs(holding: Holding) -> bool:
    """Whether it has a period at the end of which it can end."""
    return bool(holding.shown.get("current_period_end"))


def _ended(holding: Holding) -> str:
    """What came of it: `Pro ends on 01 Oct 2026, 00:00 UTC.`"""
    place = holding.acting.place
    held = held_plans.still(holding.acting.visitor, place.customer_id, holding.held.id)
    at = held and held["expires_at"]
    return f"{holding.name} ends on {moment(at)}." if at else f"{holding.name} was canceled."
