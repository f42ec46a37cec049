"""The double's products, prices, invoice items, invoices and subscriptions."""

from typing import Any

import pytest
import stripe

from local.stripe import objects
from local.stripe.server import Double
from tests.local.stripe_double import NOW, Clock

DAY = 86_400
NEXT_MONTH = 1_790_812_800
NEXT_YEAR = 1_819_756_800


def a_customer(client: stripe.StripeClient, card: str | None = "pm_card_visa") -> str:
    customer = client.v1.customers.create({"name": "Ada"}).id
    if card is not None:
        saved = client.v1.payment_methods.attach(card, {"customer": customer})
        settings: Any = {"default_payment_method": saved.id}
        client.v1.customers.update(customer, {"invoice_settings": settings})
    return customer


def a_product(client: stripe.StripeClient, name: str = "Pro") -> str:
    return client.v1.products.create({"name": name}).id


def a_price(client: stripe.StripeClient, amount: Any = 2000, **fields: Any) -> str:
    params: Any = {
        "currency": "usd",
        "product": fields.pop("product", None) or a_product(client),
        "unit_amount": amount,
        "recurring": {"interval": fields.pop("interval", "month")},
        **fields,
    }
    return client.v1.prices.create(params).id


def a_subscription(
    client: stripe.StripeClient, *amounts: int, customer: str | None = None, **fields: Any
) -> stripe.Subscription:
    params: Any = {
        "customer": customer or a_customer(client),
        "items": [{"price": a_price(client, amount)} for amount in amounts or (2000,)],
        **fields,
    }
    return client.v1.subscriptions.create(params)


def invoice_of(client: stripe.StripeClient, subscription: stripe.Subscription) -> stripe.Invoice:
    found = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert isinstance(found.latest_invoice, stripe.Invoice)
    return found.latest_invoice


def kinds(double: Double, *about: str) -> list[str]:
    written = [kept["event"]["type"] for kept in double.outbox.all()]
    return [kind for kind in written if kind.startswith(about)]


# ---- products and prices --------------------------------------------------------


def test_a_product_with_an_id_is_created_once(client: stripe.StripeClient, double: Double) -> None:
    made = client.v1.products.create({"id": "orchard_1", "name": "Pro", "metadata": {"a": "1"}})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.products.create({"id": "orchard_1", "name": "Pro"})
    assert refused.value.code == "resource_already_exists"
    client.v1.products.update("orchard_1", {"name": "Pro 2", "metadata": {"a": "", "b": "2"}})
    found = client.v1.products.retrieve("orchard_1")
    assert (found.name, found.metadata.to_dict()) == ("Pro 2", {"b": "2"})
    assert [one.id for one in client.v1.products.list({"ids": ["orchard_1"]}).data] == [made.id]
    assert kinds(double, "product") == ["product.created", "product.updated"]


def test_a_price_is_found_by_its_lookup_key(client: stripe.StripeClient) -> None:
    product = a_product(client)
    price = a_price(client, product=product, lookup_key="key")
    a_price(client, product=product)

    listed = client.v1.prices.list({"lookup_keys": ["key", "other"], "active": True})

    assert [one.id for one in listed.data] == [price]
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        a_price(client, product=product, lookup_key="key")
    taken = a_price(client, product=product, lookup_key="key", transfer_lookup_key=True)
    assert client.v1.prices.retrieve(price).lookup_key is None
    client.v1.prices.update(taken, {"active": False})
    again = a_price(client, product=product, lookup_key="key")
    assert [one.id for one in client.v1.prices.list({"lookup_keys": ["key"]}).data] == [
        again,
        taken,
    ]


def test_a_price_may_cost_fractions_of_a_minor_unit(client: stripe.StripeClient) -> None:
    params: Any = {"currency": "usd", "product": a_product(client), "unit_amount_decimal": "0.5"}

    price = client.v1.prices.create(params)

    assert price.unit_amount is None
    assert str(price.unit_amount_decimal) == "0.5"


