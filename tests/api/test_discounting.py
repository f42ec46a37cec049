"""Which discounts count for a purchase, decided on coupons as Stripe has them."""

from decimal import Decimal
from typing import Any

import pytest
from stripe import StripeClient

from orchard.domain.billing.coupons import (
    FOREVER,
    ONCE,
    REPEATING,
    Coupon,
    CustomerCoupon,
    Discount,
)
from orchard.domain.billing.discounts import reduced
from orchard.domain.customer import Customer
from orchard.domain.interval import DAY_MS
from orchard.errors import Invalid
from orchard.gateways import stripe_coupons
from orchard.store.session import Session
from orchard.usecases.billing.purchases.discounting import (
    Asked,
    as_parameters,
    consumed,
    resolve,
    staying,
)
from tests.conftest import START, Call
from tests.pretended_stripe import Stripe, linked

CUSTOMER = Customer("cus_1", "user_1", START)


@pytest.fixture
def client(stripe: Stripe) -> StripeClient:
    return StripeClient("sk_test_pretended", base_addresses={"api": stripe.double.url})


def a_coupon(
    client: StripeClient, coupon_id: str, percent: float | None = 20, **fields: Any
) -> None:
    terms: Any = {"id": coupon_id, "duration": "forever", "percent_off": percent, **fields}
    if percent is None:
        del terms["percent_off"]
    client.v1.coupons.create(terms)


def a_code(client: StripeClient, code: str, coupon_id: str, **fields: Any) -> str:
    asked: Any = {"promotion": {"type": "coupon", "coupon": coupon_id}, "code": code, **fields}
    return client.v1.promotion_codes.create(asked).id


def asked_for(*names: str) -> list[Asked]:
    """Coupons by their ids; what is spelled in capitals is a code."""
    return [Asked(promotion_code=one) if one.isupper() else Asked(one) for one in names]


def found(
    session: Session,
    *names: str,
    existing: tuple[Discount, ...] = (),
    customer: Customer = CUSTOMER,
    products: tuple[str, ...] = ("prod_pro",),
    subtotal: int = 20,
    currency: str = "usd",
) -> tuple[Discount, ...]:
    return resolve(
        session, customer, existing, asked_for(*names), products, Decimal(subtotal), currency
    )


def refusal(session: Session, *names: str, **fields: Any) -> Invalid:
    with pytest.raises(Invalid) as refused:
        found(session, *names, **fields)
    return refused.value


def kept(coupon_id: str, **fields: Any) -> CustomerCoupon:
    terms = {"percent_off": Decimal(20), "duration": FOREVER, **fields}
    return CustomerCoupon(Coupon(coupon_id, **terms), START, "chg_1")


def ids(discounts: tuple[Discount, ...]) -> list[str]:
    return [one.coupon.id for one in discounts]


def test_a_purchase_without_coupons_asks_nothing_of_stripe(session: Session) -> None:
    assert found(session) == ()
    on_it = (Discount(Coupon("launch", percent_off=Decimal(10)), "di_1"),)
    assert found(session, existing=on_it) == on_it


def test_coupons_are_named_by_their_ids_and_by_codes_in_any_case(
    session: Session, client: StripeClient
) -> None:
    a_coupon(client, "launch", 20)
    a_coupon(client, "typed", 25)
    code = a_code(client, "Spring", "typed")
    both = found(session, "launch", "SPRING")
    assert [one.coupon.percent_off for one in both] == [20, 25]
    assert as_parameters(both) == [{"coupon": "launch"}, {"promotion_code": code}]


def test_one_that_only_stripe_knows_has_all_its_terms(
    session: Session, client: StripeClient
) -> None:
    a_coupon(
        client,
        "off",
        percent=None,
        amount_off=550,
        currency="usd",
        duration="repeating",
        duration_in_months=3,
        applies_to={"products": ["prod_pro"]},
        name="Welcome",
    )
    (given,) = found(session, "off")
    assert given.coupon == Coupon(
        "off", "Welcome", None, Decimal("5.50"), "usd", REPEATING, 3, ("prod_pro",)
    )
    assert given.ends_at == 1_796_083_200_000


