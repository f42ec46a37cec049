"""The double's subscription schedules: the change comes when the period ends."""

from typing import Any

import pytest
import stripe

from local.stripe import objects
from local.stripe.server import Double
from tests.local.stripe_double import NOW
from tests.local.test_stripe_clock import HOUR, advance, invoices, told
from tests.local.test_stripe_subscriptions import (
    DAY,
    NEXT_MONTH,
    NEXT_YEAR,
    a_price,
    a_subscription,
    invoice_of,
    kinds,
)

SECOND_MONTH = 1_793_491_200


def under_schedule(
    client: stripe.StripeClient, subscription: stripe.Subscription
) -> stripe.SubscriptionSchedule:
    return client.v1.subscription_schedules.create({"from_subscription": subscription.id})


def plan(
    client: stripe.StripeClient,
    schedule: stripe.SubscriptionSchedule,
    *prices: str,
    first: Any = None,
    then: Any = None,
    **fields: Any,
) -> stripe.SubscriptionSchedule:
    """Plan that the subscription has other prices after the present phase."""
    present = schedule.phases[0]
    items = [{"price": str(one.price), "quantity": one.quantity} for one in present["items"]]
    begins = {"items": items, "start_date": present.start_date, "end_date": present.end_date}
    comes = {"items": [{"price": price} for price in prices], "proration_behavior": "none"}
    phases: Any = [{**begins, **(first or {})}, {**comes, **(then or {})}]
    params: Any = {"phases": phases, **fields}
    return client.v1.subscription_schedules.update(schedule.id, params)


def test_a_schedule_begins_with_the_subscription_as_it_is(
    client: stripe.StripeClient, double: Double
) -> None:
    subscription = a_subscription(client, metadata={"plan": "pro"})

    schedule = under_schedule(client, subscription)

    (phase,) = schedule.phases
    assert (phase.start_date, phase.end_date) == (NOW, NEXT_MONTH)
    assert [one.price for one in phase["items"]] == [subscription["items"].data[0].price.id]
    assert (schedule.status, schedule.end_behavior) == ("active", "release")
    assert client.v1.subscriptions.retrieve(subscription.id).schedule == schedule.id
    assert client.v1.subscription_schedules.retrieve(schedule.id).id == schedule.id
    assert kinds(double, "subscription_schedule") == ["subscription_schedule.created"]
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        under_schedule(client, subscription)
    whole = schedule.to_dict()
    assert set(whole) == objects.names(stripe.SubscriptionSchedule)
    assert set(whole["phases"][0]) == objects.names(stripe.SubscriptionSchedule.Phase)


def test_a_cheaper_plan_comes_with_the_next_period(
    client: stripe.StripeClient, double: Double
) -> None:
    subscription = a_subscription(client, 2000)
    cheaper = a_price(client, 500)
    planned = plan(
        client,
        under_schedule(client, subscription),
        cheaper,
        then={"metadata": {"plan": "basic"}},
    )
    assert [one.end_date for one in planned.phases] == [NEXT_MONTH, SECOND_MONTH]

    passed = advance(double, to=NEXT_MONTH + HOUR)

    found = client.v1.subscriptions.retrieve(subscription.id)
    (item,) = found["items"].data
    assert (item.price.id, item.current_period_start) == (cheaper, NEXT_MONTH)
    assert item.current_period_end == SECOND_MONTH
    assert found.metadata.to_dict() == {"plan": "basic"}
    assert [one.total for one in invoices(client, subscription.customer)] == [2000, 500]
    assert told(passed, "subscription_schedule") == ["subscription_schedule.updated"]
    schedule = client.v1.subscription_schedules.retrieve(planned.id)
    assert schedule.current_phase is not None
    assert schedule.current_phase.start_date == NEXT_MONTH

    later = advance(double, to=SECOND_MONTH + HOUR)

    assert told(later, "subscription_schedule") == ["subscription_schedule.released"]
    assert client.v1.subscriptions.retrieve(subscription.id).schedule is None
    assert [one.total for one in invoices(client, subscription.customer)] == [2000, 500, 500]


def test_another_interval_begins_its_own_cycle(client: stripe.StripeClient, double: Double) -> None:
    subscription = a_subscription(client, 2000)
    yearly = a_price(client, 20_000, interval="year")
    plan(client, under_schedule(client, subscription), yearly)

    advance(double, to=NEXT_MONTH + HOUR)

    found = client.v1.subscriptions.retrieve(subscription.id)
    (item,) = found["items"].data
    assert item.current_period_start == found.billing_cycle_anchor == NEXT_MONTH
    assert item.current_period_end == NEXT_YEAR + 30 * DAY
    assert [one.total for one in invoices(client, subscription.customer)] == [2000, 20_000]


def test_prices_that_stay_keep_their_item(client: stripe.StripeClient, double: Double) -> None:
    subscription = a_subscription(client, 2000, 300)
    stays, _goes = subscription["items"].data
    new = a_price(client, 100)
    plan(client, under_schedule(client, subscription), stays.price.id, new)

    advance(double, to=NEXT_MONTH)

    items = client.v1.subscriptions.retrieve(subscription.id)["items"].data
    assert items[0].id == stays.id
    assert [one.price.id for one in items] == [stays.price.id, new]
    assert invoice_of(client, subscription).total == 2100


