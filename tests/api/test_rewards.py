"""`rewards.*`, against the Stripe double."""

from typing import Any

import pytest
from stripe import StripeClient

from orchard.domain.billing.stripe_prices import product_id
from tests.builders import a_customer, a_feature, a_plan, balance, monthly
from tests.conftest import START, TENANT, Call, Clock
from tests.pretended_stripe import Stripe

LAUNCH: dict[str, Any] = {
    "id": "spring20",
    "name": "Spring 20",
    "type": "percentage_discount",
    "value": 20,
    "duration": {"type": "months", "length": 3},
    "plan_ids": None,
    "promo_codes": [],
}
BETA: dict[str, Any] = {
    "id": "beta",
    "name": "Beta",
    "grants": [
        {"feature_id": "messages", "included": 1000, "expiry": {"type": "month", "length": 1}}
    ],
    "promo_codes": [{"code": "BETA", "max_uses": 2}],
}


@pytest.fixture
def client(stripe: Stripe) -> StripeClient:
    return StripeClient("sk_test_pretended", base_addresses={"api": stripe.double.url})


def a_reward(call: Call, **fields: Any) -> dict[str, Any]:
    answered = call("rewards.create", {"coupon": {**LAUNCH, **fields}})
    assert answered.status == 200, answered
    coupon: dict[str, Any] = answered.body["coupon"]
    return coupon


def a_grant(call: Call, **fields: Any) -> dict[str, Any]:
    a_feature(call)
    answered = call("rewards.create", {"feature_grant": {**BETA, **fields}})
    assert answered.status == 200, answered
    grant: dict[str, Any] = answered.body["feature_grant"]
    return grant


def refused(answered: Any) -> tuple[int, str]:
    return answered.status, answered.body.get("code")


def live_codes(client: StripeClient) -> dict[str, int | None]:
    """The active codes at Stripe, with how often they may still be used."""
    found = client.v1.promotion_codes.list({"active": True}).data
    return {
        one.code: one.max_redemptions and one.max_redemptions - one.times_redeemed for one in found
    }


def used(stripe: Stripe, code: str, times: int = 1) -> None:
    kept = stripe.double.account.objects("promotion_code").values()
    next(one for one in kept if one["code"] == code and one["active"])["times_redeemed"] += times


@pytest.mark.usefixtures("stripe")
def test_a_coupon_comes_back_as_it_was_made(call: Call) -> None:
    codes = [
        {"code": "SPRING20", "global_max_redemption": 100, "first_time_transaction": True},
        {"code": "PLAIN"},
    ]
    made = a_reward(call, promo_codes=codes)
    assert made == {**LAUNCH, "promo_codes": codes, "created_at": START}
    assert call("rewards.get", {"reward_id": "spring20"}).body == {"coupon": made}
    assert call("rewards.list", {}).body == {"coupons": [made], "feature_grants": []}


def test_stripe_has_the_coupon_under_the_id_of_the_reward(call: Call, client: StripeClient) -> None:
    a_reward(call, promo_codes=[{"code": "SPRING20", "global_max_redemption": 100}])
    coupon = client.v1.coupons.retrieve("spring20")
    assert (coupon.percent_off, coupon.duration, coupon.duration_in_months) == (20, "repeating", 3)
    assert coupon.name == "Spring 20"
    assert live_codes(client) == {"SPRING20": 100}


def test_an_amount_is_in_the_smallest_units_at_stripe(call: Call, client: StripeClient) -> None:
    a_reward(call, type="fixed_discount", value=5.5, duration={"type": "one_off", "length": None})
    coupon = client.v1.coupons.retrieve("spring20")
    assert (coupon.amount_off, coupon.currency, coupon.duration) == (550, "usd", "once")


def test_a_coupon_for_plans_is_for_their_products(call: Call, client: StripeClient) -> None:
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 10), price={"amount": 20, "interval": "month"})
    made = a_reward(call, plan_ids=["pro"])
    assert made["plan_ids"] == ["pro"]
    coupon = client.v1.coupons.retrieve("spring20", {"expand": ["applies_to"]})
    assert coupon.applies_to is not None
    assert coupon.applies_to.products == [product_id(TENANT, "pro", None)]
    assert client.v1.products.retrieve(product_id(TENANT, "pro", None)).name == "Pro"


def test_a_coupon_for_one_off_plans_is_good_once(call: Call, client: StripeClient) -> None:
    a_feature(call)
    item = {"feature_id": "messages", "included": 10}
    a_plan(call, "pack", item, price={"amount": 10, "interval": "one_off"})
    a_reward(call, plan_ids=["pack"])
    assert client.v1.coupons.retrieve("spring20").duration == "once"