@pytest.mark.parametrize(
    "fields",
    [
        {"unit_amount_decimal": "1"},
        {"unit_amount": -1},
        {"billing_scheme": "tiered"},
        {"recurring": {"interval": "month", "usage_type": "metered"}},
        {"recurring": {"interval": "decade"}},
        {"product": "prod_none"},
        {"currency": "dollars"},
        {"tiers_mode": "volume"},
    ],
)
def test_a_price_that_makes_no_sense_is_refused(client: stripe.StripeClient, fields: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        a_price(client, **fields)


# ---- invoices made by hand ------------------------------------------------------


def an_item(client: stripe.StripeClient, customer: str, amount: int, **fields: Any) -> str:
    product = fields.pop("product", None) or a_product(client)
    params: Any = {
        "customer": customer,
        "price_data": {"currency": "usd", "product": product, "unit_amount_decimal": str(amount)},
        **fields,
    }
    return client.v1.invoice_items.create(params).id


def test_an_invoice_is_drafted_filled_finalized_and_paid(
    client: stripe.StripeClient, double: Double
) -> None:
    customer = a_customer(client)
    draft = client.v1.invoices.create({"customer": customer, "metadata": {"order": "1"}})
    item = an_item(
        client,
        customer,
        5000,
        invoice=draft.id,
        metadata={"plan": "pro"},
        period={"start": NOW, "end": NOW + DAY},
    )
    an_item(client, customer, -1500, invoice=draft.id)

    final = client.v1.invoices.finalize_invoice(draft.id)
    paid = client.v1.invoices.pay(
        draft.id, {"expand": ["payments", "payments.data.payment.payment_intent"]}
    )

    assert (draft.status, draft.total, draft.auto_advance) == ("draft", 0, False)
    assert (final.status, final.total, final.amount_due) == ("open", 3500, 3500)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 3500, 0)
    line = paid.lines.data[0]
    assert line.metadata.to_dict() == {"plan": "pro"}
    assert line.period.to_dict() == {"start": NOW, "end": NOW + DAY}
    assert line.parent is not None
    assert line.parent.invoice_item_details is not None
    assert line.parent.invoice_item_details.invoice_item == item
    assert paid.payments is not None
    intent = paid.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.status, intent.amount) == ("succeeded", 3500)
    assert kinds(double, "invoice.") == [
        "invoice.created",
        "invoice.updated",
        "invoice.updated",
        "invoice.finalized",
        "invoice.updated",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]


def test_a_draft_takes_waiting_items_when_it_is_told_to(client: stripe.StripeClient) -> None:
    customer = a_customer(client)
    an_item(client, customer, 700)
    gone = an_item(client, customer, 900)
    client.v1.invoice_items.delete(gone)
    without = client.v1.invoices.create({"customer": customer})
    params: Any = {"customer": customer, "pending_invoice_items_behavior": "include"}

    with_them = client.v1.invoices.create(params)

    assert (without.total, with_them.total) == (0, 700)
    assert client.v1.invoice_items.list({"customer": customer, "pending": True}).data == []


def test_an_item_leaves_its_draft_and_not_a_final_invoice(client: stripe.StripeClient) -> None:
    customer = a_customer(client)
    draft = client.v1.invoices.create({"customer": customer})
    first, second = (an_item(client, customer, n, invoice=draft.id) for n in (100, 200))

    client.v1.invoice_items.delete(first)

    assert client.v1.invoices.retrieve(draft.id).total == 200
    client.v1.invoices.finalize_invoice(draft.id)
    with pytest.raises(stripe.InvalidRequestError, match="no longer editable"):
        client.v1.invoice_items.delete(second)
    with pytest.raises(stripe.InvalidRequestError, match="no longer editable"):
        an_item(client, customer, 100, invoice=draft.id)


def test_credit_that_an_invoice_gives_pays_the_next_one(
    client: stripe.StripeClient, double: Double
) -> None:
    customer = a_customer(client)
    credit = client.v1.invoices.create({"customer": customer})
    an_item(client, customer, -1000, invoice=credit.id)
    given = client.v1.invoices.finalize_invoice(credit.id)
    assert (given.status, given.total, given.amount_due) == ("paid", -1000, 0)
    assert (given.ending_balance, client.v1.customers.retrieve(customer).balance) == (-1000, -1000)

    bill = client.v1.invoices.create({"customer": customer})
    an_item(client, customer, 2500, invoice=bill.id)
    open_ = client.v1.invoices.finalize_invoice(bill.id)

    assert (open_.total, open_.amount_due, open_.starting_balance) == (2500, 1500, -1000)
    assert client.v1.customers.retrieve(customer).balance == 0
    client.v1.invoices.void_invoice(bill.id)
    assert client.v1.customers.retrieve(customer).balance == -1000
    assert kinds(double, "customer.updated") == ["customer.updated"] * 4


