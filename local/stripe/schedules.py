"""Subscription schedules: what a subscription becomes when its present phase ends."""

from typing import Any

import stripe
from stripe import params

from local.stripe import phases, standing
from local.stripe.account import Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop

CANCEL, RELEASE = "cancel", "release"
ACTIVE, RELEASED, COMPLETED = "active", "released", "completed"
_UPDATED = "subscription_schedule.updated"


def create(call: Call) -> Document:
    """Put a subscription under a schedule that begins with the subscription as it is."""
    supported(call.params, {"from_subscription", "expand"})
    if "from_subscription" not in call.params:
        message = "The double makes schedules only from_subscription"
        raise Refused(message, code="parameter_missing", param="from_subscription")
    wanted = call.params["from_subscription"]
    kept = call.account.get("subscription", wanted, "from_subscription")
    if kept["status"] in standing.ENDED:
        raise Refused("The subscription has ended.", param="from_subscription")
    if kept["schedule"] is not None:
        message = "You cannot migrate a subscription that is already attached to a schedule: "
        raise Refused(message + kept["schedule"], param="from_subscription")
    schedule = _new(call.shop, kept)
    call.shop.add("subscription_schedule", schedule)
    call.shop.report("subscription_schedule.created", schedule)
    standing.changed(call.shop, kept, {"schedule": schedule["id"]})
    return schedule


def retrieve(call: Call) -> Document:
    """Return a schedule."""
    supported(call.params, {"expand"})
    return call.account.get("subscription_schedule", call.ids["id"])


def list_(call: Call) -> Document:
    """List schedules, newest first."""
    paging = {"created", "limit", "starting_after", "ending_before", "expand"}
    supported(call.params, paging | {"customer"})
    found = [
        one
        for one in call.account.objects("subscription_schedule").values()
        if call.params.get("customer") in (None, one["customer"])
        and created_within(one, call.params.get("created"))
    ]
    return page(newest_first(found), call.params, "/v1/subscription_schedules")


def update(call: Call) -> Document:
    """Replace the phases, from the present one on, or say what comes after the last."""
    given = call.params
    supported(given, {"end_behavior", "metadata", "phases", "proration_behavior", "expand"})
    if given.get("proration_behavior", "none") != "none":
        raise Refused("The double does not prorate", param="proration_behavior")
    schedule = _active(call)
    with call.account.undoing():
        schedule = call.account.get("subscription_schedule", schedule["id"])
        kept = call.account.get("subscription", schedule["subscription"])
        changes = _given(call, schedule, kept)
        call.shop.change(schedule, changes, _UPDATED)
        if "phases" in changes:
            phases.keep_discounts(call.shop, kept, _present(schedule))
        _plan_end(call.shop, kept, schedule)
    return schedule


def release(call: Call) -> Document:
    """Let a subscription go on as it is, without its schedule."""
    supported(call.params, {"preserve_cancel_date", "expand"})
    schedule = _active(call)
    kept = call.account.get("subscription", schedule["subscription"])
    _release(call.shop, schedule, kept)
    if schedule["end_behavior"] == CANCEL and not call.params.get("preserve_cancel_date"):
        standing.changed(call.shop, kept, {"cancel_at": None, "canceled_at": None})
    return schedule


def cancel(call: Call) -> Document:
    """End a schedule and its subscription now."""
    supported(call.params, {"invoice_now", "prorate", "expand"})
    for name in ("invoice_now", "prorate"):
        if call.params.get(name, True):
            raise Refused(f"The double cancels only with {name}=false", param=name)
    schedule = _active(call)
    kept = call.account.get("subscription", schedule["subscription"])
    standing.end(call.shop, kept, "cancellation_requested")
    return schedule


def turn(shop: Shop, kept: Document) -> None:
    """Begin the next phase of a subscription, or do what comes after the last one."""
    schedule = shop.account.get("subscription_schedule", kept["schedule"])
    coming = _after(schedule)
    if coming is not None:
        present = {"start_date": coming["start_date"], "end_date": coming["end_date"]}
        shop.change(schedule, {"current_phase": present}, _UPDATED)
        phases.enter(shop, kept, coming)
        _plan_end(shop, kept, schedule)
    elif schedule["end_behavior"] == CANCEL:
        done = {"status": COMPLETED, "completed_at": shop.now(), "current_phase": None}
        shop.change(schedule, done, "subscription_schedule.completed")
        standing.end(shop, kept, "cancellation_requested")
    else:
        _release(shop, schedule, kept)


def turns_at(shop: Shop, kept: Document) -> int | None:
    """Return when a subscription's present phase ends, None without a schedule."""
    if kept["schedule"] is None:
        return None
    schedule = shop.account.get("subscription_schedule", kept["schedule"])
    return int(schedule["current_phase"]["end_date"])