def test_a_coupon_for_an_unknown_or_a_free_plan_is_refused(
    call: Call, client: StripeClient
) -> None:
    a_feature(call)
    a_plan(call, "free")
    for plan_id, expected in (
        ("no", (404, "product_not_found")),
        ("free", (400, "product_not_in_stripe")),
    ):
        answered = call("rewards.create", {"coupon": {**LAUNCH, "plan_ids": [plan_id]}})
        assert refused(answered) == expected
    assert client.v1.coupons.list().data == []
    assert call("rewards.list", {}).body["coupons"] == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"value": 0}, "value"),
        ({"value": 101}, "100"),
        ({"value": 2.555}, "two digits"),
        ({"duration": {"type": "months", "length": None}}, "length"),
        ({"duration": {"type": "forever", "length": 2}}, "length"),
        ({"plan_ids": []}, "plan_ids"),
        ({"name": ""}, "name"),
        ({"id": "a b"}, "letters"),
        ({"extra": 1}, "extra"),
        ({"promo_codes": [{"code": "a b"}]}, "letters"),
        ({"type": "free_product"}, "type"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(
    call: Call, fields: dict[str, Any], message: str
) -> None:
    answered = call("rewards.create", {"coupon": {**LAUNCH, **fields}})
    assert refused(answered) == (400, "invalid_inputs")
    assert message in answered.body["message"]


def test_exactly_one_kind_is_defined_at_once(call: Call) -> None:
    assert call("rewards.create", {}).status == 400
    assert call("rewards.create", {"coupon": LAUNCH, "feature_grant": BETA}).status == 400


@pytest.mark.usefixtures("stripe")
def test_an_id_and_a_code_belong_to_one_reward(call: Call) -> None:
    a_reward(call, promo_codes=[{"code": "SPRING"}])
    assert refused(call("rewards.create", {"coupon": LAUNCH})) == (400, "duplicate_reward_id")
    other = {**LAUNCH, "id": "other", "promo_codes": [{"code": "spring"}]}
    assert refused(call("rewards.create", {"coupon": other})) == (400, "duplicate_promo_code")
    twice = {**LAUNCH, "id": "other", "promo_codes": [{"code": "NEW"}, {"code": "new"}]}
    assert refused(call("rewards.create", {"coupon": twice})) == (400, "duplicate_promo_code")
    zero = {**LAUNCH, "id": "other", "promo_codes": [{"code": "X", "global_max_redemption": 0}]}
    assert refused(call("rewards.create", {"coupon": zero})) == (400, "invalid_reward")


def test_what_stripe_has_of_others_is_left_alone(call: Call, client: StripeClient) -> None:
    client.v1.coupons.create({"id": "theirs", "percent_off": 5, "duration": "once"})
    client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": "theirs"}, "code": "SPRING"}
    )
    taken = {**LAUNCH, "id": "theirs"}
    assert refused(call("rewards.create", {"coupon": taken})) == (400, "duplicate_reward_id")
    coded = {**LAUNCH, "promo_codes": [{"code": "Spring"}]}
    expected = (400, "promo_code_already_exists_in_stripe")
    assert refused(call("rewards.create", {"coupon": coded})) == expected
    assert [one.id for one in client.v1.coupons.list().data] == ["theirs"]
    assert live_codes(client) == {"SPRING": None}


def test_a_create_that_stripe_failed_at_leaves_nothing_and_can_be_repeated(
    call: Call, client: StripeClient, stripe: Stripe
) -> None:
    wanted = {**LAUNCH, "promo_codes": [{"code": "ONE"}, {"code": "TWO"}]}
    calls = 0

    def fail(request: Any) -> None:
        nonlocal calls
        if request.path.startswith("/v1/"):
            calls += 1
            if calls >= 6:
                msg = "the connection breaks"
                raise ConnectionError(msg)

    stripe.double.answering = fail
    first = call("rewards.create", {"coupon": wanted})
    stripe.double.answering = lambda _request: None
    assert first.status == 503, first
    assert call("rewards.list", {}).body["coupons"] == []
    assert call("rewards.create", {"coupon": wanted}).status == 200
    assert live_codes(client) == {"ONE": None, "TWO": None}
    assert len(client.v1.coupons.list().data) == 1