def test_coupons_take_off_what_they_are_for(client: stripe.StripeClient) -> None:
    customer, mine = a_customer(client), a_product(client)
    client.v1.coupons.create({"id": "half", "percent_off": 50, "applies_to": {"products": [mine]}})
    client.v1.coupons.create({"id": "five", "amount_off": 500, "currency": "usd"})
    asked: Any = [{"coupon": "five"}, {"coupon": "half"}]

    draft = client.v1.invoices.create({"customer": customer, "discounts": asked})
    an_item(client, customer, 4000, invoice=draft.id, product=mine)
    an_item(client, customer, 1000, invoice=draft.id)
    an_item(client, customer, -100, invoice=draft.id)
    found = client.v1.invoices.retrieve(draft.id)

    # Half of 4000 first, then 5.00 of what is left of the two charges.
    assert (found.subtotal, found.total) == (4900, 2400)
    used = {one.discount: one.amount for one in found.total_discount_amounts or []}
    assert [used[one] for one in found.discounts if isinstance(one, str)] == [500, 2000]
    shares = [[share.amount for share in line.discount_amounts or []] for line in found.lines.data]
    assert shares == [[333, 2000], [167, 0], [0, 0]]
    assert client.v1.coupons.retrieve("half").times_redeemed == 1


def test_an_invoice_to_be_sent_waits_for_its_customer(client: stripe.StripeClient) -> None:
    customer = a_customer(client, card=None)
    params: Any = {
        "customer": customer,
        "collection_method": "send_invoice",
        "days_until_due": 30,
    }
    draft = client.v1.invoices.create(params)
    an_item(client, customer, 1000, invoice=draft.id)

    final = client.v1.invoices.finalize_invoice(draft.id)

    assert (final.status, final.due_date) == ("open", NOW + 30 * DAY)
    with pytest.raises(stripe.InvalidRequestError, match="default_payment_method"):
        client.v1.invoices.pay(draft.id)
    paid = client.v1.invoices.pay(draft.id, {"paid_out_of_band": True})
    assert paid.status == "paid"


def test_a_card_that_does_not_pay_leaves_the_invoice_open(client: stripe.StripeClient) -> None:
    customer = a_customer(client, "pm_card_chargeCustomerFail")
    draft = client.v1.invoices.create({"customer": customer})
    an_item(client, customer, 1000, invoice=draft.id)
    client.v1.invoices.finalize_invoice(draft.id)

    with pytest.raises(stripe.CardError) as declined:
        client.v1.invoices.pay(draft.id)

    assert declined.value.code == "card_declined"
    found = client.v1.invoices.retrieve(draft.id)
    assert (found.status, found.attempt_count) == ("open", 1)
    assert client.v1.invoices.pay(draft.id, {"payment_method": "pm_card_visa"}).status == "paid"


