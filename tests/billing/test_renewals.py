"""What a renewal bills: usage of the period that ended, on the draft of the next one's invoice."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from stripe import RequestsClient

from orchard.domain.billing.stripe_prices import product_id
from orchard.gateways import stripe_subscriptions
from orchard.store import customer_plans, customers, invoices, turns
from orchard.store.session import Session
from orchard.store.table import Table
from orchard.triggers import connection
from orchard.usecases.billing.renewals import renewing, usage_billing
from tests.billing.conftest import Shop
from tests.builders import a_feature, a_plan
from tests.concurrency.faults import Killed
from tests.conftest import session_of


def metered(amount: float = 0.1, **price: Any) -> dict[str, Any]:
    """100 messages a month, and each beyond them for an amount."""
    billed = {"amount": amount, "interval": "month", "billing_method": "usage_based", **price}
    return {"feature_id": "messages", "included": 100, "price": billed}


def subscribed(shop: Shop, *items: Any, **fields: Any) -> str:
    """A customer of a plan for $20 a month, with the items or else metered messages."""
    given = {"price": {"amount": 20, "interval": "month"}, **fields}
    a_plan(shop.call, "metered", *(items or (metered(),)), **given)
    stripe_id = shop.customer()
    shop.attach("metered")
    return stripe_id


def track(shop: Shop, value: float, feature_id: str = "messages", **fields: Any) -> None:
    shop.done("balances.track", customer_id="user_1", feature_id=feature_id, value=value, **fields)


def month_end(shop: Shop) -> None:
    """Let time pass until a renewal is drafted at Stripe, and nobody has heard of it."""
    shown = shop.done("customers.get", customer_id="user_1")["subscriptions"][0]
    shop.clock.now = shown["current_period_end"]
    shop.stripe.control("clock/advance", {"by": 0, "stop_after": "invoice.created"})


def newest(shop: Shop) -> tuple[float, str]:
    return shop.invoices()[0]


@pytest.mark.parametrize(
    ("used", "price", "total"),
    [
        (250.5, {}, 35.10),
        (50, {}, 20),
        (1000, {}, 110),
        (155, {"amount": 1, "billing_units": 10}, 26),
    ],
)
def test_e1_to_e3_a_renewal_bills_what_was_used_beyond_the_balance(
    shop: Shop, used: float, price: Any, total: float
) -> None:
    subscribed(shop, metered(**price))
    track(shop, used)
    shop.pass_time(days=31)
    assert newest(shop) == (total, "paid")
    assert shop.remaining() == 100


def test_the_draft_shows_usage_before_it_is_final(shop: Shop) -> None:
    words = {**metered(0.05), "feature_id": "words", "included": 50}
    a_feature(shop.call, "words")
    subscribed(shop, metered(), words)
    track(shop, 200)
    track(shop, 150, "words")
    month_end(shop)
    shop.report()
    assert newest(shop) == (35, "draft")
    shop.pass_time(days=1)
    assert newest(shop) == (35, "paid")
    assert (shop.remaining(), shop.remaining("words")) == (100, 50)


def test_a_negative_edit_shows_on_the_next_invoice_to_the_cent(shop: Shop) -> None:
    subscribed(shop)
    track(shop, 250)
    edit = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": -33.5}
    told = shop.done("balances.preview_update", **edit)["next_invoice"]
    assert (told["before"], told["after"]) == (15, 18.4)
    shop.done("balances.update", **edit)
    shop.pass_time(days=31)
    assert newest(shop) == (38.4, "paid")
    assert shop.remaining() == 100


def test_e8_usage_on_trial_is_never_billed(shop: Shop) -> None:
    trial = {"duration_length": 14, "duration_type": "day", "card_required": True}
    subscribed(shop, free_trial=trial)
    track(shop, 250)
    shop.pass_time(days=15)
    assert newest(shop) == (20, "paid")
    assert shop.remaining() == 100
    track(shop, 150)
    shop.pass_time(days=31)
    assert newest(shop) == (25, "paid")


@pytest.mark.parametrize(("used", "total"), [((55, 23), 28), ((50, 150), 40)])
def test_what_entities_use_is_summed_before_it_is_rounded(
    shop: Shop, used: tuple[int, ...], total: float
) -> None:
    a_feature(shop.call, "seats", consumable=False)
    item = {**metered(1, billing_units=10), "entity_feature_id": "seats"}
    subscribed(shop, item)
    for number, beyond in enumerate(used):
        body = {"customer_id": "user_1", "entity_id": f"seat_{number}", "feature_id": "seats"}
        shop.done("entities.create", **body)
        track(shop, 100 + beyond, entity_id=f"seat_{number}")
    shop.pass_time(days=31)
    assert newest(shop) == (total, "paid")
    assert shop.remaining() == 200


def test_an_entity_that_is_deleted_leaves_its_usage_to_be_billed(shop: Shop) -> None:
    a_feature(shop.call, "seats", consumable=False)
    subscribed(shop, {**metered(), "entity_feature_id": "seats"})
    for name in ("seat_1", "seat_2"):
        body = {"customer_id": "user_1", "entity_id": name, "feature_id": "seats"}
        shop.done("entities.create", **body)
        track(shop, 150, entity_id=name)
    shop.done("entities.delete", customer_id="user_1", entity_id="seat_2")
    shop.pass_time(days=31)
    assert newest(shop) == (30, "paid")


def test_overage_that_is_waived_is_reset_without_a_charge(shop: Shop) -> None:
    subscribed(shop)
    limit = {"feature_id": "messages", "enabled": True, "skip_overage_billing": True}
    controls = {"spend_limits": [{**limit, "overage_limit": 1000}]}
    shop.done("customers.update", customer_id="user_1", billing_controls=controls)
    track(shop, 300)
    shop.pass_time(days=31)
    assert newest(shop) == (20, "paid")
    assert shop.remaining() == 100


def test_a_customer_whose_overage_is_free_pays_none(shop: Shop) -> None:
    subscribed(shop)
    config = {"disable_overage_billing": True}
    shop.done("customers.update", customer_id="user_1", config=config)
    track(shop, 300)
    shop.pass_time(days=31)
    assert newest(shop) == (20, "paid")
    assert shop.remaining() == 100


def test_e5_a_coupon_of_the_subscription_is_for_usage_too(shop: Shop) -> None:
    stripe_id = subscribed(shop)
    shop.api("coupons", id="QUARTER", percent_off=25, duration="forever")
    (subscription,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{subscription['id']}", **{"discounts[0][coupon]": "QUARTER"})
    track(shop, 300)
    shop.pass_time(days=31)
    assert newest(shop) == (30, "paid")


@pytest.mark.parametrize(("feature_id", "total"), [(None, 20), ("messages", 25)])
def test_e6_a_coupon_can_be_for_usage_alone_or_for_all_else(
    shop: Shop, feature_id: str | None, total: float
) -> None:
    stripe_id = subscribed(shop)
    product = product_id("org/sandbox", "metered", feature_id)
    coupon: dict[str, Any] = {"id": "HALF", "percent_off": 50, "duration": "forever"}
    shop.api("coupons", **coupon, **{"applies_to[products][0]": product})
    (subscription,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{subscription['id']}", **{"discounts[0][coupon]": "HALF"})
    track(shop, 200)
    shop.pass_time(days=31)
    assert newest(shop) == (total, "paid")


#: Whoever dies between calls that only read leaves the same behind.
READS = {"GetItem", "BatchGetItem", "Query", "get"}


class Death:
    """A process that dies before one of its writes to Stripe or the table."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, table: Table) -> None:
        self.left: int | None = None
        for place, name in ((table.client, "_make_api_call"), (RequestsClient, "request")):
            monkeypatch.setattr(place, name, self.watching(getattr(place, name)))

    def watching(self, call: Any) -> Any:
        def watched(*given: Any, **named: Any) -> Any:
            if self.left is not None and not READS & {one for one in given if type(one) is str}:
                self.left -= 1
                if self.left < 0:
                    raise Killed
            return call(*given, **named)

        return watched

    def strikes(self, act: Any, calls: int) -> bool:
        """Let somebody act who dies after so many writes; whether it came to that."""
        self.left = calls
        try:
            act()
        except Killed:
            return True
        finally:
            self.left = None
        return False