def follow(shop: Shop, kept: Document) -> None:
    """Note in the present phase what was changed of the subscription itself."""
    if kept["schedule"] is None:
        return
    schedule = shop.account.get("subscription_schedule", kept["schedule"])
    present = _present(schedule)
    now = {name: phases.of(kept)[name] for name in ("items", "discounts", "metadata")}
    after = [{**one, **now} if one is present else one for one in schedule["phases"]]
    shop.change(schedule, {"phases": after}, _UPDATED)


def _new(shop: Shop, kept: Document) -> Document:
    first = phases.of(kept)
    return made(
        stripe.SubscriptionSchedule,
        id=new_id("sub_sched_"),
        object="subscription_schedule",
        billing_mode=dict(kept["billing_mode"]),
        created=shop.now(),
        current_phase={"start_date": first["start_date"], "end_date": first["end_date"]},
        customer=kept["customer"],
        default_settings=_defaults(kept),
        end_behavior=RELEASE if kept["cancel_at"] is None else CANCEL,
        livemode=False,
        metadata={},
        pause_schedules=[],
        phases=[first],
        status=ACTIVE,
        subscription=kept["id"],
    )


def _defaults(kept: Document) -> Document:
    settings = made(
        stripe.SubscriptionSchedule.DefaultSettings,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None},
        billing_cycle_anchor="automatic",
        collection_method=kept["collection_method"],
        default_payment_method=kept["default_payment_method"],
    )
    issuer = {"issuer": {"type": "self"}}
    names = stripe.SubscriptionSchedule.DefaultSettings.InvoiceSettings
    return settings | {"invoice_settings": made(names, **issuer)}


def _active(call: Call) -> Document:
    schedule = call.account.get("subscription_schedule", call.ids["id"])
    if schedule["status"] != ACTIVE:
        message = "You cannot change a subscription schedule that is in the status "
        raise Refused(f"{message}`{schedule['status']}`.")
    return schedule


def _given(call: Call, schedule: Document, kept: Document) -> dict[str, Any]:
    given = call.params
    changes: dict[str, Any] = {}
    if "metadata" in given:
        changes["metadata"] = merged(schedule["metadata"], given["metadata"])
    if "end_behavior" in given:
        changes["end_behavior"] = given["end_behavior"]
        if given["end_behavior"] not in {CANCEL, RELEASE}:
            raise Refused("Invalid end_behavior", param="end_behavior")
    if "phases" in given:
        planned = phases.planned(call.shop, kept, given["phases"], schedule["current_phase"])
        changes["phases"] = planned
        first = planned[0]
        present = {"start_date": first["start_date"], "end_date": first["end_date"]}
        changes["current_phase"] = present
    return changes


def _present(schedule: Document) -> Document:
    start = schedule["current_phase"]["start_date"]
    found: Document = next(one for one in schedule["phases"] if one["start_date"] == start)
    return found


def _after(schedule: Document) -> Document | None:
    end = schedule["current_phase"]["end_date"]
    return next((one for one in schedule["phases"] if one["start_date"] == end), None)


def _plan_end(shop: Shop, kept: Document, schedule: Document) -> None:
    """Show on the subscription when its schedule will end it."""
    ends = schedule["end_behavior"] == CANCEL
    at = schedule["phases"][-1]["end_date"] if ends else None
    if kept["cancel_at"] != at:
        changes = {"cancel_at": at, "cancel_at_period_end": False}
        changes["canceled_at"] = None if at is None else shop.now()
        standing.changed(shop, kept, changes)


def _release(shop: Shop, schedule: Document, kept: Document) -> None:
    changes = {
        "current_phase": None,
        "released_at": shop.now(),
        "released_subscription": kept["id"],
        "status": RELEASED,
        "subscription": None,
    }
    shop.change(schedule, changes, "subscription_schedule.released")
    standing.changed(shop, kept, {"schedule": None})


_PATH = "/v1/subscription_schedules"
ROUTES = [
    Route("POST", _PATH, create, params.SubscriptionScheduleCreateParams),
    Route("GET", _PATH, list_, params.SubscriptionScheduleListParams),
    Route("GET", _PATH + "/{id}", retrieve, params.SubscriptionScheduleRetrieveParams),
    Route("POST", _PATH + "/{id}", update, params.SubscriptionScheduleUpdateParams),
    Route("POST", _PATH + "/{id}/release", release, params.SubscriptionScheduleReleaseParams),
    Route("POST", _PATH + "/{id}/cancel", cancel, params.SubscriptionScheduleCancelParams),
]
