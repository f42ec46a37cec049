"""New customers that get a plan with a price by themselves, asked for by several at once."""

import pytest

from tests.billing.conftest import Shop, shop
from tests.billing.test_default_plans import a_default
from tests.billing.test_verify import foreign, price_of
from tests.concurrency.test_billing_races import asking, at_once

__all__ = ["shop"]

pytestmark = pytest.mark.concurrency


def test_a13_creations_at_once_make_one_customer_with_one_subscription(shop: Shop) -> None:
    a_default(shop)

    answers = at_once(*[asking(shop, "customers.get_or_create") for _ in range(3)])
    shop.report()

    assert [one.status for one in answers] == [200, 200, 200]
    assert {one.body["balances"]["messages"]["remaining"] for one in answers} == {500}
    (stripe_id,) = {one.body["stripe_id"] for one in answers}
    (subscription,) = shop.subscriptions(stripe_id)
    assert subscription["status"] == "trialing"
    assert shop.plans() == {"starter": "active"}


def test_a22_asking_at_once_for_one_that_is_there_gives_it_nothing(shop: Shop) -> None:
    shop.done("customers.get_or_create", customer_id="user_1")
    a_default(shop)

    acts = [asking(shop, "customers.get_or_create", create_in_stripe=True) for _ in range(5)]
    answers = at_once(*acts)

    (stripe_id,) = {one.body["stripe_id"] for one in answers}
    assert shop.subscriptions(stripe_id) == []
    assert shop.plans() == {}


def test_a23_creations_at_once_for_one_who_subscribes_already_give_one_plan(shop: Shop) -> None:
    pro = price_of(shop, "pro")
    stripe_id = shop.stripe.customer(email="ada@example.com")
    shop.save_card(stripe_id)
    subscription = foreign(shop, stripe_id, pro)

    acts = [asking(shop, "customers.get_or_create", stripe_id=stripe_id) for _ in range(10)]
    answers = at_once(*acts)
    answers += [act() for act in acts[:3]]
    shop.report()

    assert {one.status for one in answers} == {200}
    assert {one.body["balances"]["messages"]["remaining"] for one in answers} == {500}
    assert (shop.plans(), shop.remaining()) == ({"pro": "active"}, 500)
    assert [one["id"] for one in shop.subscriptions(stripe_id)] == [subscription]
