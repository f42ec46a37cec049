"""Plans that begin with a trial: free until it ends, paid after that."""

import pytest

from tests.billing.conftest import Shop, a_price
from tests.builders import a_plan, monthly

DAY = 86_400_000


@pytest.fixture
def trials(shop: Shop) -> Shop:
    def trial(**fields: object) -> dict[str, object]:
        return {"duration_length": 7, "duration_type": "day", "card_required": True, **fields}

    items = monthly("messages", 500)
    a_plan(shop.call, "tried", items, price=a_price(20), free_trial=trial(), group="main")
    open_trial = trial(card_required=False)
    a_plan(shop.call, "open", items, price=a_price(20), free_trial=open_trial, group="main")
    a_plan(shop.call, "better", items, price=a_price(50), group="main")
    return shop


def test_a_trial_is_free_until_it_ends(trials: Shop) -> None:
    trials.customer()
    seen = trials.preview("tried")
    assert (seen["total"], seen["next_cycle"]["total"]) == (0, 20)
    trials.attach("tried")

    (shown,) = trials.done("customers.get", customer_id="user_1")["subscriptions"]
    assert shown["status"] == "active"
    assert abs(shown["trial_ends_at"] - trials.clock.now - 7 * DAY) < 2000
    assert seen["next_cycle"]["starts_at"] - trials.clock.now < 7 * DAY
    trials.pass_time(days=8)
    assert trials.invoices() == [(20, "paid"), (0, "paid")]
    assert trials.plans() == {"tried": "active"}


def test_a_trial_without_a_card_needs_no_page(trials: Shop) -> None:
    trials.customer(card=None)
    answer = trials.attach("open")

    assert answer["payment_url"] is None
    assert trials.plans() == {"open": "active"}
    trials.pass_time(days=8)
    assert trials.plans() == {}


def test_a_trial_with_a_card_is_begun_on_stripes_page(trials: Shop) -> None:
    trials.customer(card=None)
    answer = trials.attach("tried")
    trials.pay(answer["payment_url"], card="pm_card_visa")

    assert trials.plans() == {"tried": "active"}
    assert trials.invoices() == [(0, "paid")]
    trials.pass_time(days=8)
    assert trials.invoices()[0] == (20, "paid")


def test_a_customer_tries_a_plan_once(trials: Shop) -> None:
    trials.customer()
    trials.attach("tried")
    trials.attach("better")
    assert trials.invoices()[0] == (50, "paid")

    assert trials.preview("tried")["next_cycle"]["total"] == 20
    trials.pass_time(days=1)
    (shown,) = trials.done("customers.get", customer_id="user_1")["subscriptions"]
    assert shown["trial_ends_at"] is None


def test_a_trial_plan_credits_what_was_paid(trials: Shop) -> None:
    trials.customer()
    a_plan(trials.call, "basic", monthly("messages", 10), price=a_price(20), group="main")
    trials.attach("basic")
    seen = trials.preview("tried")
    assert seen["total"] == -20
    trials.attach("tried")

    assert trials.plans() == {"tried": "active"}
    assert trials.invoices()[0][0] == -20


def test_an_add_on_joins_the_trial(trials: Shop) -> None:
    trials.customer()
    trials.attach("tried")
    assert trials.preview("addon")["total"] == 0
    trials.attach("addon")

    assert trials.invoices() == [(0, "paid")]
    trials.pass_time(days=8)
    assert trials.invoices()[0] == (40, "paid")
