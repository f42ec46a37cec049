"""The life of customers, told with the official Python client as it is published."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.vocabulary import DAY, Organization, Stripe, eventually, refused

pytestmark = pytest.mark.e2e

FEATURES: list[dict[str, Any]] = [
    {"feature_id": "messages", "name": "Messages", "type": "metered", "consumable": True},
    {"feature_id": "seats", "name": "Seats", "type": "metered", "consumable": False},
    {"feature_id": "sso", "name": "Single sign-on", "type": "boolean"},
]


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Organization:
    return Organization.on(stack, "python")


@pytest.fixture(scope="module")
def autumn(shop: Organization) -> Iterator[Any]:
    """Return a client of a shop with a default plan, another free one and one with a price."""
    # The features.* calls of this client fail before they send anything.
    for feature in FEATURES:
        shop.get_done("features.create", **feature)
    messages = {"feature_id": "messages", "included": 100, "reset": {"interval": "day"}}
    with shop.client() as client:
        client.plans.create(plan_id="free", name="Free", auto_enable=True, items=[messages])
        client.plans.create(
            plan_id="team",
            name="Team",
            items=[
                {**messages, "included": 1000},
                {"feature_id": "seats", "included": 3},
                {"feature_id": "sso"},
            ],
        )
        price = {"amount": 20, "interval": "month"}
        client.plans.create(plan_id="pro", name="Pro", price=price, items=[messages])
        yield client


def test_plans_are_kept_as_they_were_created(autumn: Any) -> None:
    plans = {plan.id: plan for plan in autumn.plans.list().list}

    assert plans.keys() == {"free", "team", "pro"}
    assert plans["free"].auto_enable
    assert plans["pro"].price.amount == 20
    assert [item.feature_id for item in plans["team"].items] == ["messages", "seats", "sso"]
    assert autumn.plans.get(plan_id="team").items[0].included == 1000


def test_a_new_customer_starts_with_the_default_plan(autumn: Any) -> None:
    ada = autumn.customers.get_or_create(
        customer_id="ada", name="Ada", email="ada@example.com", metadata={"team": "engines"}
    )

    assert (ada.id, ada.name, ada.email, ada.env) == ("ada", "Ada", "ada@example.com", "sandbox")
    assert ada.metadata == {"team": "engines"}
    [subscription] = ada.subscriptions
    assert (subscription.plan_id, subscription.status) == ("free", "active")
    messages = ada.balances["messages"]
    assert (messages.granted, messages.remaining, messages.usage) == (100, 100, 0)
    assert messages.next_reset_at == ada.created_at + DAY
    again = autumn.customers.get_or_create(customer_id="ada", name="Somebody else")
    assert (again.created_at, again.name) == (ada.created_at, "Ada")


def test_use_is_taken_exactly_and_can_be_given_back(autumn: Any) -> None:
    autumn.customers.get_or_create(customer_id="bob")

    for value, remaining in [
        (0.1, 99.9),
        (0.2, 99.7),
        (60, 39.7),
        (-0.3, 40),
        (1e-10, 39.9999999999),
    ]:
        tracked = autumn.track(customer_id="bob", feature_id="messages", value=value)
        assert tracked.value == value
        assert tracked.balance.remaining == remaining
        assert tracked.deductions[0].value == value
        # What was tracked is seen at once, everywhere.
        checked = autumn.check(customer_id="bob", feature_id="messages", required_balance=40)
        assert checked.balance.remaining == remaining
        assert checked.allowed is (remaining >= 40)
        found = autumn.customers.get(customer_id="bob")
        assert found.balances["messages"].remaining == remaining


def test_a_check_can_use_what_it_allows(autumn: Any) -> None:
    autumn.customers.get_or_create(customer_id="eve")

    used = autumn.check(
        customer_id="eve", feature_id="messages", required_balance=70, send_event=True
    )
    denied = autumn.check(
        customer_id="eve", feature_id="messages", required_balance=70, send_event=True
    )

    assert (used.allowed, used.balance.remaining) == (True, 30)
    assert (denied.allowed, denied.balance.remaining) == (False, 30)


def test_recorded_use_is_listed_newest_first(autumn: Any) -> None:
    autumn.customers.get_or_create(customer_id="cleo")
    yesterday = int(time.time() * 1000) - DAY
    autumn.track(customer_id="cleo", feature_id="messages", value=2.5, timestamp=yesterday)
    autumn.track(customer_id="cleo", feature_id="messages", properties={"model": "small"})

    events = eventually(
        lambda: autumn.events.list(customer_id="cleo").list, lambda listed: len(listed) == 2
    )

    assert [event.value for event in events] == [1, 2.5]
    assert events[0].properties == {"model": "small"}
    assert events[1].timestamp == yesterday
    assert {(event.customer_id, event.feature_id) for event in events} == {("cleo", "messages")}
    [paid] = events[1].deductions
    assert (paid.plan_id, paid.value) == ("free", 2.5)
    first = autumn.events.list(customer_id="cleo", limit=1)
    rest = autumn.events.list(customer_id="cleo", limit=1, start_cursor=first.next_cursor)
    assert [first.list[0].id, rest.list[0].id] == [event.id for event in events]
    assert rest.next_cursor is None


def test_an_edit_lasts_until_the_reset_job_runs(
    autumn: Any, shop: Organization, stack: Stack
) -> None:
    autumn.customers.get_or_create(customer_id="dan")
    autumn.track(customer_id="dan", feature_id="messages", value=30)

    # The client has no way to give a reason; the API has.
    edit = {"customer_id": "dan", "feature_id": "messages"}
    shop.get_done("balances.update", **edit, remaining=250, reason="Sorry for the outage")
    edited = autumn.check(customer_id="dan", feature_id="messages").balance
    autumn.balances.update(**edit, add_to_balance=-0.5)
    soon = int(time.time() * 1000) + 500
    autumn.balances.update(**edit, included_grant=120, next_reset_at=soon)
    both = autumn.check(customer_id="dan", feature_id="messages").balance
    eventually(lambda: time.time() * 1000, lambda now: now > soon)
    done = stack.invoke("ResetBalances", {})

    assert (edited.granted, edited.remaining, edited.usage) == (100, 250, -150)
    assert (both.granted, both.remaining, both.next_reset_at) == (120, 249.5, soon)
    assert done["ResetFailed"] == 0
    # It is written down, not only shown: nothing is due any more.
    assert stack.invoke("ResetBalances", {})["Reset"] == 0
    fresh = autumn.check(customer_id="dan", feature_id="messages").balance
    assert (fresh.granted, fresh.remaining, fresh.usage) == (100, 100, 0)
    assert fresh.next_reset_at == soon + DAY


def test_a_grant_of_its_own_stands_beside_the_plan(autumn: Any) -> None:
    autumn.customers.get_or_create(customer_id="fay")

    autumn.balances.create(
        customer_id="fay", feature_id="messages", included_grant=50, balance_id="promo"
    )
    autumn.balances.create(customer_id="fay", feature_id="sso")
    autumn.track(customer_id="fay", feature_id="messages", value=120)

    listed = {source.id: source for source in autumn.balances.list(customer_id="fay").list}
    of_plan = next(source for source in listed.values() if source.plan_id == "free")
    assert (of_plan.remaining, of_plan.usage) == (0, 100)
    assert (listed["promo"].remaining, listed["promo"].usage) == (30, 20)
    fay = autumn.customers.get(customer_id="fay")
    assert (fay.balances["messages"].granted, fay.balances["messages"].remaining) == (150, 30)
    assert autumn.check(customer_id="fay", feature_id="sso").flag.plan_id is None
    with refused(409, "invalid_request", "This customer has a balance promo already"):
        autumn.balances.create(
            customer_id="fay", feature_id="messages", included_grant=1, balance_id="promo"
        )


def test_a_free_plan_is_attached_at_once_and_only_once(autumn: Any) -> None:
    autumn.customers.get_or_create(customer_id="gus")

    attached = autumn.billing.attach(customer_id="gus", plan_id="team")

    assert attached.payment_url is None
    gus = autumn.customers.get(customer_id="gus")
    assert [one.plan_id for one in gus.subscriptions] == ["team"]
    assert gus.balances["messages"].granted == 1000
    assert gus.balances["seats"].remaining == 3
    assert gus.flags["sso"].plan_id == "team"
    with refused(409, "plan_already_attached", "Plan team is already attached to this customer"):
        autumn.billing.attach(customer_id="gus", plan_id="team")


def test_a_plan_with_a_price_is_not_attached_without_payment(autumn: Any) -> None:
    autumn.customers.get_or_create(customer_id="hal")

    attached = autumn.billing.attach(customer_id="hal", plan_id="pro")

    assert "/c/pay/" in attached.payment_url
    assert [one.plan_id for one in autumn.customers.get(customer_id="hal").subscriptions] == [
        "free"
    ]


def test_an_invoice_follows_its_state_in_stripe(autumn: Any, stripe: Stripe) -> None:
    in_stripe = stripe.customer("ida@example.com")
    autumn.customers.get_or_create(customer_id="ida", email="ida@example.com")
    linked = autumn.customers.update(customer_id="ida", stripe_id=in_stripe)
    assert linked.stripe_id == in_stripe

    line = {"description": "Pro", "amount": 2050, "metadata": {"orchard_plan_id": "pro"}}
    draft = stripe.invoice(in_stripe, line, currency="eur")
    for step, status in [(None, "draft"), ("finalize", "open"), ("pay", "paid")]:
        if step is not None:
            stripe.take(step, draft["id"])
        stripe.settle()
        [invoice] = autumn.invoices.list(customer_id="ida").list
        assert invoice.status == status

    assert (invoice.stripe_id, invoice.customer_id) == (draft["id"], "ida")
    assert (invoice.total, invoice.amount_paid, invoice.currency) == (20.5, 20.5, "eur")
    assert invoice.plan_ids == ["pro"]
    assert invoice.created_at == draft["created"] * 1000
    ida = autumn.customers.get(customer_id="ida", expand=["invoices"])
    [shown] = ida.invoices
    assert (shown.stripe_id, shown.status, shown.total) == (draft["id"], "paid", 20.5)
    assert shown.hosted_invoice_url == invoice.hosted_invoice_url
    assert autumn.invoices.list(customer_id="ida", status=["open"]).list == []


def test_a_customer_is_renamed_with_all_it_has(autumn: Any) -> None:
    made = autumn.customers.get_or_create(
        customer_id="jon", name="Jon", metadata={"team": "a", "tier": "gold"}
    )
    autumn.track(customer_id="jon", feature_id="messages", value=12.5)

    renamed = autumn.customers.update(
        customer_id="jon",
        new_customer_id="jonathan",
        name="Jonathan",
        metadata={"team": None, "since": 2024},
    )

    assert (renamed.id, renamed.name, renamed.created_at) == (
        "jonathan",
        "Jonathan",
        made.created_at,
    )
    assert renamed.metadata == {"tier": "gold", "since": 2024}
    found = autumn.customers.get(customer_id="jonathan")
    assert found.balances["messages"].remaining == 87.5
    events = eventually(lambda: autumn.events.list(customer_id="jonathan").list, bool)
    assert [event.value for event in events] == [12.5]
    with refused(404, "customer_not_found", "Customer jon not found"):
        autumn.customers.get(customer_id="jon")
    autumn.customers.get_or_create(customer_id="jo")
    message = "Customer with ID jonathan already exists, can't change to this ID"
    with refused(409, "customer_already_exists", message):
        autumn.customers.update(customer_id="jo", new_customer_id="jonathan")


def test_customers_are_found_page_by_page(autumn: Any) -> None:
    made = [f"kit-{number}" for number in range(5)]
    for name in made:
        autumn.customers.get_or_create(customer_id=name, email=f"{name}@kits.example")

    found, cursor = [], ""
    while cursor is not None:
        page = autumn.customers.list(search=" KITS.example ", limit=2, start_cursor=cursor)
        found.append([customer.id for customer in page.list])
        cursor = page.next_cursor

    assert found == [["kit-4", "kit-3"], ["kit-2", "kit-1"], ["kit-0"]]
    oldest_first = autumn.customers.list(search="kit-", sort_order="asc")
    assert [customer.id for customer in oldest_first.list] == made
    assert autumn.customers.list(search="nobody at all").list == []
    assert autumn.customers.list(plans=[{"id": "pro"}]).list == []


def test_a_deleted_customer_is_gone(autumn: Any) -> None:
    first = autumn.customers.get_or_create(customer_id="leo")
    autumn.track(customer_id="leo", feature_id="messages", value=40)

    assert autumn.customers.delete(customer_id="leo").success

    with refused(404, "customer_not_found", "Customer leo not found"):
        autumn.customers.get(customer_id="leo")
    with refused(404, "customer_not_found", "Customer leo not found"):
        autumn.track(customer_id="leo", feature_id="messages")
    second = autumn.customers.get_or_create(customer_id="leo")
    assert second.created_at > first.created_at
    assert second.balances["messages"].remaining == 100
    assert autumn.events.list(customer_id="leo").list == []


def test_what_is_wrong_is_said_in_the_error(autumn: Any) -> None:
    with refused(404, "customer_not_found", "Customer nobody not found"):
        autumn.check(customer_id="nobody", feature_id="messages")
    with refused(
        400,
        "invalid_inputs",
        "customer_id: cannot contain @ symbol. "
        "Use only letters, numbers, underscores, hyphens, and colons.",
    ):
        autumn.customers.get_or_create(customer_id="a@b.example")


def test_another_environment_knows_nothing_of_this_one(autumn: Any, stack: Stack) -> None:
    autumn.customers.get_or_create(customer_id="mia", name="Sandbox")
    with Organization.on(stack, "python", "live").client() as live:
        with refused(404, "customer_not_found", "Customer mia not found", "live"):
            live.customers.get(customer_id="mia")
        mia = live.customers.get_or_create(customer_id="mia", name="Live")

        assert (mia.env, mia.subscriptions) == ("live", [])
        assert live.plans.list().list == []
        assert [one.id for one in live.customers.list().list] == ["mia"]
    assert autumn.customers.get(customer_id="mia").name == "Sandbox"