@pytest.mark.parametrize("names", [("gone",), ("launch", "gone")])
def test_an_unknown_coupon_fails_the_whole_request(
    session: Session, client: StripeClient, names: tuple[str, ...]
) -> None:
    a_coupon(client, "launch")
    refused = refusal(session, *names)
    assert (refused.code, refused.message) == ("invalid_request", 'Invalid coupon ID: "gone"')


def test_a_spent_coupon_is_refused(session: Session, client: StripeClient, clock: Any) -> None:
    a_coupon(client, "short", redeem_by=START // 1000 + 60)
    a_code(client, "SHORT", "short")
    clock.advance(seconds=120)
    assert refusal(session, "short").message == 'Coupon "short" is no longer valid'
    assert refusal(session, "SHORT").message == 'Promotion code not found or inactive: "SHORT"'


def test_an_unknown_or_inactive_code_is_refused(session: Session, client: StripeClient) -> None:
    a_coupon(client, "launch")
    code = a_code(client, "SPRING", "launch")
    client.v1.promotion_codes.update(code, {"active": False})
    for text in ("SPRING", "NEVER"):
        assert refusal(session, text).message == f'Promotion code not found or inactive: "{text}"'


def test_a_code_of_another_customer_is_as_good_as_unknown(
    session: Session, client: StripeClient
) -> None:
    a_coupon(client, "launch")
    theirs, ours = client.v1.customers.create(), client.v1.customers.create()
    a_code(client, "THEIRS", "launch", customer=theirs.id)
    a_code(client, "OURS", "launch", customer=ours.id)
    customer = CUSTOMER._replace(stripe_id=ours.id)
    assert "not found" in refusal(session, "THEIRS", customer=customer).message
    assert ids(found(session, "OURS", customer=customer)) == ["launch"]


def test_a_code_of_other_products_is_refused(session: Session, client: StripeClient) -> None:
    a_coupon(client, "launch", applies_to={"products": ["prod_other"]})
    a_code(client, "SPRING", "launch")
    refused = refusal(session, "SPRING")
    assert "does not apply to any products in this order" in refused.message
    assert ids(found(session, "SPRING", products=("prod_other", "prod_pro"))) == ["launch"]
    # Asked for as a coupon it is passed on, and takes nothing off.
    assert ids(found(session, "launch")) == ["launch"]


def test_a_code_with_a_minimum_is_for_orders_that_reach_it(
    session: Session, client: StripeClient
) -> None:
    a_coupon(client, "launch")
    least = {"minimum_amount": 5000, "minimum_amount_currency": "usd"}
    a_code(client, "LARGE", "launch", restrictions=least)
    for fields in ({"subtotal": 49}, {"subtotal": 50, "currency": "eur"}):
        assert "promotion code" in refusal(session, "LARGE", **fields).message
        assert "minimum of 50.00 usd" in refusal(session, "LARGE", **fields).message
    assert ids(found(session, "LARGE", subtotal=50)) == ["launch"]


def test_a_code_for_a_first_payment_is_refused_to_who_has_paid(
    call: Call, session: Session, stripe: Stripe, client: StripeClient
) -> None:
    a_coupon(client, "launch")
    a_code(client, "FIRST", "launch", restrictions={"first_time_transaction": True})
    stripe_id = linked(call, stripe)
    customer = CUSTOMER._replace(stripe_id=stripe_id)
    assert ids(found(session, "FIRST", customer=customer)) == ["launch"]
    stripe.step(stripe.invoice(stripe_id), "finalize", "pay")
    assert refusal(session, "FIRST", customer=customer).code == "promo_code_first_time_only"
    # What the subscription has already is not asked again.
    on_it = (Discount(Coupon("launch", percent_off=Decimal(20)), "di_1"),)
    assert found(session, "FIRST", "launch", customer=customer, existing=on_it) == on_it


def test_an_exhausted_code_says_so(session: Session, client: StripeClient, stripe: Stripe) -> None:
    a_coupon(client, "launch")
    code = a_code(client, "ONE", "launch", max_redemptions=1)
    stripe.double.account.objects("promotion_code")[code]["times_redeemed"] = 1
    assert refusal(session, "ONE").code == "referral_code_max_redemptions_reached"


def test_an_amount_of_another_currency_is_refused(session: Session, client: StripeClient) -> None:
    a_coupon(client, "off", percent=None, amount_off=500, currency="eur")
    a_code(client, "OFF", "off")
    for name in ("off", "OFF"):
        assert refusal(session, name).code == "currency_mismatch"
    assert ids(found(session, "off", currency="eur")) == ["off"]


def test_the_discounts_of_a_subscription_hide_the_coupons_of_the_customer(
    session: Session, client: StripeClient
) -> None:
    a_coupon(client, "half", 50)
    customer = CUSTOMER._replace(coupons=(kept("half"),))
    on_it = (Discount(Coupon("tenth", percent_off=Decimal(10)), "di_1"),)
    assert ids(found(session, customer=customer)) == ["half"]
    assert ids(found(session, customer=customer, existing=on_it)) == ["tenth"]


def test_no_coupon_counts_twice(session: Session, client: StripeClient) -> None:
    a_coupon(client, "launch", 20)
    a_code(client, "SPRING", "launch")
    held = Discount(Coupon("launch", percent_off=Decimal(20)), "di_1", ends_at=START + DAY_MS)
    assert found(session, "launch", "SPRING", existing=(held,)) == (held,)
    assert len(found(session, "launch", "launch", "SPRING")) == 1


def test_a_coupon_of_the_customer_that_is_gone_at_stripe_does_not_stand_in_the_way(
    session: Session, client: StripeClient
) -> None:
    a_coupon(client, "here", 10)
    a_coupon(client, "euros", percent=None, amount_off=500, currency="eur")
    coupons = (kept("gone"), kept("here"), kept("euros", currency="eur"))
    assert ids(found(session, customer=CUSTOMER._replace(coupons=coupons))) == ["here"]


def test_a_coupon_of_the_customer_ends_and_may_wait_elsewhere(
    session: Session, client: StripeClient
) -> None:
    a_coupon(client, "launch", 10)
    over = kept("launch")._replace(ends_at=session.now)
    waits = kept("launch")._replace(subscription_id="sub_1")
    for one in (over, waits):
        assert found(session, customer=CUSTOMER._replace(coupons=(one,))) == ()


def test_what_is_good_for_one_invoice_is_used_up_by_a_purchase() -> None:
    once, forever = kept("once", duration=ONCE), kept("forever")
    waiting = kept("once", duration=ONCE)._replace(subscription_id="sub_1")
    customer = CUSTOMER._replace(coupons=(once, waiting, forever))
    passed = [Discount(one.coupon) for one in (once, forever)]
    assert consumed(customer, passed).coupons == (waiting, forever)
    on_subscription = [one._replace(id="di_1") for one in passed]
    assert consumed(customer, on_subscription) == customer
    assert consumed(customer, []) == customer


def test_a_subscription_keeps_what_a_change_did_not_use_up() -> None:
    once = Discount(Coupon("once", percent_off=Decimal(10), duration=ONCE), "di_1")
    forever = Discount(Coupon("forever", percent_off=Decimal(10), duration=FOREVER))
    assert staying([once, forever], invoiced=True) == (forever,)
    assert set(staying([once, forever], invoiced=False)) == {once, forever}


def test_amounts_come_after_percentages_at_stripe_too() -> None:
    amount = Discount(Coupon("ten", amount_off=Decimal(10), currency="usd"))
    held = Discount(Coupon("fifth", percent_off=Decimal(20)), "di_1", "promo_1")
    assert as_parameters([amount, held]) == [{"discount": "di_1"}, {"coupon": "ten"}]
    assert reduced([], [amount], "usd") == ()


@pytest.mark.usefixtures("stripe")
def test_coupons_at_stripe_come_back_as_they_were_made(session: Session) -> None:
    made = Coupon("off", "Off", None, Decimal("1.25"), "usd", REPEATING, 2, ("prod_pro",))
    first = stripe_coupons.create_coupon(session.environment, made, {"orchard": "1"}, "key")
    assert first == (made, {"orchard": "1"})
    assert stripe_coupons.create_coupon(session.environment, made, {"orchard": "1"}, "key") == first
    assert stripe_coupons.coupon(session.environment, "off") == first
    stripe_coupons.delete_coupon(session.environment, "off")
    stripe_coupons.delete_coupon(session.environment, "off")
    assert stripe_coupons.coupon(session.environment, "off") is None
