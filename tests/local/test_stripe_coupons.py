"""Coupons and promotion codes at the double of Stripe."""

from typing import Any

import pytest
import stripe

from local.stripe import coupons, objects, promotion_codes
from local.stripe.failures import Refused
from local.stripe.server import Double
from tests.local.stripe_double import NOW, Clock, refusal


def coupon_of(client: stripe.StripeClient, **fields: Any) -> stripe.Coupon:
    params: Any = {"percent_off": 20, **fields}
    return client.v1.coupons.create(params)


def code_of(client: stripe.StripeClient, coupon: str, **fields: Any) -> stripe.PromotionCode:
    params: Any = {"promotion": {"type": "coupon", "coupon": coupon}, **fields}
    return client.v1.promotion_codes.create(params)


# ---- coupons --------------------------------------------------------------------


def test_coupons_are_created_read_renamed_listed_and_deleted(client: stripe.StripeClient) -> None:
    made = coupon_of(client, id="TWENTY", name="Twenty", metadata={"a": "1"})
    other = client.v1.coupons.create(
        {
            "amount_off": 500,
            "currency": "EUR",
            "duration": "repeating",
            "duration_in_months": 3,
            "applies_to": {"products": ["prod_1"]},
        }
    )

    client.v1.coupons.update("TWENTY", {"name": "A fifth", "metadata": {"a": "", "b": "2"}})

    found = client.v1.coupons.retrieve("TWENTY")
    assert (made.duration, found.name, found.valid) == ("once", "A fifth", True)
    assert found.percent_off == 20.0
    assert found.metadata is not None
    assert found.metadata.to_dict() == {"b": "2"}
    plain = client.v1.coupons.retrieve(other.id)
    whole = client.v1.coupons.retrieve(other.id, {"expand": ["applies_to"]})
    assert "applies_to" not in plain.to_dict()
    assert whole.to_dict()["applies_to"] == {"products": ["prod_1"]}
    assert (whole.currency, whole.amount_off, whole.duration_in_months) == ("eur", 500, 3)
    assert [one.id for one in client.v1.coupons.list().data] == [other.id, "TWENTY"]
    client.v1.coupons.delete("TWENTY")
    assert refusal(client.v1.coupons.retrieve, "TWENTY").code == "resource_missing"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"percent_off": 10, "amount_off": 100, "currency": "usd"},
        {"percent_off": 0},
        {"percent_off": 101},
        {"amount_off": 100},
        {"amount_off": 0, "currency": "usd"},
        {"percent_off": 10, "currency": "usd"},
        {"percent_off": 10, "duration": "repeating"},
        {"percent_off": 10, "duration": "forever", "duration_in_months": 2},
        {"percent_off": 10, "duration": "sometimes"},
        {"percent_off": 10, "redeem_by": NOW},
        {"percent_off": 10, "max_redemptions": 0},
        {"percent_off": 10, "name": "n" * 41},
        {"percent_off": 10, "currency_options": {"eur": {"amount_off": 1}}},
    ],
)
def test_a_contradictory_coupon_is_refused(
    client: stripe.StripeClient, fields: dict[str, Any]
) -> None:
    assert refusal(client.v1.coupons.create, fields).http_status == 400
    assert client.v1.coupons.list().data == []


def test_the_id_of_a_coupon_is_used_once(client: stripe.StripeClient) -> None:
    coupon_of(client, id="TWENTY")

    assert refusal(client.v1.coupons.create, {"id": "TWENTY", "percent_off": 1}).code == (
        "resource_already_exists"
    )


def test_a_coupon_ends_with_its_last_use_or_day(
    double: Double, client: stripe.StripeClient, clock: Clock
) -> None:
    coupon_of(client, id="TWICE", max_redemptions=2)
    coupon_of(client, id="TODAY", redeem_by=NOW + 60)
    coupons.usable(double.account, "TODAY")
    for _ in range(2):
        coupons.usable(double.account, "TWICE")
        coupons.redeemed(double.account, "TWICE")
    clock.now += 61

    for coupon in ("TWICE", "TODAY"):
        with pytest.raises(Refused, match="expired") as refused:
            coupons.usable(double.account, coupon)
        assert refused.value.error["code"] == "coupon_expired"
        assert not client.v1.coupons.retrieve(coupon).valid
    assert client.v1.coupons.retrieve("TWICE").times_redeemed == 2


def test_an_amount_is_only_taken_off_in_its_currency(
    double: Double, client: stripe.StripeClient
) -> None:
    client.v1.coupons.create({"id": "FIVE", "amount_off": 500, "currency": "eur"})

    assert coupons.usable(double.account, "FIVE", "eur")["id"] == "FIVE"
    with pytest.raises(Refused, match="is in eur"):
        coupons.usable(double.account, "FIVE", "usd")


# ---- promotion codes ------------------------------------------------------------


