"""Rewards and coupons that many want at once, and processes that die in between."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest
from stripe import StripeClient

from orchard.store import customers
from orchard.store.table import Table
from tests.builders import a_customer, a_feature
from tests.concurrency.faults import Fault, Killed, trouble
from tests.concurrency.scenarios import restart
from tests.concurrency.test_races import at_once, patiently
from tests.concurrency.worlds import World
from tests.conftest import Call, Clock, session_of
from tests.harness import Response
from tests.pretended_stripe import Stripe

pytestmark = pytest.mark.concurrency

COUPON = {
    "id": "spring20",
    "name": "Spring 20",
    "type": "percentage_discount",
    "value": 20,
    "duration": {"type": "forever", "length": None},
    "plan_ids": None,
    "promo_codes": [{"code": "ONE", "global_max_redemption": 3}, {"code": "TWO"}],
}


def a_grant(call: Call, *codes: tuple[str, int | None], feature_id: str = "messages") -> None:
    grant = {
        "id": "beta",
        "name": "Beta",
        "grants": [{"feature_id": feature_id, "included": 10, "expiry": None}],
        "promo_codes": [{"code": code, "max_uses": most} for code, most in codes],
    }
    answered = call("rewards.create", {"feature_grant": grant})
    assert answered.status == 200, answered


def redeemed(call: Call, code: str, customer_id: str = "user_1") -> Response:
    return patiently(partial(call, "rewards.redeem", {"code": code, "customer_id": customer_id}))


def until_free(act: Callable[[], Response], clock: Clock) -> Response:
    """Ask until there is an answer, past processes that die and the locks that they leave."""
    for _ in range(10):
        try:
            answered = act()
        except Killed:
            restart()
            clock.advance(seconds=31)
            continue
        if answered.status not in {423, 503}:
            return answered
        clock.advance(seconds=31)
    raise AssertionError(answered)


def test_a_code_is_used_exactly_as_often_as_it_may_be(call: Call) -> None:
    a_feature(call)
    a_grant(call, ("BETA", 5))
    names = [f"user_{number}" for number in range(12)]
    for name in names:
        a_customer(call, name)
    answers = at_once([partial(redeemed, call, "BETA", name) for name in names])
    assert sorted(one.status for one in answers) == [200] * 5 + [400] * 7
    refused = {one.body["code"] for one in answers if one.status == 400}
    assert refused == {"referral_code_max_redemptions_reached"}
    for name, answered in zip(names, answers, strict=True):
        held = call("customers.get", {"customer_id": name}).body["balances"]
        assert bool(held) == (answered.status == 200)


def test_a_customer_gets_a_reward_once_however_often_it_asks(call: Call) -> None:
    a_feature(call)
    a_grant(call, ("A", None), ("B", None))
    a_customer(call)
    answers = at_once([partial(redeemed, call, code) for code in "ABABABAB"])
    assert sorted(one.status for one in answers) == [200] + [400] * 7
    held = call("customers.get", {"customer_id": "user_1"}).body["balances"]
    assert held["messages"]["granted"] == 10


def test_of_the_same_reward_made_at_once_exactly_one_is(call: Call, stripe: Stripe) -> None:
    answers = at_once([partial(call, "rewards.create", {"coupon": COUPON})] * 4)
    assert {one.status for one in answers if one.status != 200} <= {400, 423}
    assert [one.status for one in answers].count(200) == 1
    client = StripeClient("sk_test_pretended", base_addresses={"api": stripe.double.url})
    assert len(client.v1.promotion_codes.list({"active": True}).data) == 2


def test_coupons_added_at_once_are_all_there(
    call: Call, stripe: Stripe, table: Table, clock: Clock
) -> None:
    client = StripeClient("sk_test_pretended", base_addresses={"api": stripe.double.url})
    names = [f"c{number}" for number in range(6)]
    for name in names:
        client.v1.coupons.create({"id": name, "percent_off": 5, "duration": "forever"})
    a_customer(call)
    adds = [
        partial(call, "coupons.add", {"customer_id": "user_1", "coupon_id": name})
        for name in [*names, *names]
    ]
    answers = at_once([partial(patiently, add) for add in adds])
    assert {one.status for one in answers} == {200}
    held = customers.locate(session_of(table, clock.now), "user_1").coupons
    assert sorted(one.coupon.id for one in held) == names
    assert len(client.v1.customers.list().data) == 1


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
def test_a_redemption_that_is_interrupted_is_made_once_and_whole(
    world: World, call: Call, fault: Fault
) -> None:
    a_grant(call, ("BETA", 5), feature_id="words")
    before = call("customers.get", {"customer_id": "user_1"}).body["balances"]["words"]["granted"]
    world.keep()
    for position in count():
        world.back()
        world.client.arrange(position, trouble(fault))
        body: dict[str, Any] = {"code": "BETA", "customer_id": "user_1"}
        answered = until_free(partial(call, "rewards.redeem", body), world.stage.clock)
        happened = world.client.clear()
        held = call("customers.get", {"customer_id": "user_1"}).body["balances"]["words"]
        assert held["granted"] == before + 10, (position, answered)
        assert answered.body.get("code") in {None, "customer_already_redeemed_referral_code"}
        if not happened:
            break
    assert position > 2


@pytest.mark.parametrize("fault", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
def test_a_reward_that_is_interrupted_is_made_by_the_same_request(
    world: World, call: Call, stripe: Stripe, fault: Fault
) -> None:
    client = StripeClient("sk_test_pretended", base_addresses={"api": stripe.double.url})
    world.keep()
    for position in count():
        world.back()
        for one in client.v1.coupons.list().data:
            client.v1.coupons.delete(one.id)
        world.client.arrange(position, trouble(fault))
        create = partial(call, "rewards.create", {"coupon": COUPON})
        answered = until_free(create, world.stage.clock)
        happened = world.client.clear()
        assert answered.body.get("code") in {None, "duplicate_reward_id"}, (position, answered)
        listed = call("rewards.list", {}).body["coupons"]
        assert [one["id"] for one in listed] == ["spring20"]
        assert client.v1.coupons.retrieve("spring20").percent_off == 20
        live = client.v1.promotion_codes.list({"active": True}).data
        assert sorted((one.code, one.max_redemptions) for one in live) == [
            ("ONE", 3),
            ("TWO", None),
        ]
        if not happened:
            break
    assert position > 2
