"""billing.attach: what is sold, when it is billed, what the customer holds then."""

from tests.billing.conftest import Shop


def test_a_first_plan_is_charged_to_the_card_and_given(shop: Shop) -> None:
    stripe_id = shop.customer()

    assert shop.preview("pro")["total"] == 20
    answer = shop.attach("pro")

    assert answer["payment_url"] is None
    assert (answer["invoice"]["status"], answer["invoice"]["total"]) == ("paid", 20)
    assert shop.plans() == {"pro": "active"}
    assert shop.remaining() == 500
    assert shop.invoices() == [(20, "paid")]
    (subscription,) = shop.subscriptions(stripe_id)
    assert subscription["status"] == "active"


def test_an_upgrade_bills_the_difference(shop: Shop) -> None:
    stripe_id = shop.customer()
    shop.attach("pro")

    assert shop.preview("premium")["total"] == 30
    shop.attach("premium")

    assert shop.plans() == {"premium": "active"}
    assert shop.remaining() == 1000
    assert shop.invoices() == [(30, "paid"), (20, "paid")]
    assert len(shop.subscriptions(stripe_id)) == 1


def test_without_a_card_the_customer_pays_on_stripes_page(shop: Shop) -> None:
    shop.customer(card=None)
    shop.attach("free")

    answer = shop.attach("pro")
    assert "/c/pay/" in answer["payment_url"]
    assert shop.plans() == {"free": "active"}
    assert shop.attach("pro")["payment_url"] == answer["payment_url"]

    shop.pay(answer["payment_url"], card="pm_card_visa")

    assert shop.plans() == {"pro": "active"}
    assert shop.invoices() == [(20, "paid")]