def test_a_released_subscription_goes_on_as_it_is(
    client: stripe.StripeClient, double: Double
) -> None:
    subscription = a_subscription(client)
    schedule = plan(client, under_schedule(client, subscription), a_price(client, 500))

    released = client.v1.subscription_schedules.release(schedule.id)

    assert (released.status, released.released_subscription) == ("released", subscription.id)
    advance(double, to=NEXT_MONTH + HOUR)
    assert [one.total for one in invoices(client, subscription.customer)] == [2000, 2000]
    with pytest.raises(stripe.InvalidRequestError, match="status `released`"):
        client.v1.subscription_schedules.release(schedule.id)


def test_a_schedule_may_end_its_subscription(client: stripe.StripeClient, double: Double) -> None:
    subscription = a_subscription(client)
    schedule = under_schedule(client, subscription)
    client.v1.subscription_schedules.update(schedule.id, {"end_behavior": "cancel"})
    assert client.v1.subscriptions.retrieve(subscription.id).cancel_at == NEXT_MONTH

    passed = advance(double, to=NEXT_MONTH + DAY)

    assert told(passed) == ["subscription_schedule.completed", "customer.subscription.deleted"]
    assert len(invoices(client, subscription.customer)) == 1


def test_a_schedule_is_canceled_with_its_subscription(client: stripe.StripeClient) -> None:
    subscription = a_subscription(client)
    schedule = under_schedule(client, subscription)

    with pytest.raises(stripe.InvalidRequestError, match="false"):
        client.v1.subscription_schedules.cancel(schedule.id)
    client.v1.subscription_schedules.cancel(schedule.id, {"invoice_now": False, "prorate": False})

    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert client.v1.subscription_schedules.retrieve(schedule.id).status == "canceled"


def test_discounts_go_on_in_a_phase_that_names_them(
    client: stripe.StripeClient, double: Double
) -> None:
    client.v1.coupons.create({"id": "half", "percent_off": 50, "duration": "forever"})
    client.v1.coupons.create({"id": "ten", "percent_off": 10, "duration": "forever"})
    subscription = a_subscription(client, discounts=[{"coupon": "half"}])
    (half,) = subscription.discounts
    kept = {"discounts": [{"discount": half}]}
    both = {"discounts": [{"discount": half}, {"coupon": "ten"}]}
    schedule = under_schedule(client, subscription)
    plan(client, schedule, a_price(client, 1000), first=kept, then=both)

    assert client.v1.coupons.retrieve("ten").times_redeemed == 0
    advance(double, to=NEXT_MONTH + HOUR)

    assert [one.total for one in invoices(client, subscription.customer)] == [1000, 450]
    assert client.v1.subscriptions.retrieve(subscription.id).discounts[0] == half


def test_discounts_that_the_present_phase_does_not_name_are_lost(
    client: stripe.StripeClient,
) -> None:
    client.v1.coupons.create({"id": "half", "percent_off": 50, "duration": "forever"})
    subscription = a_subscription(client, discounts=[{"coupon": "half"}])

    plan(client, under_schedule(client, subscription), a_price(client, 1000))

    assert client.v1.subscriptions.retrieve(subscription.id).discounts == []


def test_the_present_phase_follows_the_subscription(client: stripe.StripeClient) -> None:
    subscription = a_subscription(client)
    schedule = under_schedule(client, subscription)
    (item,) = subscription["items"].data
    more: Any = [{"id": item.id, "quantity": 3}]

    client.v1.subscriptions.update(subscription.id, {"items": more, "proration_behavior": "none"})

    (phase,) = client.v1.subscription_schedules.retrieve(schedule.id).phases
    assert phase["items"][0].quantity == 3
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"start_date": NOW + 1}, {}),
        ({"end_date": NOW - 1}, {}),
        ({"items": []}, {}),
        ({}, {"items": []}),
        ({}, {"start_date": NEXT_MONTH + 1}),
        ({}, {"proration_behavior": "create_prorations"}),
        ({}, {"end_date": NEXT_MONTH}),
        ({}, {"trial": True}),
        ({}, {"discounts": [{"coupon": "none"}]}),
    ],
)
def test_phases_that_make_no_sense_change_nothing(
    client: stripe.StripeClient, first: Any, then: Any
) -> None:
    subscription = a_subscription(client)
    schedule = under_schedule(client, subscription)
    before = client.v1.subscriptions.retrieve(subscription.id).to_dict()

    with pytest.raises(stripe.InvalidRequestError):
        plan(client, schedule, a_price(client, 500), first=first, then=then)

    after = client.v1.subscription_schedules.retrieve(schedule.id)
    assert after.to_dict() == schedule.to_dict()
    assert client.v1.subscriptions.retrieve(subscription.id).to_dict() == before
