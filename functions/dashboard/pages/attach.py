"""GET and POST /dashboard/customers/{id}/attach"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlencode

from aws_lambda_powertools.event_handler import Response

from dashboard.billing import attach_form, plan_context
from dashboard.billing import fields as billing_fields
from dashboard.billing.forms import Form
from dashboard.customer import reading as customer_reading
from dashboard.customer.acting import Acting
from dashboard.customer.products import price_of, trial_of
from dashboard.customer.tabs import Place
from dashboard.figures import moment
from dashboard.frame.routes import Pages
from dashboard.frame.visits import HOME, form, query, visit
from orchard.contracts.plans import ListPlansRequest
from orchard.contracts.request import prepare
from orchard.domain.users import Act
from orchard.usecases import plan_parts, plans, rewards
from orchard.usecases.billing.purchases import attach

type View = Mapping[str, Any]

router = Pages()

prepare(ListPlansRequest)


@router.get(f"{HOME}/<customer_id>/attach")
def show(customer_id: str) -> Response[str]:
    """Show the plans to choose from, and the form for the one that is chosen."""
    action, choices = _action(customer_id)
    plan_id, version = _chosen(action)
    if not plan_id:
        address = f"{action.place.page}/attach"
        return action.page(
            "billing/attach.html", address=address, plans=choices, chosen="", plan=None
        )
    plan = plan_parts.of_version(action.visitor.session, plan_id, version)
    return _form(action, plan, choices).opened(attach_form.first(plan))


@router.post(f"{HOME}/<customer_id>/attach")
def send(customer_id: str) -> Response[str]:
    """Tell what attaching the plan would do and cost, or attach it."""
    action, choices = _action(customer_id)
    plan = plan_parts.of_version(action.visitor.session, *_chosen(action))
    return _form(action, plan, choices).sent(form(action.visitor.event))


def _action(customer_id: str) -> tuple[Acting, dict[str, str]]:
    """Who asks, about whom; and the plans that there are, in words. Errors: `Forbidden`, 404."""
    visitor = visit(router)
    visitor.current.user.must(Act.BILL)
    found = plans.every(visitor.session, ListPlansRequest())["list"]
    place = Place(unquote(customer_id))
    action = Acting(visitor, place, customer_reading.found(visitor, place))
    return action, {one["id"]: _in_words(one) for one in found}


def _chosen(action: Acting) -> tuple[str, int | None]:
    asked = query(action.visitor.event)
    version = asked.get("version", "")
    is_version = version.isascii() and version.isdigit() and len(version) < len("1000000")
    return asked.get("plan", ""), int(version) if is_version else None


def _form(action: Acting, plan: View, choices: Mapping[str, str]) -> Form:
    session, now = action.visitor.session, action.visitor.now
    features = plan_parts.features(session)
    coupons = billing_fields.coupons(rewards.every(session))
    asked = urlencode({"plan": plan["id"], "version": plan["version"]})
    return Form(
        acting=action,
        template="billing/attach.html",
        address=f"{action.place.page}/attach?{asked}",
        operation=attach_form.OPERATION,
        fields=attach_form.names(plan),
        label="Attach",
        body=lambda values: attach_form.body(action.place.customer_id, plan, features, values),
        request=lambda body: attach_form.request(body, features),
        preview=attach.preview,
        run=attach.attach,
        labelled=lambda shown, values: attach_form.label(shown, values, now),
        done=lambda: _done(action, plan),
        context=lambda values: {
            "plans": choices,
            "chosen": plan["id"],
            "schedules": attach_form.SCHEDULES,
            **plan_context.shown(plan, features, coupons, values),
        },
    )


def _done(action: Acting, plan: View) -> str:
    """What came of it: `Pro was attached.`, `Pro begins on 01 Oct 2026, 00:00 UTC.`"""
    held = customer_reading.found(action.visitor, action.place)["subscriptions"]
    scheduled = (one for one in held if one["status"] == "scheduled")
    later = next((one for one in scheduled if one["plan_id"] == plan["id"]), None)
    if later is None:
        return f"{plan['name']} was attached."
    return f"{plan['name']} begins on {moment(later['started_at'])}."


def _in_words(plan: View) -> str:
    """A plan as it is offered: `Pro: $20 per month`."""
    trial = trial_of(plan)
    told = ", ".join(filter(None, (price_of(plan), trial and f"{trial} free trial")))
    return f"{plan['name'] or plan['id']}: {told}{' (add-on)' if plan['add_on'] else ''}"