def test_a_draft_is_changed_and_deleted(client: stripe.StripeClient) -> None:
    customer = a_customer(client)
    draft = client.v1.invoices.create({"customer": customer})
    item = an_item(client, customer, 1000, invoice=draft.id)
    client.v1.coupons.create({"id": "ten", "percent_off": 10})
    asked: Any = [{"coupon": "ten"}]

    changed = client.v1.invoices.update(draft.id, {"description": "May", "discounts": asked})

    assert (changed.description, changed.total) == ("May", 900)
    client.v1.invoices.delete(draft.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.retrieve(draft.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoice_items.retrieve(item)


# ---- subscriptions --------------------------------------------------------------


def test_a_subscription_is_paid_and_active_at_once(
    client: stripe.StripeClient, double: Double
) -> None:
    subscription = a_subscription(client, 2000, 500, metadata={"plan": "pro"})

    assert subscription.status == "active"
    periods = {(one.current_period_start, one.current_period_end) for one in subscription["items"]}
    assert periods == {(NOW, NEXT_MONTH)}
    invoice = invoice_of(client, subscription)
    assert (invoice.status, invoice.total) == ("paid", 2500)
    assert invoice.billing_reason == "subscription_create"
    assert invoice.parent is not None
    details = invoice.parent.subscription_details
    assert details is not None
    assert details.metadata is not None
    assert (details.subscription, details.metadata["plan"]) == (subscription.id, "pro")
    line = invoice.lines.data[0]
    assert line.parent is not None
    assert line.parent.subscription_item_details is not None
    first = subscription["items"].data[0].id
    assert line.parent.subscription_item_details.subscription_item == first
    assert line.period.to_dict() == {"start": NOW, "end": NEXT_MONTH}
    assert kinds(double, "customer.subscription", "invoice.") == [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.updated",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]


def test_each_item_is_in_a_period_of_its_own_interval(client: stripe.StripeClient) -> None:
    prices = [a_price(client, 1000), a_price(client, 9000, interval="year")]
    items: Any = [{"price": price, "quantity": 2} for price in prices]

    subscription = client.v1.subscriptions.create({"customer": a_customer(client), "items": items})

    ends = [one.current_period_end for one in subscription["items"].data]
    assert ends == [NEXT_MONTH, NEXT_YEAR]
    assert invoice_of(client, subscription).total == 20_000


def test_a_subscription_starts_with_items_that_are_billed_once(
    client: stripe.StripeClient,
) -> None:
    product = a_product(client, "Setup")
    data: Any = {"currency": "usd", "product": product, "unit_amount_decimal": "-300"}
    extra: Any = [
        {
            "price_data": data,
            "metadata": {"why": "credit"},
            "period": {
                "start": {"type": "timestamp", "timestamp": NOW - DAY},
                "end": {"type": "timestamp", "timestamp": NOW},
            },
        }
    ]

    invoice = invoice_of(client, a_subscription(client, 2000, add_invoice_items=extra))

    assert invoice.total == 1700
    credit = invoice.lines.data[1]
    assert (credit.description, credit.metadata.to_dict()) == ("Setup", {"why": "credit"})
    assert credit.period.to_dict() == {"start": NOW - DAY, "end": NOW}


def test_prices_may_be_given_inline(client: stripe.StripeClient) -> None:
    data: Any = {
        "currency": "usd",
        "product": a_product(client),
        "unit_amount_decimal": "1250",
        "recurring": {"interval": "week", "interval_count": 2},
    }
    customer = a_customer(client)

    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price_data": data}]}
    )

    (item,) = subscription["items"].data
    assert item.current_period_end == NOW + 14 * DAY
    assert not client.v1.prices.retrieve(item.price.id).active


@pytest.mark.parametrize(
    ("card", "behavior", "status"),
    [
        ("pm_card_chargeCustomerFail", "allow_incomplete", "incomplete"),
        ("pm_card_authenticationRequired", "allow_incomplete", "incomplete"),
        ("pm_card_visa", "default_incomplete", "incomplete"),
        (None, "default_incomplete", "incomplete"),
        ("pm_card_visa", "error_if_incomplete", "active"),
    ],
)
def test_an_unpaid_subscription_is_incomplete(
    client: stripe.StripeClient, card: str | None, behavior: str, status: str
) -> None:
    customer = a_customer(client, card)

    subscription = a_subscription(client, customer=customer, payment_behavior=behavior)

    assert subscription.status == status
    if status == "incomplete":
        invoice = invoice_of(client, subscription)
        assert (invoice.status, invoice.next_payment_attempt) == ("open", None)
        client.v1.invoices.pay(invoice.id, {"payment_method": "pm_card_visa"})
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


@pytest.mark.parametrize(
    ("card", "error"),
    [
        ("pm_card_chargeCustomerFail", "card_declined"),
        ("pm_card_authenticationRequired", "subscription_payment_intent_requires_action"),
        (None, "resource_missing"),
    ],
)
def test_nothing_is_left_of_a_subscription_that_had_to_be_paid(
    client: stripe.StripeClient, double: Double, card: str | None, error: str
) -> None:
    customer = a_customer(client, card)
    price = a_price(client)
    client.v1.coupons.create({"id": "ten", "percent_off": 10})
    before = len(double.outbox.all())
    params: Any = {
        "customer": customer,
        "items": [{"price": price}],
        "discounts": [{"coupon": "ten"}],
        "payment_behavior": "error_if_incomplete",
    }

    with pytest.raises(stripe.StripeError) as refused:
        client.v1.subscriptions.create(params)

    assert refused.value.code == error
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    assert client.v1.invoices.list().data == []
    assert client.v1.coupons.retrieve("ten").times_redeemed == 0
    assert len(double.outbox.all()) == before


def test_a_trial_costs_nothing_and_needs_no_card(client: stripe.StripeClient) -> None:
    customer = a_customer(client, card=None)

    subscription = a_subscription(client, customer=customer, trial_end=NOW + 14 * DAY)

    assert subscription.status == "trialing"
    assert (subscription.trial_start, subscription.trial_end) == (NOW, NOW + 14 * DAY)
    assert subscription.billing_cycle_anchor == NOW + 14 * DAY
    invoice = invoice_of(client, subscription)
    assert (invoice.status, invoice.total) == ("paid", 0)


def test_a_cycle_may_begin_on_a_day_to_come(client: stripe.StripeClient) -> None:
    subscription = a_subscription(
        client,
        billing_cycle_anchor=NOW + 10 * DAY,
        backdate_start_date=NOW - DAY,
        proration_behavior="none",
    )

    (item,) = subscription["items"].data
    assert (item.current_period_start, item.current_period_end) == (NOW, NOW + 10 * DAY)
    assert (subscription.status, subscription.latest_invoice) == ("active", None)
    assert subscription.start_date == NOW - DAY


def test_an_invoice_of_a_subscription_may_be_sent(client: stripe.StripeClient) -> None:
    customer = a_customer(client, card=None)

    subscription = a_subscription(
        client, customer=customer, collection_method="send_invoice", days_until_due=7
    )

    assert subscription.status == "active"
    invoice = invoice_of(client, subscription)
    assert (invoice.status, invoice.collection_method) == ("draft", "send_invoice")
    assert client.v1.invoices.finalize_invoice(invoice.id).due_date == NOW + 7 * DAY


def test_items_are_added_changed_and_removed_without_proration(
    client: stripe.StripeClient, double: Double, clock: Clock
) -> None:
    subscription = a_subscription(client, 2000, 500)
    first, second = subscription["items"].data
    clock.now += DAY
    items: Any = [
        {"id": first.id, "price": a_price(client, 3000), "quantity": 3},
        {"id": second.id, "deleted": True},
        {"price": a_price(client, 100)},
    ]

    changed = client.v1.subscriptions.update(
        subscription.id, {"items": items, "proration_behavior": "none"}
    )

    kept, added = changed["items"].data
    assert (kept.id, kept.quantity, kept.price.unit_amount) == (first.id, 3, 3000)
    assert (added.price.unit_amount, added.current_period_end) == (100, NEXT_MONTH)
    assert changed.latest_invoice == subscription.latest_invoice
    event = double.outbox.all()[-1]["event"]
    assert event["type"] == "customer.subscription.updated"
    assert set(event["data"]["previous_attributes"]) == {"items"}


def test_a_new_cycle_is_billed_at_once(client: stripe.StripeClient, clock: Clock) -> None:
    subscription = a_subscription(client)
    (item,) = subscription["items"].data
    clock.now += DAY
    items: Any = [{"id": item.id, "price": a_price(client, 20_000, interval="year")}]

    with pytest.raises(stripe.InvalidRequestError, match="a new cycle"):
        client.v1.subscriptions.update(
            subscription.id, {"items": items, "proration_behavior": "none"}
        )
    changed = client.v1.subscriptions.update(
        subscription.id,
        {"items": items, "proration_behavior": "none", "billing_cycle_anchor": {"type": "now"}},
    )

    (item,) = changed["items"].data
    assert (item.current_period_start, item.current_period_end) == (NOW + DAY, NEXT_YEAR + DAY)
    invoice = invoice_of(client, changed)
    assert (invoice.billing_reason, invoice.total) == ("subscription_update", 20_000)
    assert invoice.status == "paid"


def test_a_trial_ends_on_request(client: stripe.StripeClient, clock: Clock) -> None:
    subscription = a_subscription(client, trial_end=NOW + 14 * DAY)
    clock.now += DAY

    changed = client.v1.subscriptions.update(
        subscription.id, {"trial_end": "now", "proration_behavior": "none"}
    )

    assert (changed.status, changed.trial_end) == ("active", NOW + DAY)
    assert invoice_of(client, changed).total == 2000


def test_a_subscription_keeps_its_discounts_when_they_are_named(
    client: stripe.StripeClient, double: Double
) -> None:
    client.v1.coupons.create(
        {"id": "ten", "percent_off": 10, "duration": "repeating", "duration_in_months": 2}
    )
    client.v1.coupons.create({"id": "five", "percent_off": 5, "duration": "forever"})
    subscription = a_subscription(client, discounts=[{"coupon": "ten"}])
    (ten,) = subscription.discounts
    assert isinstance(ten, str)
    asked: Any = [{"discount": ten}, {"coupon": "five"}]

    changed = client.v1.subscriptions.update(subscription.id, {"discounts": asked})

    assert changed.discounts[0] == ten
    assert len(changed.discounts) == 2
    assert invoice_of(client, subscription).total == 1800
    emptied = client.v1.subscriptions.update(subscription.id, {"discounts": ""})
    assert emptied.discounts == []
    assert kinds(double, "customer.discount") == [
        "customer.discount.created",
        "customer.discount.created",
        "customer.discount.deleted",
        "customer.discount.deleted",
    ]


def test_a_discount_for_once_is_gone_after_the_first_invoice(client: stripe.StripeClient) -> None:
    client.v1.coupons.create({"id": "half", "percent_off": 50, "duration": "once"})

    subscription = a_subscription(client, discounts=[{"coupon": "half"}])

    assert client.v1.subscriptions.retrieve(subscription.id).discounts == []
    invoice = invoice_of(client, subscription)
    assert (invoice.total, len(invoice.discounts)) == (1000, 1)


def test_the_end_is_planned_and_taken_back(client: stripe.StripeClient) -> None:
    subscription = a_subscription(client)

    planned = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    back = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    at = client.v1.subscriptions.update(subscription.id, {"cancel_at": NOW + DAY})
    none = client.v1.subscriptions.update(subscription.id, {"cancel_at": ""})

    assert (planned.cancel_at, planned.canceled_at) == (NEXT_MONTH, NOW)
    assert (back.cancel_at, back.cancel_at_period_end, back.canceled_at) == (None, False, None)
    assert (at.cancel_at, at.cancel_at_period_end) == (NOW + DAY, False)
    assert none.cancel_at is None


def test_a_canceled_subscription_has_ended(client: stripe.StripeClient, double: Double) -> None:
    customer = a_customer(client)
    subscription = a_subscription(client, customer=customer)

    ended = client.v1.subscriptions.cancel(subscription.id, {"prorate": False})

    assert (ended.status, ended.ended_at) == ("canceled", NOW)
    assert client.v1.subscriptions.list({"customer": customer}).data == []
    assert len(client.v1.subscriptions.list({"customer": customer, "status": "all"}).data) == 1
    assert kinds(double, "customer.subscription")[-1] == "customer.subscription.deleted"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})