def test_a_coupon_that_was_made_and_not_stored_is_taken_up(
    call: Call, client: StripeClient, stripe: Stripe, clock: Clock, monkeypatch: Any
) -> None:
    from orchard.usecases import rewards  # noqa: PLC0415 - its last step is to break

    class KilledError(BaseException):
        pass

    def killed(*_arguments: Any) -> None:
        raise KilledError

    wanted = {**LAUNCH, "promo_codes": [{"code": "ONE", "global_max_redemption": 3}]}
    with monkeypatch.context() as patched:
        patched.setattr(rewards, "_commit", killed)
        with pytest.raises(KilledError):
            call("rewards.create", {"coupon": wanted})
    clock.advance(seconds=31)
    assert call("rewards.list", {}).body["coupons"] == []
    made = call("rewards.create", {"coupon": {**wanted, "value": 30}})
    assert made.status == 200, made
    assert client.v1.coupons.retrieve("spring20").percent_off == 30
    assert live_codes(client) == {"ONE": 3}
    used(stripe, "ONE")
    call("rewards.update", {"reward_id": "spring20", "coupon": {"plan_ids": None, "name": "New"}})
    assert live_codes(client) == {"ONE": 2}


def test_a_name_changes_without_touching_codes(call: Call, client: StripeClient) -> None:
    a_reward(call, promo_codes=[{"code": "ONE"}])
    before = client.v1.promotion_codes.list().data[0].id
    body = {"reward_id": "spring20", "coupon": {"name": "Welcome"}}
    assert call("rewards.update", body).body["coupon"]["name"] == "Welcome"
    assert client.v1.coupons.retrieve("spring20").name == "Welcome"
    assert [one.id for one in client.v1.promotion_codes.list().data] == [before]


def test_other_plans_make_the_coupon_anew_with_what_is_left_of_its_codes(
    call: Call, client: StripeClient, stripe: Stripe
) -> None:
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 10), price={"amount": 20, "interval": "month"})
    limited = {"code": "THREE", "global_max_redemption": 3}
    spent = {"code": "SPENT", "global_max_redemption": 1}
    a_reward(call, promo_codes=[limited, spent, {"code": "ANY"}])
    used(stripe, "THREE")
    used(stripe, "SPENT")
    body = {"reward_id": "spring20", "coupon": {"plan_ids": ["pro"]}}
    changed = call("rewards.update", body).body["coupon"]
    assert changed["plan_ids"] == ["pro"]
    assert changed["promo_codes"] == [limited, spent, {"code": "ANY"}]
    assert live_codes(client) == {"THREE": 2, "ANY": None}
    coupon = client.v1.coupons.retrieve("spring20", {"expand": ["applies_to"]})
    assert coupon.applies_to is not None
    used(stripe, "THREE")
    call("rewards.update", {"reward_id": "spring20", "coupon": {"plan_ids": None}})
    assert live_codes(client) == {"THREE": 1, "ANY": None}


def test_a_limit_that_is_raised_counts_what_was_used(
    call: Call, client: StripeClient, stripe: Stripe
) -> None:
    a_reward(call, promo_codes=[{"code": "ONE", "global_max_redemption": 1}])
    used(stripe, "ONE")

    def limit(most: int) -> Any:
        codes = [{"code": "ONE", "global_max_redemption": most}]
        return call("rewards.update", {"reward_id": "spring20", "coupon": {"promo_codes": codes}})

    assert limit(3).status == 200
    assert live_codes(client) == {"ONE": 2}
    assert refused(limit(0)) == (400, "invalid_reward")
    assert live_codes(client) == {"ONE": 2}


def test_codes_come_and_go(call: Call, client: StripeClient) -> None:
    a_reward(call, promo_codes=[{"code": "OLD"}, {"code": "STAYS"}])
    codes = [{"code": "STAYS"}, {"code": "NEW", "first_time_transaction": True}]
    call("rewards.update", {"reward_id": "spring20", "coupon": {"promo_codes": codes}})
    assert live_codes(client) == {"STAYS": None, "NEW": None}
    a_reward(call, id="other", promo_codes=[{"code": "OLD"}])
    again = {"reward_id": "spring20", "coupon": {"promo_codes": [{"code": "OLD"}]}}
    assert refused(call("rewards.update", again)) == (400, "duplicate_promo_code")


