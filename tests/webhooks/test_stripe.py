"""What the webhook stores, refuses and ignores."""

import json
from typing import Any

import pytest

from orchard.domain.catalog import Plan
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.invoice import Invoice
from orchard.store import catalog, customer_plans, customers, invoices
from orchard.store.session import Session
from orchard.triggers import connection
from orchard.usecases.reactions import REACTIONS
from tests import harness
from tests.conftest import START, Call, Clock
from tests.pretended_stripe import Stripe, linked


def stored(session: Session, customer_id: str = "user_1") -> list[Invoice]:
    return invoices.newest(session, customers.locate(session, customer_id).internal_id)


def deliver_all(stripe: Stripe) -> None:
    for event in stripe.reports("invoice."):
        assert stripe.deliver(event).status == 200


def test_a_new_invoice_is_stored_as_stripe_has_it(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    invoice_id = stripe.invoice(
        customer,
        period_start=1_788_220_800,
        period_end=1_790_812_800,
        due_date=1_788_825_600,
        tax_percent="19",
        coupons=[{"id": "WELCOME", "name": "Welcome", "percent_off": "25"}],
        lines=[
            {
                "description": "Pro",
                "amount": 2000,
                "period_start": 1_788_220_800,
                "period_end": 1_790_812_800,
                "price": {"metadata": {"orchard_plan_id": "pro"}},
            },
            {
                "description": "Messages",
                "amount": 1550,
                "quantity": 155,
                "metadata": {"autumn_plan_id": "pro", "autumn_feature_id": "messages"},
            },
        ],
    )
    stripe.step(invoice_id, "finalize")

    answered = stripe.deliver(stripe.reports("invoice.created")[0])

    (invoice,) = stored(session)
    assert answered.status == 200
    assert answered.body == {"received": True}
    assert invoice.id.startswith("inv_")
    assert len(invoice.id) == 31
    assert invoice.stripe_id == invoice_id
    assert (invoice.status, invoice.currency) == ("open", "usd")
    assert str(invoice.number).endswith("-0001")
    assert [str(amount) for amount in (invoice.subtotal, invoice.tax, invoice.total)] == [
        "35.50",
        "5.06",
        "31.68",
    ]
    assert (str(invoice.amount_due), str(invoice.amount_paid)) == ("31.68", "0.00")
    assert invoice.created_at == START
    assert (invoice.period_start, invoice.period_end) == (START, START + 30 * 86_400_000)
    assert invoice.due_at == START + 7 * 86_400_000
    assert str(invoice.hosted_invoice_url).startswith(stripe.double.url)
    assert str(invoice.pdf_url).endswith("/pdf")
    assert invoice.plan_ids == ("pro",)
    assert (invoice.processor_type, invoice.version) == ("stripe", 1)
    (discount,) = invoice.discounts
    assert (discount.coupon_id, discount.coupon_name) == ("WELCOME", "Welcome")
    assert (str(discount.percent_off), str(discount.amount_used)) == ("25.0", "8.88")


def test_the_lines_are_stored_with_plan_feature_period_and_discounts(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(
        customer,
        coupons=[{"id": "FIVE", "amount_off": 500}],
        lines=[
            {
                "description": "Messages",
                "amount": 1550,
                "quantity": 155,
                "period_start": 1_788_220_800,
                "period_end": 1_790_812_800,
                "metadata": {"orchard_plan_id": "pro", "orchard_feature_id": "messages"},
            }
        ],
    )

    deliver_all(stripe)

    (line,) = stored(session)[0].lines
    assert (line.description, str(line.amount), line.quantity) == ("Messages", "15.50", 155)
    assert (line.plan_id, line.feature_id) == ("pro", "messages")
    assert (line.period_start, line.period_end) == (START, START + 30 * 86_400_000)
    (discount,) = line.discounts
    assert (discount.coupon_id, discount.percent_off) == ("FIVE", None)
    assert (str(discount.amount_off), str(discount.amount_used)) == ("5.00", "5.00")


@pytest.mark.parametrize(
    ("currency", "total"), [("usd", "1234.56"), ("jpy", "123456"), ("kwd", "123.456")]
)
def test_money_is_in_major_units_of_its_currency(
    call: Call, stripe: Stripe, session: Session, currency: str, total: str
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer, 123_456, currency=currency)

    deliver_all(stripe)

    (invoice,) = stored(session)
    assert (str(invoice.total), invoice.currency) == (total, currency)
    assert str(invoice.lines[0].amount) == total


@pytest.mark.parametrize(
    ("steps", "status", "paid"),
    [
        ((), "draft", 0),
        (("finalize",), "open", 0),
        (("finalize", "pay"), "paid", 20),
        (("finalize", "fail"), "open", 0),
        (("finalize", "fail", "pay"), "paid", 20),
        (("finalize", "void"), "void", 0),
        (("finalize", "mark_uncollectible"), "uncollectible", 0),
    ],
)
def test_an_invoice_follows_what_happens_to_it(
    call: Call, stripe: Stripe, steps: tuple[str, ...], status: str, paid: int
) -> None:
    customer = linked(call, stripe)
    invoice_id = stripe.invoice(customer)
    deliver_all(stripe)
    stripe.step(invoice_id, *steps)

    deliver_all(stripe)

    (row,) = call("invoices.list", {"customer_id": "user_1"}).body["list"]
    assert (row["status"], row["total"], row["amount_paid"]) == (status, 20, paid)


def test_a_deleted_draft_is_no_longer_shown(call: Call, stripe: Stripe, session: Session) -> None:
    customer = linked(call, stripe)
    invoice_id = stripe.invoice(customer)
    deliver_all(stripe)
    stripe.step(invoice_id, "delete")

    deliver_all(stripe)

    assert stored(session) == []
    assert call("invoices.list").body["list"] == []


def test_a_credit_is_negative(call: Call, stripe: Stripe, session: Session) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer, -2000)

    deliver_all(stripe)

    assert str(stored(session)[0].total) == "-20.00"


def test_a_long_invoice_keeps_its_first_hundred_lines(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    lines = [{"description": f"{n} " + "ä" * 600, "amount": 100} for n in range(130)]
    stripe.invoice(customer, lines=lines)

    deliver_all(stripe)

    (invoice,) = stored(session)
    assert str(invoice.total) == "130.00"
    assert [line.description.split()[0] for line in invoice.lines] == [str(n) for n in range(100)]


def test_a_body_in_base64_is_verified_as_the_bytes_that_were_sent(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer, description="Größe")

    answered = stripe.deliver(stripe.reports("invoice.created")[0], as_base64=True)

    assert answered.status == 200
    assert len(stored(session)) == 1


@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "nonsense"])
def test_a_wrong_signature_is_refused_and_nothing_is_stored(
    call: Call, stripe: Stripe, session: Session, signature: str
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer)
    body = json.dumps(stripe.reports("invoice.created")[0])

    answered = stripe.send(body, signature)

    assert answered.status == 400
    assert answered.body["code"] == "invalid_signature"
    assert stored(session) == []