def test_an_item_may_be_replaced_by_another_of_its_interval(
    client: stripe.StripeClient, clock: Clock
) -> None:
    subscription = a_subscription(client)
    (item,) = subscription["items"].data
    clock.now += DAY
    items: Any = [{"id": item.id, "deleted": True}, {"price": a_price(client, 500)}]

    changed = client.v1.subscriptions.update(
        subscription.id, {"items": items, "proration_behavior": "none"}
    )

    (other,) = changed["items"].data
    assert other.id != item.id
    assert (other.current_period_start, other.current_period_end) == (NOW, NEXT_MONTH)


def test_a_deleted_customer_is_not_subscribed_any_more(
    client: stripe.StripeClient, double: Double
) -> None:
    customer = a_customer(client)
    subscription = a_subscription(client, customer=customer)

    client.v1.customers.delete(customer)

    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert kinds(double, "customer.")[-2:] == ["customer.subscription.deleted", "customer.deleted"]


@pytest.mark.parametrize(
    "metadata", [{"k" * 41: "1"}, {"k": "x" * 501}, {f"k{n}": "1" for n in range(51)}]
)
def test_metadata_past_the_bounds_is_refused_everywhere(
    client: stripe.StripeClient, metadata: dict[str, str]
) -> None:
    extra: Any = [{"price": a_price(client), "metadata": metadata}]

    with pytest.raises(stripe.InvalidRequestError, match="Metadata can have"):
        client.v1.products.create({"name": "Pro", "metadata": metadata})
    with pytest.raises(stripe.InvalidRequestError, match="Metadata can have"):
        a_subscription(client, items=extra)