@pytest.mark.usefixtures("stripe")
def test_what_a_reward_is_never_changes(call: Call) -> None:
    a_reward(call)
    body: dict[str, Any] = {"reward_id": "spring20", "coupon": {"value": 30}}
    assert refused(call("rewards.update", body)) == (400, "invalid_inputs")
    body = {"reward_id": "spring20", "feature_grant": {"name": "Other"}}
    assert refused(call("rewards.update", body)) == (400, "invalid_reward")
    body = {"reward_id": "spring20", "coupon": {"name": None}}
    assert refused(call("rewards.update", body)) == (400, "invalid_inputs")
    unchanged = call("rewards.update", {"reward_id": "spring20"})
    assert unchanged.body["coupon"] == {**LAUNCH, "created_at": START}


def test_a_deleted_reward_is_gone_here_and_at_stripe(call: Call, client: StripeClient) -> None:
    a_reward(call, promo_codes=[{"code": "ONE", "global_max_redemption": 1}])
    assert call("rewards.delete", {"reward_id": "spring20"}).body == {"success": True}
    for verb in ("get", "delete", "update"):
        answered = call(f"rewards.{verb}", {"reward_id": "spring20"})
        assert refused(answered) == (404, "reward_not_found")
    assert client.v1.coupons.list().data == []
    assert live_codes(client) == {}
    a_reward(call, promo_codes=[{"code": "ONE", "global_max_redemption": 1}])
    assert live_codes(client) == {"ONE": 1}


def test_a_reward_made_again_counts_its_uses_anew(
    call: Call, client: StripeClient, stripe: Stripe, clock: Clock
) -> None:
    codes = [{"code": "ONE", "global_max_redemption": 1}]
    a_reward(call, promo_codes=codes)
    used(stripe, "ONE")
    call("rewards.delete", {"reward_id": "spring20"})
    clock.advance(seconds=1)
    a_reward(call, promo_codes=codes)
    assert live_codes(client) == {"ONE": 1}


def test_rewards_are_changed_by_one_request_at_a_time(call: Call, stripe: Stripe) -> None:
    during: list[tuple[int, str]] = []

    def meanwhile(request: Any) -> None:
        if request.path == "/v1/coupons" and not during:
            during.append(refused(call("rewards.create", {"coupon": {**LAUNCH, "id": "b"}})))

    stripe.double.answering = meanwhile
    a_reward(call)
    assert during == [(423, "lock_already_exists")]
    stripe.double.answering = lambda _request: None
    assert call("rewards.create", {"coupon": {**LAUNCH, "id": "b"}}).status == 200


def test_a_request_that_lost_the_lock_writes_nothing(
    call: Call, stripe: Stripe, clock: Clock
) -> None:
    during: list[int] = []

    def slow(request: Any) -> None:
        if request.path == "/v1/coupons" and not during:
            during.append(0)
            clock.advance(seconds=31)
            during[0] = call("rewards.create", {"coupon": LAUNCH}).status

    stripe.double.answering = slow
    late = call("rewards.create", {"coupon": LAUNCH})
    assert (during, refused(late)) == ([200], (423, "lock_already_exists"))
    assert len(call("rewards.list", {}).body["coupons"]) == 1


