"""Rows about what Stripe reports: E9 to E14 of the acceptance tables.

The number of the row is in the test's name, as it is for renewals (E1 to E8) elsewhere. Amounts are
exact.
"""

from typing import Any

import pytest

from tests.billing.conftest import Shop
from tests.billing.test_renewals import metered, subscribed, track
from tests.builders import a_feature, a_plan, monthly

OPTION = "VOID_INVOICES_ON_CANCELLATION"


def a_default(shop: Shop) -> None:
    """Let plan basic, which costs nothing, be what customers fall back to."""
    a_plan(shop.call, "basic", monthly("messages", 10), auto_enable=True)


def ended_at_stripe(shop: Shop, stripe_id: str) -> None:
    (held,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{held['id']}", "DELETE")
    shop.report()


def overdue(shop: Shop) -> str:
    """A customer of pro whose card fails from the first renewal on; return its Stripe id."""
    stripe_id = shop.customer()
    shop.attach("pro")
    shop.save_card(stripe_id, "pm_card_chargeCustomerFail")
    shop.pass_time(days=32)
    return stripe_id


def test_e9_a_renewal_that_fails_leaves_the_plan_past_due_and_in_use(shop: Shop) -> None:
    overdue(shop)

    (held,) = shop.done("customers.get", customer_id="user_1")["subscriptions"]
    assert (held["plan_id"], held["status"], held["past_due"]) == ("pro", "active", True)
    assert shop.invoices() == [(20, "open"), (20, "paid")]
    assert shop.done("balances.check", customer_id="user_1", feature_id="messages")["allowed"]


@pytest.mark.parametrize("other", [None, "downgrade", "addon"])
def test_e10_what_stripe_ends_makes_room_for_the_free_plan(shop: Shop, other: str | None) -> None:
    a_default(shop)
    stripe_id = shop.customer()
    shop.attach("premium" if other == "downgrade" else "pro")
    if other is not None:
        shop.attach("pro" if other == "downgrade" else other)
    before = {
        None: {"pro": "active"},
        "downgrade": {"premium": "canceling", "pro": "scheduled"},
        "addon": {"pro": "active", "addon": "active"},
    }
    assert shop.plans() == before[other]
    ended_at_stripe(shop, stripe_id)

    assert (shop.plans(), shop.remaining()) == ({"basic": "active"}, 10)


@pytest.mark.parametrize(
    ("at_once", "billed"), [(True, [(20, "paid")]), (False, [(40, "paid"), (20, "paid")])]
)
def test_e11_usage_of_entities_is_billed_at_the_end_of_a_period_alone(
    shop: Shop, *, at_once: bool, billed: list[Any]
) -> None:
    a_feature(shop.call, "seats", consumable=False)
    stripe_id = subscribed(shop, {**metered(), "entity_feature_id": "seats"})
    for name in ("seat_1", "seat_2"):
        body = {"customer_id": "user_1", "entity_id": name, "feature_id": "seats"}
        shop.done("entities.create", **body)
        track(shop, 300, entity_id=name)
    if at_once:
        ended_at_stripe(shop, stripe_id)
    else:
        (held,) = shop.subscriptions(stripe_id)
        shop.api(f"subscriptions/{held['id']}", cancel_at_period_end="true")
        shop.pass_time(days=32)

    assert (shop.plans(), shop.invoices()) == ({}, billed)


@pytest.mark.parametrize("how", ["at Stripe", "here", "uncollectible"])
@pytest.mark.parametrize(("option", "status"), [("true", "void"), ("false", "open")])
def test_e12_what_is_owed_is_given_up_with_the_plan_if_the_option_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, option: str, status: str, how: str
) -> None:
    monkeypatch.setenv(OPTION, option)
    stripe_id = overdue(shop)
    if how == "here":
        ending = {"plan_id": "pro", "cancel_action": "cancel_immediately"}
        shop.done("billing.update", customer_id="user_1", **ending)
        shop.report()
    else:
        if how == "uncollectible":
            unpaid = shop.done("invoices.list", customer_id="user_1")["list"][0]["stripe_id"]
            shop.stripe.step(unpaid, "mark_uncollectible")
            status = {"open": how}.get(status, status)
        ended_at_stripe(shop, stripe_id)

    assert (shop.plans(), shop.invoices()) == ({}, [(20, status), (20, "paid")])


def test_e13_stripe_takes_a_cancellation_back_and_a_repeated_one_changes_nothing(
    shop: Shop,
) -> None:
    a_default(shop)
    stripe_id = shop.customer()
    shop.attach("pro")
    (held,) = shop.subscriptions(stripe_id)
    path, ending = f"subscriptions/{held['id']}", {"plan_id": "pro"}
    for _ in range(2):
        asked = {**ending, "cancel_action": "cancel_end_of_cycle"}
        shop.done("billing.update", customer_id="user_1", **asked)
        shop.report()
        assert shop.plans() == {"pro": "canceling", "basic": "scheduled"}
    shop.api(path, cancel_at_period_end="false")
    shop.report()
    assert shop.plans() == {"pro": "active"}

    for _ in range(2):
        shop.clock.advance(seconds=1)
        shop.api(path, cancel_at_period_end="true")
        shop.report()
        assert shop.plans() == {"pro": "canceling", "basic": "scheduled"}
    shop.api(path, cancel_at_period_end="false")
    shop.report()
    assert shop.plans() == {"pro": "active"}


def test_e14_the_page_fills_in_a_name_and_an_address_that_were_missing(shop: Shop) -> None:
    typed = {"name": "Ada Lovelace", "email": "ada@example.com"}
    address = {"email": "a@example.com"}
    cases: dict[str | None, Any] = {"user_1": {}, "user_2": {**address, "name": "A"}, None: address}
    for asked, known in cases.items():
        made = shop.done("customers.get_or_create", customer_id=asked, **known, with_autumn_id=True)
        customer_id = made["autumn_id"]
        shop.pay(shop.attach("pro", customer_id)["payment_url"], **typed)
        shown = shop.done("customers.get", customer_id=customer_id)
        assert {name: shown[name] for name in typed} == typed | known
        assert shop.plans(customer_id) == {"pro": "active"}


def test_e14_a_page_that_only_saves_a_card_fills_them_in_too(shop: Shop) -> None:
    shop.done("customers.get_or_create", customer_id="user_1")
    url = shop.done("billing.setup_payment", customer_id="user_1")["url"]
    shop.pay(url, name="Ada Lovelace", email="ada@example.com")

    shown = shop.done("customers.get", customer_id="user_1")
    assert (shown["name"], shown["email"]) == ("Ada Lovelace", "ada@example.com")


@pytest.mark.parametrize("wanted", [True, False])
def test_a_receipt_of_each_payment_is_mailed_to_who_wants_it(shop: Shop, *, wanted: bool) -> None:
    stripe_id = shop.customer()
    shop.done("customers.update", customer_id="user_1", send_email_receipts=wanted)
    shop.attach("pro")
    shop.pass_time(days=32)

    payments = shop.api("invoice_payments", "GET")["data"]
    intents = [
        shop.api(f"payment_intents/{one['payment']['payment_intent']}", "GET") for one in payments
    ]
    email = shop.done("customers.get", customer_id="user_1")["email"]
    assert email
    assert {one["customer"] for one in intents} == {stripe_id}
    assert [one["receipt_email"] for one in intents] == [email if wanted else None] * 2
