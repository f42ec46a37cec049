"""GET and POST /dashboard/customers/{id}/products/{plan}/update"""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from dashboard.billing import fields as billing_fields
from dashboard.billing import held_plans, plan_context, update_form
from dashboard.billing.forms import Form
from dashboard.billing.held_plans import Holding
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, form, query, visit
from orchard.usecases import plan_parts, rewards
from orchard.usecases.billing.updates import update

type View = Mapping[str, Any]

router = Pages()

#: A change is confirmed on no page.
_WAYS = {name: text for name, text in billing_fields.WAYS.items() if name != "link"}
_ADDRESS = f"{HOME}/<customer_id>/products/<plan>/update"


@router.get(_ADDRESS)
def show(customer_id: str, plan: str) -> Response[str]:
    """Show the form for a plan as it is held, or for another version of it."""
    holding = held_plans.found(visit(router), customer_id, plan)
    wanted = _wanted(holding)
    return _form(holding, wanted).opened(update_form.first(wanted, holding.held.quantities))


@router.post(_ADDRESS)
def send(customer_id: str, plan: str) -> Response[str]:
    """Tell what the change would do and cost, or make it."""
    holding = held_plans.found(visit(router), customer_id, plan)
    return _form(holding, _wanted(holding)).sent(form(holding.acting.visitor.event))


def _wanted(holding: Holding) -> View:
    """The plan that the form begins with: as it is held, or another version of the catalogue."""
    visitor, held = holding.acting.visitor, holding.held.plan
    version = query(visitor.event).get("version", "")
    if version in ("", str(held["version"])) or not version.isdecimal():
        return held
    return plan_parts.of_version(visitor.session, held["id"], int(version[:9]))


def _form(holding: Holding, plan: View) -> Form:
    session = holding.acting.visitor.session
    features = plan_parts.features(session)
    coupons = billing_fields.coupons(rewards.every(session))
    is_other = plan is not holding.held.plan
    before = billing_fields.first_quantities(holding.held.plan, holding.held.quantities)
    address = holding.address("update")
    return Form(
        acting=holding.acting,
        template="billing/plan_update.html",
        address=f"{address}?version={plan['version']}" if is_other else address,
        operation=update_form.OPERATION,
        fields=update_form.names(plan),
        label="Update",
        body=lambda values: update_form.body(
            holding.named, plan, features, values, before, is_other=is_other
        ),
        request=lambda body: update_form.request(body, features),
        preview=update.preview,
        run=update.update,
        labelled=update_form.label,
        done=lambda: f"{holding.name} was changed.",
        context=lambda values: {
            **plan_context.shown(plan, features, coupons, values),
            "choosing": address,
            "versions": plan_parts.versions(session, plan["id"]),
            "held": holding.held,
            "ways": _WAYS,
        },
    )