class TestGrants:
    def test_a_grant_comes_back_as_it_was_made(self, call: Call) -> None:
        a_feature(call, "sso", type="boolean")
        grants = [*BETA["grants"], {"feature_id": "sso", "included": None, "expiry": None}]
        made = a_grant(call, grants=grants)
        assert made == {**BETA, "grants": grants, "created_at": START}
        assert call("rewards.get", {"reward_id": "beta"}).body == {"feature_grant": made}
        assert call("rewards.list", {}).body == {"coupons": [], "feature_grants": [made]}

    @pytest.mark.parametrize(
        ("grant", "expected"),
        [
            ({"feature_id": "none", "included": 1}, (404, "feature_not_found")),
            ({"feature_id": "sso", "included": 1}, (400, "invalid_reward")),
            ({"feature_id": "messages", "included": None}, (400, "invalid_reward")),
            ({"feature_id": "messages", "included": 0}, (400, "invalid_reward")),
            ({"feature_id": "messages", "included": -1}, (400, "invalid_inputs")),
        ],
    )
    def test_a_grant_that_makes_no_sense_is_refused(
        self, call: Call, grant: dict[str, Any], expected: tuple[int, str]
    ) -> None:
        a_feature(call)
        a_feature(call, "sso", type="boolean")
        body = {**BETA, "grants": [{**grant, "expiry": None}]}
        assert refused(call("rewards.create", {"feature_grant": body})) == expected

    def test_who_names_the_code_gets_the_features_for_their_time(
        self, call: Call, clock: Clock
    ) -> None:
        a_feature(call, "sso", type="boolean")
        grants = [*BETA["grants"], {"feature_id": "sso", "included": None, "expiry": None}]
        a_grant(call, grants=grants)
        a_customer(call)
        answered = call("rewards.redeem", {"code": "beta", "customer_id": "user_1"})
        assert answered.body == {
            "reward_id": "beta",
            "entitlements_granted": [{"feature_id": "messages", "balance": 1000}],
        }
        assert balance(call)["remaining"] == 1000
        assert "sso" in call("customers.get", {"customer_id": "user_1"}).body["flags"]
        clock.advance(days=31)
        held = call("customers.get", {"customer_id": "user_1"}).body
        assert held["balances"].get("messages", {"remaining": 0})["remaining"] == 0
        assert "sso" in held["flags"]

    def test_a_customer_gets_a_reward_once_whichever_code_it_names(self, call: Call) -> None:
        codes = [{"code": "A", "max_uses": None}, {"code": "B", "max_uses": 1}]
        a_grant(call, promo_codes=codes)
        a_customer(call)
        a_customer(call, "user_2")
        assert call("rewards.redeem", {"code": "A", "customer_id": "user_1"}).status == 200
        for code in "AB":
            again = call("rewards.redeem", {"code": code, "customer_id": "user_1"})
            assert refused(again) == (400, "customer_already_redeemed_referral_code")
        assert balance(call)["remaining"] == 1000
        assert call("rewards.redeem", {"code": "B", "customer_id": "user_2"}).status == 200

    def test_a_code_is_used_no_more_often_than_it_may_be(self, call: Call) -> None:
        a_grant(call)
        for number in range(4):
            a_customer(call, f"user_{number}")
        answers = [
            call("rewards.redeem", {"code": "BETA", "customer_id": f"user_{number}"})
            for number in range(4)
        ]
        assert [one.status for one in answers] == [200, 200, 400, 400]
        assert answers[3].body["code"] == "referral_code_max_redemptions_reached"
        held = call("customers.get", {"customer_id": "user_3"}).body
        assert held["balances"] == {}

    def test_a_raised_limit_counts_what_was_used(self, call: Call) -> None:
        a_grant(call, promo_codes=[{"code": "BETA", "max_uses": 1}])
        for number in range(3):
            a_customer(call, f"user_{number}")
        redeem = [{"code": "BETA", "customer_id": f"user_{number}"} for number in range(3)]
        assert call("rewards.redeem", redeem[0]).status == 200
        assert call("rewards.redeem", redeem[1]).status == 400
        codes = [{"code": "BETA", "max_uses": 2}]
        call("rewards.update", {"reward_id": "beta", "feature_grant": {"promo_codes": codes}})
        assert [call("rewards.redeem", body).status for body in redeem[1:]] == [200, 400]

    @pytest.mark.usefixtures("stripe")
    def test_an_unknown_code_or_one_of_a_coupon_is_not_found(self, call: Call) -> None:
        a_grant(call)
        a_reward(call, promo_codes=[{"code": "COUPON"}])
        a_customer(call)
        for code in ("NONE", "COUPON"):
            answered = call("rewards.redeem", {"code": code, "customer_id": "user_1"})
            assert refused(answered) == (404, "reward_not_found")
        answered = call("rewards.redeem", {"code": "BETA", "customer_id": "nobody"})
        assert refused(answered) == (404, "customer_not_found")
        call("rewards.delete", {"reward_id": "beta"})
        answered = call("rewards.redeem", {"code": "BETA", "customer_id": "user_1"})
        assert refused(answered) == (404, "reward_not_found")

    def test_a_feature_that_is_gone_can_not_be_granted(self, call: Call) -> None:
        a_grant(call)
        a_customer(call)
        call("features.delete", {"feature_id": "messages"})
        answered = call("rewards.redeem", {"code": "BETA", "customer_id": "user_1"})
        assert refused(answered) == (404, "feature_not_found")

    def test_what_a_grant_is_can_change_for_those_who_come(self, call: Call) -> None:
        a_grant(call)
        a_customer(call)
        grants = [{"feature_id": "messages", "included": 5, "expiry": None}]
        changed = call("rewards.update", {"reward_id": "beta", "feature_grant": {"grants": grants}})
        assert changed.body["feature_grant"]["grants"] == grants
        call("rewards.redeem", {"code": "BETA", "customer_id": "user_1"})
        assert balance(call)["remaining"] == 5
