"""customers.delete: the plan of it, the receipt, and what a failure of Stripe leaves."""

from collections.abc import Callable
from typing import Any

import pytest

from orchard.domain.billing.coupons import Coupon, CustomerCoupon
from orchard.gateways import stripe_client
from orchard.store import (
    customer_plans,
    customers,
    due,
    invoice_places,
    invoices,
    keys,
    orders,
)
from orchard.store.session import Session
from orchard.store.statements import Put
from orchard.store.table import Table
from orchard.usecases import linking
from tests.builders import a_customer, a_feature, a_plan
from tests.conftest import START, TENANT, Call, Clock
from tests.harness import Response, sample
from tests.harness import handler as handler_of
from tests.pretended_stripe import Stripe, linked
from tests.streams import recording

ID = {"customer_id": "user_1"}
AT_STRIPE = {**ID, "delete_in_stripe": True}
KEY = {"idempotency-key": "once"}


@pytest.fixture(autouse=True)
def _catalogue(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)
    a_plan(call, "free", auto_enable=True)


@pytest.fixture
def down(call: Call, stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let Stripe answer no more, once it knows the customer; what is returned ends that."""
    a_customer(call, stripe_id=stripe.customer())
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:9")
    monkeypatch.setattr(stripe_client, "_RETRIES", 0)
    return lambda: monkeypatch.setenv("STRIPE_API_BASE", stripe.double.url)


def deleted(call: Call, **body: Any) -> Response:
    answered = call("customers.delete", {**ID, **body})
    assert answered.status == 200, answered
    return answered


def everything(table: Table) -> list[Any]:
    """All that is stored, the key of the API aside."""
    return [item for item in table.client.scan(TableName=table.name)["Items"] if "hot_id" in item]


def outcomes(answered: Response) -> dict[str, str]:
    steps = ("table", "stripe", "history", "invoices")
    return {step: answered.body["receipt"][step]["outcome"] for step in steps}


def purge() -> dict[str, int]:
    return dict(handler_of("jobs.purge_customers")(sample("jobs/purge_customers"), None))


class TestDryRun:
    def test_it_tells_what_would_be_lost_and_writes_nothing(
        self, call: Call, stripe: Stripe, table: Table
    ) -> None:
        customer = linked(call, stripe)
        call("entities.create", {**ID, "entity_id": "e1", "feature_id": "seats"})
        for steps in (("finalize",), ("finalize", "pay"), ()):
            stripe.step(stripe.invoice(customer), *steps)
            stripe.deliver(stripe.reports("invoice.created")[-1])
        before = everything(table)

        told = deleted(call, dry_run=True).body

        assert everything(table) == before
        assert told["dry_run"] is True
        assert (told["customer_id"], told["entities"]) == ("user_1", ["e1"])
        assert [plan["plan_id"] for plan in told["plans"]] == ["free"]
        assert {"feature_id": "messages", "remaining": 100, "unlimited": False} in told["balances"]
        assert sorted(one["status"] for one in told["open_invoices"]) == ["draft", "open"]
        assert (told["invoices"], told["counted_up_to"]) == (3, 500)
        assert told["stripe"] == {"stripe_id": customer, "outcome": "kept"}
        assert told["deletion"] is None

    def test_a_subscription_goes_on_unless_stripe_deletes_its_customer(
        self, call: Call, stripe: Stripe, session: Session
    ) -> None:
        linked(call, stripe)
        subscribed(session)

        for in_stripe, outcome in ((False, "kept"), (True, "deleted")):
            told = deleted(call, dry_run=True, delete_in_stripe=in_stripe).body
            assert told["subscriptions"] == [
                {"stripe_subscription_id": "sub_1", "plan_ids": ["free"], "goes_on": not in_stripe}
            ]
            assert told["stripe"]["outcome"] == outcome

    def test_coupons_are_named(self, call: Call, session: Session) -> None:
        a_customer(call)
        account = customers.require(session, "user_1")
        kept = CustomerCoupon(Coupon("ten"), START, "chg_1")
        after = account.customer._replace(coupons=(kept,), version=account.customer.version + 1)
        session.commit(customers.put(session, after, account.plans, session.stamp("update")))

        assert deleted(call, dry_run=True).body["coupons"] == ["ten"]

    def test_events_and_changes_are_counted(self, call: Call, table: Table) -> None:
        a_customer(call)
        for _ in range(3):
            call("balances.track", {**ID, "feature_id": "messages"})
        recording.catch_up(table)

        told = deleted(call, dry_run=True).body

        assert (told["events"], told["changes"] > 0) == (3, True)

    def test_a_customer_that_is_not_at_stripe_has_nothing_there(self, call: Call) -> None:
        a_customer(call)

        told = deleted(call, dry_run=True, delete_in_stripe=True).body

        assert told["stripe"] == {"stripe_id": None, "outcome": "none"}

    def test_an_unknown_customer_is_not_found(self, call: Call) -> None:
        answered = call("customers.delete", {**ID, "dry_run": True})

        assert (answered.status, answered.body["code"]) == (404, "customer_not_found")


def subscribed(session: Session) -> None:
    """Let the customer's plan be paid by a subscription."""
    account = customers.require(session, "user_1")
    (plan,) = account.plans
    paid = plan._replace(stripe_subscription_id="sub_1")
    session.commit(customer_plans.put(session, account.customer, paid))


class TestReceipt:
    def test_it_tells_what_became_of_each_step(self, call: Call) -> None:
        a_customer(call)

        answered = deleted(call, reason="Asked for it")

        assert answered.body["success"] is True
        assert outcomes(answered) == {
            "table": "done",
            "stripe": "none",
            "history": "scheduled",
            "invoices": "scheduled",
        }
        (line,) = call("changes.list", {"action": "customers.delete"}).body["list"]
        assert line["id"] == answered.body["receipt"]["change_id"]
        assert line["reason"] == "Asked for it"

    def test_subscriptions_that_go_on_being_billed_are_named(
        self, call: Call, stripe: Stripe, session: Session
    ) -> None:
        linked(call, stripe)
        subscribed(session)

        told = deleted(call).body["receipt"]["stripe"]

        assert (told["outcome"], told["subscriptions_going_on"]) == ("kept", ["sub_1"])
        assert stripe.reports("customer.deleted") == []

    def test_stripe_deletes_its_customer_on_request(self, call: Call, stripe: Stripe) -> None:
        linked(call, stripe)

        answered = deleted(call, delete_in_stripe=True)

        assert (answered.body["success"], outcomes(answered)["stripe"]) == (True, "done")
        assert len(stripe.reports("customer.deleted")) == 1
        assert call("customers.get", ID).status == 404

    def test_one_that_is_gone_at_stripe_already_is_fine(self, call: Call, stripe: Stripe) -> None:
        customer = linked(call, stripe)
        stripe.double.account.objects("customer").pop(customer)

        assert deleted(call, delete_in_stripe=True).body["success"] is True


class TestStripeFails:
    def test_the_customer_stays_and_is_shown_as_deleting(
        self, call: Call, stripe: Stripe, down: object
    ) -> None:
        a_customer(call, stripe_id=stripe.customer())
        del down

        answered = deleted(call, delete_in_stripe=True)

        assert answered.body["success"] is False
        assert outcomes(answered)["stripe"] == "retried"
        assert answered.body["receipt"]["stripe"]["error"] == "Stripe did not answer; try again"
        shown = call("customers.get", ID).body
        assert (shown["status"], shown["deleting_since"]) == ("deleting", START)
        (listed,) = call("customers.list", {}).body["list"]
        assert listed["status"] == "deleting"
        told = deleted(call, dry_run=True).body
        assert told["deletion"] == {
            "began_at": START,
            "attempts": 1,
            "error": "Stripe did not answer; try again",
        }
        assert told["stripe"]["outcome"] == "deleted"

    @pytest.mark.parametrize(
        ("operation", "body"),
        [
            ("customers.update", {"name": "Bea"}),
            ("customers.update", {"new_customer_id": "user_2"}),
            ("customers.get_or_create", {"name": "Bea", "email": "b@example.com"}),
            ("entities.create", {"entity_id": "e1", "feature_id": "seats"}),
            ("balances.delete", {"feature_id": "messages"}),
        ],
    )
    def test_it_can_not_be_changed_any_more(
        self, call: Call, stripe: Stripe, down: object, operation: str, body: dict[str, Any]
    ) -> None:
        a_customer(call, stripe_id=stripe.customer())
        del down
        deleted(call, delete_in_stripe=True)

        answered = call(operation, {**ID, **body})

        assert (answered.status, answered.body["code"]) == (409, "customer_deleting")

    @pytest.mark.usefixtures("down")
    def test_what_it_has_can_be_used_until_then(self, call: Call, stripe: Stripe) -> None:
        a_customer(call, stripe_id=stripe.customer())
        deleted(call, delete_in_stripe=True)

        used = call("balances.track", {**ID, "feature_id": "messages", "value": 30})

        assert used.body["balance"]["remaining"] == 70

    def test_the_job_goes_on_when_stripe_answers_again(
        self, call: Call, stripe: Stripe, down: Callable[[], None], clock: Clock
    ) -> None:
        a_customer(call, stripe_id=stripe.customer())
        first = deleted(call, delete_in_stripe=True, reason="GDPR").body["receipt"]
        clock.advance(seconds=3600)

        assert purge() == {"Purged": 0, "PurgeFailed": 1}
        assert deleted(call, dry_run=True).body["deletion"]["attempts"] == 2

        down()
        clock.advance(seconds=3600)

        assert purge() == {"Purged": 1, "PurgeFailed": 0}
        assert call("customers.get", ID).status == 404
        assert len(stripe.reports("customer.deleted")) == 1
        lines = call("changes.list", {"action": "customers.delete"}).body["list"]
        (line,) = (one for one in lines if one["id"] == first["change_id"])
        assert (line["reason"], line["actor"]["type"]) == ("GDPR", "api_key")

    def test_the_same_request_again_goes_on(
        self, call: Call, stripe: Stripe, down: Callable[[], None]
    ) -> None:
        a_customer(call, stripe_id=stripe.customer())
        first = call("customers.delete", AT_STRIPE, headers=KEY)
        down()

        again = call("customers.delete", AT_STRIPE, headers=KEY)

        assert (first.body["success"], again.body["success"]) == (False, True)
        assert first.body["receipt"]["change_id"] == again.body["receipt"]["change_id"]
        assert len(stripe.reports("customer.deleted")) == 1
        assert call("customers.get", ID).status == 404
        assert call("customers.delete", AT_STRIPE, headers=KEY).status == 409

    @pytest.mark.usefixtures("down")
    def test_whoever_gives_up_on_stripe_says_so(self, call: Call, stripe: Stripe) -> None:
        a_customer(call, stripe_id=stripe.customer())
        deleted(call, delete_in_stripe=True)

        assert outcomes(deleted(call))["stripe"] == "retried"
        assert outcomes(deleted(call, delete_in_stripe=False))["stripe"] == "kept"
        assert call("customers.get", ID).status == 404
        assert stripe.reports("customer.deleted") == []


class Cut(Exception):
    """The process ends."""


@pytest.mark.parametrize("crash", ["before Stripe, again", "after Stripe, again", "after Stripe"])
def test_a_crash_anywhere_is_gone_on_from(
    call: Call, stripe: Stripe, clock: Clock, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    """By the same request again, or by the job."""
    a_customer(call, stripe_id=stripe.customer())
    really = linking.delete_in_stripe

    def cut(session: Session, stripe_id: str) -> None:
        if crash.startswith("after"):
            really(session, stripe_id)
        raise Cut

    with monkeypatch.context() as patched:
        patched.setattr(linking, "delete_in_stripe", cut)
        assert call("customers.delete", AT_STRIPE).status == 500
    assert call("customers.get", ID).body["status"] == "deleting"

    clock.advance(seconds=60)
    if crash.endswith("again"):
        assert deleted(call, delete_in_stripe=True).body["success"] is True
    else:
        assert purge() == {"Purged": 1, "PurgeFailed": 0}

    assert call("customers.get", ID).status == 404
    assert len(stripe.reports("customer.deleted")) == 1


def test_a_job_does_not_meddle_while_the_request_is_at_work(
    call: Call, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_customer(call, stripe_id=stripe.customer())
    really, ran = linking.delete_in_stripe, []

    def beside(session: Session, stripe_id: str) -> None:
        ran.append(purge())
        really(session, stripe_id)

    monkeypatch.setattr(linking, "delete_in_stripe", beside)

    assert deleted(call, delete_in_stripe=True).body["success"] is True
    assert ran == [{"Purged": 0, "PurgeFailed": 0}]


def test_a_rival_that_is_faster_leaves_nothing_to_do(
    call: Call, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_customer(call, stripe_id=stripe.customer())
    really, answers = linking.delete_in_stripe, []

    def beaten(session: Session, stripe_id: str) -> None:
        monkeypatch.setattr(linking, "delete_in_stripe", really)
        answers.append(deleted(call, delete_in_stripe=True).body)
        really(session, stripe_id)

    monkeypatch.setattr(linking, "delete_in_stripe", beaten)
    answers.append(deleted(call, delete_in_stripe=True).body)

    assert [one["success"] for one in answers] == [True, True]
    assert len({one["receipt"]["change_id"] for one in answers}) == 1
    assert len(stripe.reports("customer.deleted")) == 1


@pytest.mark.parametrize("body", [ID, AT_STRIPE])
def test_nobody_is_deleted_while_the_billing_is_changed(
    call: Call, stripe: Stripe, session: Session, clock: Clock, body: dict[str, Any]
) -> None:
    a_customer(call, stripe_id=stripe.customer())
    owner = customers.locate(session, "user_1").internal_id
    session.commit(orders.taken(session, owner, "order"))

    answered = call("customers.delete", body)

    assert (answered.status, answered.body["code"]) == (423, "lock_already_exists")
    assert "status" not in call("customers.get", ID).body
    clock.advance(ms=orders.LEASE_MS)
    assert call("customers.delete", body).body["success"] is True


def test_nothing_is_sold_to_a_customer_that_is_being_deleted(
    call: Call, stripe: Stripe, down: Callable[[], None]
) -> None:
    a_customer(call, stripe_id=stripe.customer())
    deleted(call, delete_in_stripe=True)
    down()
    a_plan(call, "pro", price={"amount": 20, "interval": "month"})

    answered = call("billing.attach", {**ID, "plan_id": "pro"})

    assert (answered.status, answered.body["code"]) == (409, "customer_deleting")
    assert stripe.reports("checkout") + stripe.reports("customer.subscription") == []


class TestAnonymize:
    @pytest.fixture
    def paid(self, call: Call, stripe: Stripe) -> str:
        """A paid invoice that names people; its id at Stripe."""
        line = {"description": "Ada's seat", "amount": 1600, "metadata": {"orchard_plan_id": "pro"}}
        made = stripe.invoice(linked(call, stripe), lines=[line])
        stripe.step(made, "finalize", "pay")
        stripe.deliver(stripe.reports()[0])
        return made

    def test_invoices_stay_without_personal_data(
        self, call: Call, session: Session, paid: str
    ) -> None:
        (before,) = call("invoices.list").body["list"]

        answered = deleted(call, anonymize=True)

        assert outcomes(answered)["invoices"] == "kept"
        (after,) = call("invoices.list").body["list"]
        gone = {"customer_id": None, "hosted_invoice_url": None}
        assert after == {**before, **gone}
        kept = invoices.find(session, [paid])[paid]
        assert "Ada" not in str(kept)
        assert (kept.number, kept.pdf_url, kept.plan_ids) == (None, None, ("pro",))
        page = sample("pages/invoices") | {"pathParameters": {"invoice_id": before["id"]}}
        assert handler_of("pages.invoices")(page, None)["statusCode"] == 404

    def test_the_job_leaves_them(self, call: Call, clock: Clock, paid: str) -> None:
        deleted(call, anonymize=True)
        purge()
        clock.advance(days=2)
        purge()

        (row,) = call("invoices.list").body["list"]
        assert (row["stripe_id"], row["total"]) == (paid, 16)

    def test_many_are_left_to_the_job(self, call: Call) -> None:
        a_customer(call)
        some = [
            {**ID, "stripe_id": f"in_{n}", "status": "paid", "total": n, "created_at": START + n}
            for n in range(60)
        ]
        call("invoices.insert", {"invoices": some})

        assert outcomes(deleted(call, anonymize=True))["invoices"] == "scheduled"
        purge()

        rows = call("invoices.list", {"limit": 100}).body["list"]
        assert sum(row["total"] for row in rows) == sum(range(60))
        assert {row["customer_id"] for row in rows} == {None}

    def test_otherwise_nothing_of_them_is_left(
        self, call: Call, session: Session, paid: str
    ) -> None:
        (row,) = call("invoices.list").body["list"]
        deleted(call)
        assert call("invoices.list").body["list"] == []

        purge()

        assert invoices.find(session, [paid]) == {}
        assert invoice_places.address(session.table, row["id"]) is None


def test_orders_that_wait_are_forgotten(call: Call, session: Session) -> None:
    a_customer(call)
    owner = customers.locate(session, "user_1").internal_id
    place = keys.order(TENANT, owner, "order")
    lock = {"internal_id": owner, "order_id": "order", "until": 0}
    session.table.put(Put({"pk": place.pk, "sk": place.sk, **lock}))
    deleted(call)

    purge()

    assert session.table.get(place) is None
    assert due.get_deletion(session.table, keys.deletion(TENANT, owner)) is not None