def test_a_body_changed_on_the_way_is_refused(call: Call, stripe: Stripe) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer)
    body = json.dumps(stripe.reports("invoice.created")[0])

    answered = stripe.send(body + " ", stripe.signed(body))

    assert answered.status == 400


def test_an_old_report_is_refused(stripe: Stripe, clock: Clock) -> None:
    body = json.dumps({"id": "evt_1", "type": "x", "data": {"object": {}}})
    signature = stripe.signed(body)
    clock.advance(seconds=301)

    assert stripe.send(body, signature).status == 400


def test_an_unknown_type_is_acknowledged(stripe: Stripe) -> None:
    body = json.dumps({"id": "evt_1", "type": "charge.succeeded", "data": {"object": {}}})

    assert stripe.send(body) == (200, {"received": True}, {"content-type": "application/json"})


def test_an_invoice_of_a_customer_we_do_not_know_is_acknowledged(
    call: Call, stripe: Stripe
) -> None:
    stripe.invoice(stripe.customer(name="Stranger"))

    deliver_all(stripe)

    assert call("invoices.list").body["list"] == []


def test_an_invoice_of_the_other_environment_is_not_ours(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer)
    body = json.dumps(stripe.reports("invoice.created")[0])
    stripe.double.outbox._secret = "whsec_live"  # noqa: SLF001 - the account of live

    assert stripe.send(body).status == 200
    assert stored(session) == []