def test_whoever_dies_at_any_write_leaves_a_renewal_that_is_made_once(
    shop: Shop, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_feature(shop.call, "words")
    subscribed(shop, metered(), {**metered(0.05), "feature_id": "words"})
    track(shop, 20)
    death, calls, struck = Death(monkeypatch, table), 0, True
    while struck:
        track(shop, 230)
        track(shop, 140, "words")
        month_end(shop)
        event = shop.stripe.reports("invoice.created")[-1]
        struck = death.strikes(partial(shop.stripe.deliver, event), calls)
        shop.clock.advance(seconds=31)
        track(shop, 20)
        assert shop.stripe.deliver(event).status == 200
        made = shop.api(f"invoices/{event['data']['object']['id']}", "GET")
        assert (made["total"], shop.remaining(), calls) == (3700, 80, calls)
        assert shop.remaining("words") == 100
        calls += 1
    assert calls > 6
    billed = shop.api("invoices", "GET", limit=100)["data"]
    assert [one["total"] for one in billed] == [3700] * calls + [2000]


def test_what_is_too_late_for_an_invoice_is_on_the_next(shop: Shop) -> None:
    subscribed(shop)
    track(shop, 250)
    month_end(shop)
    event = shop.stripe.reports("invoice.created")[-1]
    shop.clock.advance(seconds=7200)
    shop.stripe.control("clock/advance", {"by": 0})
    shop.report()
    assert newest(shop) == (20, "paid")
    assert shop.stripe.deliver(event).status == 200
    track(shop, 110)
    shop.pass_time(days=31)
    assert newest(shop) == (36, "paid")
    shop.pass_time(days=31)
    assert newest(shop) == (20, "paid")


def test_a_renewal_waits_for_whoever_changes_the_billing(shop: Shop, session: Session) -> None:
    subscribed(shop)
    track(shop, 250)
    month_end(shop)
    event = shop.stripe.reports("invoice.created")[-1]
    owner = customers.locate(session, "user_1").internal_id
    turns.take(replace(session, now=shop.clock.now), owner, "somebody")
    assert shop.stripe.deliver(event).status == 423
    shop.clock.advance(seconds=31)
    shop.report()
    shop.pass_time(days=1)
    assert newest(shop) == (35, "paid")


def test_prepaid_units_of_the_next_cycle_come_with_it(shop: Shop) -> None:
    price = {"amount": 1, "interval": "month", "billing_units": 10, "billing_method": "prepaid"}
    a_plan(shop.call, "ahead", {"feature_id": "credits", "included": 10, "price": price})
    shop.customer()
    bought = [{"feature_id": "credits", "quantity": 40}]
    shop.attach("ahead", feature_quantities=bought)
    track(shop, 25, "credits")
    announce(shop, {"credits": Decimal(20)})
    shop.pass_time(days=31)
    assert shop.remaining("credits") == 20
    held = shop.done("customers.get", customer_id="user_1")["balances"]["credits"]
    assert (held["granted"], held["usage"]) == (20, 0)


def announce(shop: Shop, units: dict[str, Decimal]) -> None:
    """Let the customer have other prepaid units from the next cycle on."""
    session = session_of(connection.table(), shop.clock.now)
    account = customers.require(session, "user_1")
    (held,) = account.plans
    later = held._replace(upcoming_quantities=units)
    session.commit(
        customers.touch(session, account.customer),
        customer_plans.put(session, account.customer, later),
    )


def test_usage_is_billed_once_more_when_a_subscription_ends_with_its_period(shop: Shop) -> None:
    stripe_id = subscribed(shop)
    track(shop, 300)
    (subscription,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{subscription['id']}", cancel_at_period_end="true")
    shop.report()
    shop.clock.now = int(subscription["items"]["data"][0]["current_period_end"]) * 1000
    shop.stripe.control("clock/advance", {"by": 0})
    session = session_of(connection.table(), shop.clock.now)
    account = customers.require(session, "user_1")
    ended = stripe_subscriptions.get("sandbox", subscription["id"])
    assert ended is not None
    assert renewing.catch_up(session, account, ended)
    assert not renewing.catch_up(session, account, ended)
    shop.report()
    assert shop.invoices() == [(20, "paid"), (20, "paid")]
    assert shop.plans() == {}


def test_a_subscription_that_ends_at_once_bills_no_usage(shop: Shop) -> None:
    stripe_id = subscribed(shop)
    track(shop, 300)
    (subscription,) = shop.subscriptions(stripe_id)
    shop.api(f"subscriptions/{subscription['id']}", method="DELETE")
    shop.report()
    assert shop.invoices() == [(20, "paid")]
    assert shop.plans() == {}


def test_more_balances_than_a_transaction_holds_are_renewed_in_steps(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_billing, "MOST_WRITES", 2)
    monkeypatch.setattr(renewing, "MOST_WRITES", 2)
    a_feature(shop.call, "seats", consumable=False)
    subscribed(shop, {**metered(1, billing_units=10), "entity_feature_id": "seats"})
    for number in range(5):
        body = {"customer_id": "user_1", "entity_id": f"seat_{number}", "feature_id": "seats"}
        shop.done("entities.create", **body)
        track(shop, 101, entity_id=f"seat_{number}")
    shop.pass_time(days=31)
    assert newest(shop) == (21, "paid")
    assert shop.remaining() == 500
    shop.pass_time(days=31)
    assert newest(shop) == (20, "paid")


def test_periods_of_a_year_wait_for_their_end(shop: Shop) -> None:
    yearly = {**metered(1), "feature_id": "words"}
    yearly["price"] = {**yearly["price"], "interval": "year"}
    a_feature(shop.call, "words")
    subscribed(shop, metered(), yearly)
    track(shop, 150)
    track(shop, 107, "words")
    shop.pass_time(days=31)
    assert newest(shop) == (25, "paid")
    assert (shop.remaining(), shop.remaining("words")) == (100, 0)
    shop.pass_time(days=335)
    assert newest(shop) == (27, "paid")
    assert shop.remaining("words") == 100


def test_the_end_of_a_month_is_not_lost_in_february(shop: Shop) -> None:
    shop.clock.advance(days=152)  # 31 January 2027
    subscribed(shop)
    for day in ("28 Feb 2027", "31 Mar 2027", "30 Apr 2027"):
        month_end(shop)
        shop.report()
        ended = datetime.fromtimestamp(shop.clock.now / 1000, UTC)
        assert f"{ended.day} {ended:%b %Y}" == day
        held = shop.done("customers.get", customer_id="user_1")
        resets_at = held["balances"]["messages"]["next_reset_at"]
        assert resets_at == held["subscriptions"][0]["current_period_end"]


def test_e4_a_coupon_of_the_customer_takes_off_a_renewal_and_its_usage(shop: Shop) -> None:
    subscribed(shop)
    shop.api("coupons", id="twenty", percent_off="20", duration="forever", name="Twenty")
    shop.done("coupons.add", customer_id="user_1", coupon_id="twenty")
    track(shop, 200)
    shop.pass_time(days=31)

    assert newest(shop) == (24, "paid")


def test_e7_what_a_coupon_took_off_is_kept_with_the_draft(shop: Shop, session: Session) -> None:
    shop.customer()
    shop.api("coupons", id="twenty", percent_off="20", duration="forever", name="Twenty")
    shop.attach("pro", discounts=[{"reward_id": "twenty"}])
    month_end(shop)
    shop.report()

    owner = customers.require(session, "user_1").customer.internal_id
    (draft, *_) = invoices.newest(session, owner)
    (discount,) = draft.discounts
    assert draft.status == "draft"
    assert (discount.coupon_id, discount.coupon_name, discount.amount_used) == (
        "twenty",
        "Twenty",
        4,
    )
