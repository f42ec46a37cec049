"""The double of Stripe: the official package accepts it, and it forbids what Stripe does."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest
import requests
import stripe
from hypothesis import given
from hypothesis import strategies as st

from local.stripe import forms, objects
from local.stripe.amounts import totals
from local.stripe.failures import Refused
from local.stripe.server import Double
from tests.harness import ROOT
from tests.local.stripe_double import NOW, SECRET, client_of, control


def a_customer(client: stripe.StripeClient, **fields: Any) -> str:
    params: Any = {"name": "Ada", **fields}
    return client.v1.customers.create(params).id


def an_invoice(double: Double, customer: str, amount: int = 2000, **fields: Any) -> str:
    lines = [{"description": "Pro", "amount": amount}]
    body = {"customer": customer, "lines": lines, **fields}
    return str(control(double, "invoices", body)["id"])


# ---- the API -------------------------------------------------------------------


def test_customers_are_created_read_changed_listed_and_deleted(client: stripe.StripeClient) -> None:
    customer_id = a_customer(client, email="ada@example.com", metadata={"a": "1", "b": "2"})
    other = a_customer(client, email="grace@example.com")

    client.v1.customers.update(customer_id, {"name": "", "metadata": {"a": "", "c": "3"}})

    found = client.v1.customers.retrieve(customer_id)
    assert (found.name, found.email, found.created) == (None, "ada@example.com", NOW)
    assert found.metadata is not None
    assert found.metadata.to_dict() == {"b": "2", "c": "3"}
    assert [one.id for one in client.v1.customers.list().data] == [other, customer_id]
    wanted = client.v1.customers.list({"email": "grace@example.com"})
    assert [one.id for one in wanted.data] == [other]
    client.v1.customers.delete(other)
    assert client.v1.customers.retrieve(other).to_dict() == {
        "id": other,
        "object": "customer",
        "deleted": True,
    }
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        client.v1.customers.delete(other)


def test_lists_are_paged_as_the_package_pages_them(
    double: Double, client: stripe.StripeClient
) -> None:
    customer = a_customer(client)
    made = [an_invoice(double, customer, created=NOW + n // 2) for n in range(7)]
    an_invoice(double, a_customer(client))

    listed = client.v1.invoices.list({"customer": customer, "limit": 3})

    assert [one.id for one in listed.auto_paging_iter()] == made[::-1]
    before = client.v1.invoices.list({"customer": customer, "limit": 2, "ending_before": made[2]})
    assert [one.id for one in before.data] == [made[4], made[3]]
    recent = client.v1.invoices.list({"customer": customer, "created": {"gte": NOW + 2}})
    assert [one.id for one in recent.data] == [made[6], made[5], made[4]]


def test_the_lines_of_a_long_invoice_are_paged(double: Double, client: stripe.StripeClient) -> None:
    lines = [{"description": str(n), "amount": n} for n in range(25)]
    invoice = client.v1.invoices.retrieve(an_invoice(double, a_customer(client), lines=lines))

    assert [line.description for line in invoice.lines.data] == [str(n) for n in range(10)]
    assert invoice.lines.has_more
    assert [line.description for line in invoice.lines.auto_paging_iter()] == [
        str(n) for n in range(25)
    ]


def test_ids_are_replaced_by_objects_on_request(
    double: Double, client: stripe.StripeClient
) -> None:
    line = {"description": "Pro", "amount": 2000, "price": {"metadata": {"plan": "pro"}}}
    coupons = [{"id": "TEN", "name": "Ten", "percent_off": 10}]
    invoice_id = an_invoice(double, a_customer(client), lines=[line], coupons=coupons)

    plain = client.v1.invoices.retrieve(invoice_id)
    whole = client.v1.invoices.retrieve(
        invoice_id, {"expand": ["customer", "discounts.source.coupon"]}
    )
    listed = client.v1.invoices.line_items.list(
        invoice_id, {"expand": ["data.pricing.price_details.price"]}
    )

    assert isinstance(plain.customer, str)
    assert isinstance(whole.customer, stripe.Customer)
    (discount,) = whole.discounts
    assert isinstance(discount, stripe.Discount)
    assert isinstance(discount.source.coupon, stripe.Coupon)
    pricing = listed.data[0].pricing
    assert pricing is not None
    assert pricing.price_details is not None
    assert isinstance(pricing.price_details.price, stripe.Price)
    assert pricing.price_details.price.metadata.to_dict() == {"plan": "pro"}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("lines.data.pricing.price_details.price", "more than 4 levels"),
        ("nothing", "cannot be expanded"),
        ("status", "cannot be expanded"),
    ],
)
def test_what_can_not_be_expanded_is_refused(
    double: Double, client: stripe.StripeClient, path: str, message: str
) -> None:
    invoice_id = an_invoice(double, a_customer(client))

    with pytest.raises(stripe.InvalidRequestError, match=message):
        client.v1.invoices.retrieve(invoice_id, {"expand": [path]})


def test_objects_have_exactly_the_fields_of_the_pinned_version(
    double: Double, client: stripe.StripeClient
) -> None:
    line = {"description": "Pro", "amount": 2000, "price": {}}
    coupons = [{"id": "TEN", "percent_off": 10}]
    customer_id = a_customer(client)
    invoice_id = an_invoice(
        double, customer_id, lines=[line], coupons=coupons, tax_percent="19", then=["finalize"]
    )
    account = double.account
    shown: list[tuple[type, Any]] = [
        (stripe.Customer, client.v1.customers.retrieve(customer_id).to_dict()),
        (stripe.Invoice, client.v1.invoices.retrieve(invoice_id).to_dict()),
        (stripe.InvoiceLineItem, client.v1.invoices.line_items.list(invoice_id).data[0].to_dict()),
        (stripe.Price, next(iter(account.objects("price").values()))),
        (stripe.Coupon, account.get("coupon", "TEN")),
        (stripe.Discount, next(iter(account.objects("discount").values()))),
        (stripe.Event, double.outbox.all()[0]["event"]),
    ]
    for kind, one in shown:
        assert set(one) == objects.names(kind), kind
        never_null = {name for name in one if not nullable(kind.__annotations__[name])}
        assert {name for name in never_null if one[name] is None} == set(), kind


def nullable(declared: object) -> bool:
    return type(None) in get_args(declared)


@pytest.mark.parametrize(
    ("params", "message", "code"),
    [
        ({"nope": "1"}, "Received unknown parameter: nope", "parameter_unknown"),
        ({"address": {"zip": "1"}}, "unknown parameter: address\\[zip\\]", "parameter_unknown"),
        ({"balance": "much"}, "Invalid balance", None),
        ({"metadata": {"a": {"b": "c"}}}, "Invalid metadata", None),
        ({"email": "nobody"}, "Invalid email address", "email_invalid"),
        ({"tax_exempt": "none"}, "does not support", None),
    ],
)
def test_parameters_that_the_types_of_the_package_forbid_are_refused(
    client: stripe.StripeClient, params: Any, message: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        client.v1.customers.create(params)

    assert refused.value.code == code


def test_a_repeated_request_gets_the_first_answer_again(client: stripe.StripeClient) -> None:
    options: stripe.RequestOptions = {"idempotency_key": "once"}

    first = client.v1.customers.create({"name": "Ada"}, options)
    again = client.v1.customers.create({"name": "Ada"}, options)

    assert first.to_dict() == again.to_dict()
    assert len(client.v1.customers.list().data) == 1
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "Grace"}, options)


def test_only_a_secret_key_of_the_pinned_version_is_served(double: Double) -> None:
    for key in ("pk_test_x", "nonsense"):
        with pytest.raises(stripe.AuthenticationError):
            client_of(double.url, key).v1.customers.list()
    with pytest.raises(stripe.InvalidRequestError, match="version"):
        client_of(double.url, stripe_version="2020-08-27").v1.customers.list()
    assert requests.get(f"{double.url}/v1/customers", timeout=10).status_code == 401


def test_one_key_may_be_the_only_one() -> None:
    with Double(secret_key="sk_test_mine") as double:
        assert client_of(double.url, "sk_test_mine").v1.customers.list().data == []
        with pytest.raises(stripe.AuthenticationError):
            client_of(double.url, "sk_test_other").v1.customers.list()


def test_an_unknown_address_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.v1.charges.list()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_calls_fail_when_told_to(double: Double, client: stripe.StripeClient, status: int) -> None:
    control(double, "failures", {"status": status, "times": 2, "path": "/v1/customers"})

    for _ in range(2):
        with pytest.raises(stripe.StripeError) as failed:
            client.v1.customers.list()
        assert failed.value.http_status == status
    assert client.v1.customers.list().data == []


# ---- forms and amounts ----------------------------------------------------------


def test_forms_nest_as_stripe_nests_them() -> None:
    text = "a=1&b[c]=2&b[d][e]=3&f[0]=x&f[1]=y&g[]=p&g[]=q&h=%C3%A9&i="

    assert forms.decode(text) == {
        "a": "1",
        "b": {"c": "2", "d": {"e": "3"}},
        "f": ["x", "y"],
        "g": ["p", "q"],
        "h": "é",
        "i": "",
    }


@pytest.mark.parametrize("text", ["[a]b=1", "a[=1", "a=1&a[b]=2", "=1"])
def test_malformed_forms_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        forms.decode(text)


@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=6),
    st.lists(st.decimals(1, 100, places=2), max_size=3),
    st.decimals(0, 30, places=2),
)
def test_discounts_and_tax_add_up_to_the_last_unit(
    amounts: list[int], percents: list[Any], tax: Any
) -> None:
    coupons = [{"percent_off": percent, "amount_off": None} for percent in percents]

    sums = totals(amounts, coupons, tax)

    assert sums.subtotal == sum(amounts)
    assert [sum(share) for share in sums.shares] == sums.discounts
    assert sums.total == sums.subtotal - sum(sums.discounts) + sums.tax
    assert sums.total >= 0


# ---- the life of an invoice -----------------------------------------------------

KINDS = {
    "finalize": ["invoice.finalized", "invoice.updated"],
    "pay": ["invoice.updated", "invoice.paid", "invoice.payment_succeeded"],
    "fail": ["invoice.updated", "invoice.payment_failed"],
    "void": ["invoice.voided", "invoice.updated"],
    "mark_uncollectible": ["invoice.marked_uncollectible", "invoice.updated"],
    "delete": ["invoice.deleted"],
}


@pytest.mark.parametrize("steps", [["finalize", "fail", "pay"], ["finalize", "void"], ["delete"]])
def test_each_step_is_reported_as_stripe_reports_it(
    double: Double, client: stripe.StripeClient, steps: list[str]
) -> None:
    an_invoice(double, a_customer(client), then=steps)

    written = [kept["event"]["type"] for kept in double.outbox.all()]
    assert written == [
        "customer.created",
        "invoice.created",
        *(kind for step in steps for kind in KINDS[step]),
    ]


def test_an_invoice_of_nothing_is_paid_when_it_is_final(
    double: Double, client: stripe.StripeClient
) -> None:
    invoice_id = an_invoice(double, a_customer(client), 0, then=["finalize"])

    assert client.v1.invoices.retrieve(invoice_id).status == "paid"


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([], "pay"),
        ([], "void"),
        (["finalize"], "finalize"),
        (["finalize"], "delete"),
        (["finalize", "pay"], "void"),
        (["finalize", "void"], "pay"),
    ],
)
def test_a_step_out_of_turn_is_refused(
    double: Double, client: stripe.StripeClient, before: list[str], step: str
) -> None:
    invoice_id = an_invoice(double, a_customer(client), then=before)
    reports = len(double.outbox.all())

    url = f"{double.url}/_control/invoices/{invoice_id}/{step}"
    answered = requests.post(url, json={}, timeout=10)

    assert answered.status_code == 400
    assert "this needs one that is" in answered.json()["error"]["message"]
    assert len(double.outbox.all()) == reports


@pytest.mark.parametrize(
    "call",
    [
        ("invoices", {"customer": "cus_nobody"}),
        ("invoices", {}),
        ("invoices", {"customer": "x", "nope": 1}),
        ("invoices/in_1/dance", {}),
        ("invoices/in_1/pay", {}),
        ("reports/send", {"ids": ["evt_1"]}),
        ("nowhere", {}),
    ],
)
def test_a_wrong_control_call_is_refused(double: Double, call: tuple[str, Any]) -> None:
    path, body = call

    answered = requests.post(f"{double.url}/_control/{path}", json=body, timeout=10)

    assert answered.status_code in {400, 404}
    assert answered.json()["error"]["message"]


def test_people_can_read_pay_and_download_an_invoice(
    double: Double, client: stripe.StripeClient
) -> None:
    customer = a_customer(client, name="Ada <script>")
    invoice_id = an_invoice(double, customer, 123_456, then=["finalize"])
    invoice = client.v1.invoices.retrieve(invoice_id)
    address = str(invoice.hosted_invoice_url)

    page = requests.get(address, timeout=10)
    paid = requests.post(f"{address}/pay", timeout=10)
    document = requests.get(str(invoice.invoice_pdf), timeout=10)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "$1,234.56" in page.text
    assert "Ada &lt;script&gt;" in page.text
    assert "Pay $1,234.56" in page.text
    assert paid.url == address
    assert "Pay $" not in paid.text
    assert client.v1.invoices.retrieve(invoice_id).status == "paid"
    assert document.headers["content-type"] == "application/pdf"
    assert_pdf(document.content)


def assert_pdf(content: bytes) -> None:
    """The table of contents of the file leads to each object."""
    assert content.startswith(b"%PDF-1.4\n")
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF", content)[0])
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n ", content[start:])]
    assert len(places) == 7
    for number, place in enumerate(places, start=1):
        assert content[place:].startswith(b"%d 0 obj\n" % number)
    (stream,) = re.findall(rb"\nstream\n(.*?)\nendstream", content, re.DOTALL)
    assert b"/Length %d " % len(stream) in content


def test_a_draft_has_no_page(double: Double, client: stripe.StripeClient) -> None:
    invoice = client.v1.invoices.retrieve(an_invoice(double, a_customer(client)))

    assert (invoice.hosted_invoice_url, invoice.invoice_pdf) == (None, None)
    assert requests.get(f"{double.url}/i/anything", timeout=10).status_code == 404


# ---- webhooks -------------------------------------------------------------------


class Inbox:
    """A server that takes reports: which came, and what it answers."""

    def __init__(self) -> None:
        self.events: list[stripe.Event] = []
        self.statuses: list[int] = []
        self.url = ""

    def take(self, body: bytes, signature: str | None) -> int:
        # The double's clock is not this machine's.
        event = stripe.Webhook.construct_event(body, signature, SECRET, tolerance=10**9)
        self.events.append(event)
        return self.statuses.pop(0) if self.statuses else 200

    def kinds(self) -> list[str]:
        return [event.type for event in self.events]


@contextmanager
def inbox() -> Iterator[Inbox]:
    taken = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = taken.take(body, self.headers["stripe-signature"])
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        taken.url = f"http://127.0.0.1:{server.server_port}/hook"
        yield taken
        server.shutdown()
        thread.join()


@pytest.fixture
def taken() -> Iterator[Inbox]:
    with inbox() as running:
        yield running


@pytest.fixture
def sending(taken: Inbox) -> Iterator[Double]:
    with Double(webhook_url=taken.url, webhook_secret=SECRET, clock=lambda: NOW) as double:
        yield double


def test_reports_arrive_signed_and_in_order(sending: Double, taken: Inbox) -> None:
    customer = a_customer(client_of(sending.url))
    an_invoice(sending, customer, then=["finalize", "pay"])

    assert control(sending, "reports/settle") == {"settled": True}
    assert taken.kinds() == [
        "customer.created",
        "invoice.created",
        *KINDS["finalize"],
        *KINDS["pay"],
    ]
    paid = taken.events[-1]
    assert (paid.api_version, paid.data.object["status"]) == (stripe.api_version, "paid")
    assert taken.events[1].data.object["status"] == "draft"
    assert taken.events[3].data.previous_attributes is not None
    assert taken.events[3].data.previous_attributes["status"] == "draft"


def test_a_report_that_was_not_taken_is_sent_again(sending: Double, taken: Inbox) -> None:
    taken.statuses = [500, 503]

    a_customer(client_of(sending.url))

    assert control(sending, "reports/settle") == {"settled": True}
    assert taken.kinds() == ["customer.created"] * 3
    assert sending.outbox.all()[0]["answers"] == [500, 503, 200]
    assert sending.outbox.all()[0]["state"] == "delivered"


def test_reports_can_be_held_reordered_and_repeated(sending: Double, taken: Inbox) -> None:
    control(sending, "reports/hold")
    an_invoice(sending, a_customer(client_of(sending.url)), then=["finalize"])
    listed = requests.get(f"{sending.url}/_control/reports", timeout=10).json()["reports"]
    ids = [kept["id"] for kept in listed]
    assert taken.events == []

    control(sending, "reports/send", {"ids": [ids[3], ids[1], ids[3]]})

    assert taken.kinds() == ["invoice.updated", "invoice.created", "invoice.updated"]
    control(sending, "reports/release")
    control(sending, "reports/settle")
    assert taken.kinds()[3:] == ["customer.created", "invoice.finalized"]


# ---- the program ----------------------------------------------------------------


def test_the_account_survives_a_restart(tmp_path: Path, taken: Inbox) -> None:
    state = tmp_path / "deep" / "stripe.json"
    with Double(state=state, webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET) as double:
        customer = a_customer(client_of(double.url))
        invoice_id = an_invoice(double, customer, then=["finalize"])

    assert state.stat().st_mode & 0o777 == 0o600
    with Double(state=state, webhook_url=taken.url, webhook_secret=SECRET) as double:
        found = client_of(double.url).v1.invoices.retrieve(invoice_id)
        control(double, "reports/settle")

    assert (found.customer, found.status) == (customer, "open")
    assert sorted(taken.kinds()) == sorted(
        ["customer.created", "invoice.created", *KINDS["finalize"]]
    )


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    state = tmp_path / "stripe.json"
    command = [sys.executable, "-m", "local.stripe", "--port", "0", "--state", str(state)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.rpartition(" ")[2].strip()
        customer = a_customer(client_of(url))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0

    assert url.startswith("http://127.0.0.1:")
    assert customer in json.loads(state.read_text())["customer"]