def test_an_invoice_made_by_hand_has_its_subscriptions_discounts(
    client: stripe.StripeClient,
) -> None:
    client.v1.coupons.create({"id": "half", "percent_off": 50, "duration": "forever"})
    customer = a_customer(client)
    subscription = a_subscription(client, customer=customer, discounts=[{"coupon": "half"}])

    with_it = client.v1.invoices.create({"customer": customer, "subscription": subscription.id})
    an_item(client, customer, 800, invoice=with_it.id)
    without = client.v1.invoices.create(
        {"customer": customer, "subscription": subscription.id, "discounts": ""}
    )

    assert client.v1.invoices.retrieve(with_it.id).total == 400
    assert (with_it.billing_reason, without.discounts) == ("manual", [])


@pytest.mark.parametrize(
    "fields",
    [
        {"items": []},
        {"discounts": [{"coupon": "none"}]},
        {"trial_end": NOW - 1},
        {"billing_mode": {"type": "classic"}},
        {"payment_behavior": "pending_if_incomplete"},
        {"billing_cycle_anchor": NOW + DAY},
        {"billing_cycle_anchor": NOW + 90 * DAY, "proration_behavior": "none"},
        {"collection_method": "send_invoice"},
        {"default_payment_method": "pm_card_visa"},
        {"application_fee_percent": "1"},
        {"customer": "cus_none"},
        {"currency": "eur"},
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused_whole(
    client: stripe.StripeClient, double: Double, fields: Any
) -> None:
    items = [{"price": a_price(client)}]
    params: Any = {"customer": a_customer(client), "items": items, **fields}
    before = len(double.outbox.all())

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.create(params)

    assert client.v1.subscriptions.list({"status": "all"}).data == []
    assert len(double.outbox.all()) == before


@pytest.mark.parametrize(
    "params",
    [
        {"items": [{"quantity": 2}]},
        {"items": [{"id": "si_none", "quantity": 2}], "proration_behavior": "none"},
        {"proration_behavior": "always_invoice"},
        {"cancel_at": NOW - 1},
        {"cancel_at": NOW + DAY, "cancel_at_period_end": True},
        {"pause_collection": {"behavior": "void"}},
        {"discounts": [{"discount": "di_none"}]},
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(
    client: stripe.StripeClient, params: Any
) -> None:
    subscription = a_subscription(client)

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.update(subscription.id, params)

    after = client.v1.subscriptions.retrieve(subscription.id)
    assert after.to_dict() == subscription.to_dict()


def test_subscriptions_have_exactly_the_fields_of_the_pinned_version(
    client: stripe.StripeClient, double: Double
) -> None:
    customer = a_customer(client)
    subscription = a_subscription(client, customer=customer)
    item = client.v1.invoice_items.retrieve(an_item(client, customer, 100))
    shown: list[tuple[type, Any]] = [
        (stripe.Subscription, subscription.to_dict()),
        (stripe.SubscriptionItem, subscription["items"].data[0].to_dict()),
        (stripe.Invoice, invoice_of(client, subscription).to_dict()),
        (stripe.InvoiceLineItem, invoice_of(client, subscription).lines.data[0].to_dict()),
        (stripe.InvoiceItem, item.to_dict()),
        (stripe.Product, client.v1.products.list().data[0].to_dict()),
        (stripe.Price, client.v1.prices.list().data[0].to_dict()),
    ]
    for kind, one in shown:
        assert set(one) == objects.names(kind), kind
    assert double.outbox.all()