def test_an_invoice_that_comes_after_its_customer_was_deleted_is_acknowledged(
    call: Call, stripe: Stripe
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer)
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200

    deliver_all(stripe)

    assert call("invoices.list").body["list"] == []


def test_stripe_is_asked_to_report_again_while_it_can_not_be_reached(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer)
    stripe.control("failures", {"status": 500, "times": 3})
    event = stripe.reports("invoice.created")[0]

    assert stripe.deliver(event).status == 503
    assert stored(session) == []
    assert stripe.deliver(event).status == 200
    assert len(stored(session)) == 1


def test_our_own_fault_is_a_500_that_tells_nothing(
    call: Call, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer)
    event = stripe.reports("invoice.created")[0]
    connection.forget()
    monkeypatch.delenv("TABLE_NAME")

    answered = stripe.deliver(event)

    assert answered.status == 500
    assert answered.body == {
        "message": "Something went wrong on our side",
        "code": "internal_error",
    }


def test_plans_are_those_of_the_customer_when_the_lines_name_none(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    hold(session, a_plan("pro", {"amount": 20, "interval": "month"}), a_plan("free", None))
    invoice_id = stripe.invoice(customer)
    deliver_all(stripe)

    assert stored(session)[0].plan_ids == ("pro",)

    hold(session, a_plan("team", {"amount": 50, "interval": "month"}))
    stripe.step(invoice_id, "finalize")
    deliver_all(stripe)

    # What was found out first stays: later plans have nothing to do with it.
    assert stored(session)[0].plan_ids == ("pro",)


def test_an_invoice_that_no_plan_explains_names_none(
    call: Call, stripe: Stripe, session: Session
) -> None:
    customer = linked(call, stripe)
    stripe.invoice(customer)

    deliver_all(stripe)

    assert stored(session)[0].plan_ids == ()


def test_the_customer_shows_its_ten_newest_invoices(
    call: Call, stripe: Stripe, clock: Clock
) -> None:
    customer = linked(call, stripe)
    made = []
    for _ in range(12):
        clock.advance(seconds=60)
        made.append(stripe.invoice(customer))
    deliver_all(stripe)

    body = {"customer_id": "user_1", "expand": ["invoices"]}
    shown: list[dict[str, Any]] = call("customers.get", body).body["invoices"]

    assert [one["stripe_id"] for one in shown] == made[:1:-1]
    assert set(shown[0]) == {
        "plan_ids",
        "stripe_id",
        "processor_type",
        "status",
        "total",
        "currency",
        "created_at",
        "hosted_invoice_url",
    }


def test_invoices_stay_with_a_renamed_customer(call: Call, stripe: Stripe) -> None:
    customer = linked(call, stripe)
    invoice_id = stripe.invoice(customer)
    deliver_all(stripe)
    renamed = call("customers.update", {"customer_id": "user_1", "new_customer_id": "user_2"})
    assert renamed.status == 200
    stripe.step(invoice_id, "finalize", "pay")

    deliver_all(stripe)

    (row,) = call("invoices.list", {"customer_id": "user_2"}).body["list"]
    assert (row["customer_id"], row["status"]) == ("user_2", "paid")


def a_plan(plan_id: str, price: dict[str, Any] | None) -> Plan:
    return Plan(id=plan_id, version=1, name=plan_id, created_at=START, price=price)


def hold(session: Session, *plans: Plan) -> None:
    """Give the customer plans as if it had paid for them."""
    customer: Customer = customers.locate(session, "user_1")
    for plan in plans:
        held = CustomerPlan(f"cus_prod_{plan.id}", plan.id, 1, session.now)
        session.commit(
            catalog.put_plan(session, plan, new=True),
            customer_plans.put(session, customer, held),
        )
    catalog.forget_all()


def test_every_event_that_is_reacted_to_is_in_the_documentation() -> None:
    text = (harness.ROOT / "docs" / "operations.md").read_text()

    assert [kind for kind in REACTIONS if f"`{kind}`" not in text] == []