def test_promotion_codes_are_created_read_switched_off_and_listed(
    client: stripe.StripeClient,
) -> None:
    coupon = coupon_of(client, id="TWENTY", name="Twenty").id
    customer = client.v1.customers.create({}).id
    spring = code_of(client, coupon, code="SPRING", metadata={"a": "1"})
    other = code_of(client, coupon, customer=customer)

    assert len(other.code) == 8
    assert spring.promotion.coupon == coupon
    whole = client.v1.promotion_codes.retrieve(spring.id, {"expand": ["promotion.coupon"]})
    assert isinstance(whole.promotion.coupon, stripe.Coupon)
    assert whole.promotion.coupon.name == "Twenty"
    wanted: list[Any] = [{"code": "spring"}, {"customer": customer}, {"coupon": coupon}]
    listed = [[one.id for one in client.v1.promotion_codes.list(by).data] for by in wanted]
    assert listed == [[spring.id], [other.id], [other.id, spring.id]]
    off = client.v1.promotion_codes.update(spring.id, {"active": False, "metadata": {"a": ""}})
    assert (off.active, off.metadata and off.metadata.to_dict()) == (False, {})
    active = client.v1.promotion_codes.list({"active": True})
    assert [one.id for one in active.data] == [other.id]


def test_of_the_active_codes_none_is_like_another(client: stripe.StripeClient) -> None:
    coupon = coupon_of(client).id
    first = code_of(client, coupon, code="SPRING")

    assert refusal(code_of_again, client, coupon).code == "resource_already_exists"
    client.v1.promotion_codes.update(first.id, {"active": False})
    code_of_again(client, coupon)
    switch_on: Any = {"active": True}
    assert refusal(client.v1.promotion_codes.update, first.id, switch_on).http_status == 400


def code_of_again(client: stripe.StripeClient, coupon: str) -> str:
    return code_of(client, coupon, code="Spring").id


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "with space"},
        {"max_redemptions": 0},
        {"expires_at": NOW},
        {"customer": "cus_nobody"},
        {"promotion": {"type": "coupon"}},
        {"promotion": {"type": "coupon", "coupon": "NONE"}},
        {"restrictions": {"minimum_amount": 100}},
    ],
)
def test_a_contradictory_code_is_refused(
    client: stripe.StripeClient, fields: dict[str, Any]
) -> None:
    promotion = {"promotion": {"type": "coupon", "coupon": coupon_of(client).id}}

    refusal(client.v1.promotion_codes.create, {**promotion, **fields})

    assert client.v1.promotion_codes.list().data == []


def test_a_code_is_for_whom_and_what_it_says(
    double: Double, client: stripe.StripeClient, clock: Clock
) -> None:
    coupon = coupon_of(client).id
    ada, grace = (client.v1.customers.create({}).id for _ in range(2))
    restrictions = {"minimum_amount": 1000, "minimum_amount_currency": "usd"}
    code = code_of(client, coupon, customer=ada, restrictions=restrictions, expires_at=NOW + 60).id

    def use(customer: str = ada, amount: int = 1000, currency: str = "usd") -> str:
        with double.account.change():
            kept = promotion_codes.usable(double.account, code, customer, amount, currency)
        return str(kept["id"])

    assert use() == code
    wrongs: list[Any] = [{"customer": grace}, {"amount": 999}, {"currency": "eur"}]
    for wrong in wrongs:
        with pytest.raises(Refused):
            use(**wrong)
    clock.now += 60
    with pytest.raises(Refused, match="expired") as refused:
        use()
    assert refused.value.error["code"] == "promotion_code_expired"


def test_a_code_for_first_payments_asks_whether_there_was_one(
    double: Double, client: stripe.StripeClient
) -> None:
    restrictions = {"first_time_transaction": True}
    code = code_of(client, coupon_of(client).id, restrictions=restrictions).id
    ada = client.v1.customers.create({}).id

    promotion_codes.usable(double.account, code, ada, 1000, "usd")
    double.account.objects("payment_intent")["pi_1"] = {"customer": ada, "status": "succeeded"}

    with pytest.raises(Refused, match="first payment"):
        promotion_codes.usable(double.account, code, ada, 1000, "usd")


def test_a_code_ends_with_its_coupon(double: Double, client: stripe.StripeClient) -> None:
    code = code_of(client, coupon_of(client, id="TWENTY").id, code="SPRING")
    assert promotion_codes.of_word(double.account, " spring ")["id"] == code.id

    client.v1.coupons.delete("TWENTY")

    assert not client.v1.promotion_codes.retrieve(code.id).active
    with pytest.raises(Refused, match="invalid"):
        promotion_codes.of_word(double.account, "SPRING")


def test_coupons_and_codes_have_exactly_the_fields_of_the_pinned_version(
    client: stripe.StripeClient,
) -> None:
    coupon = coupon_of(client)

    assert set(coupon.to_dict()) == objects.names(stripe.Coupon)
    code = code_of(client, coupon.id).to_dict()
    assert set(code) == objects.names(stripe.PromotionCode)
