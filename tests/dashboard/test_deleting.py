"""Deleting a customer on the dashboard: what is lost, the confirmation, and what was done."""

from collections.abc import Callable

import pytest

from orchard.domain.users import Role
from orchard.gateways import stripe_client
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop
from tests.builders import a_customer, a_feature, a_grant, a_plan
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser
from tests.dashboard.conftest import Sign
from tests.dashboard.test_balance_edit import filled
from tests.dashboard.test_customer_page import words
from tests.pretended_stripe import Stripe

CUSTOMER = "/dashboard/customers/user_1"
DELETE = f"{CUSTOMER}/delete"


@pytest.fixture
def admin(signed: Sign) -> Browser:
    return signed(Role.ADMIN)


@pytest.fixture
def _ada(call: Call) -> None:
    a_feature(call)
    a_customer(call, name="Ada", email="ada@example.com")
    a_grant(call, 40)


@pytest.fixture
def subscriber(call: Call, stripe: Stripe, clock: Clock) -> str:
    """Ada, who pays for a plan; returned is the id at Stripe."""
    shop = Shop(call, stripe, clock)
    a_feature(call)
    a_plan(call, "pro", price={"amount": 20, "interval": "month"})
    stripe_id = shop.customer()
    shop.attach("pro")
    return stripe_id


@pytest.fixture
def down(call: Call, stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let Stripe answer no more, once it knows the customer; what is returned ends that."""
    a_customer(call, name="Ada", stripe_id=stripe.customer())
    monkeypatch.setenv("STRIPE_API_BASE", "http://127.0.0.1:9")
    monkeypatch.setattr(stripe_client, "_RETRIES", 0)
    return lambda: monkeypatch.setenv("STRIPE_API_BASE", stripe.double.url)


def typed(browser: Browser, **fields: str) -> dict[str, str]:
    plain = {"stripe": "keep", "anonymize": "", "confirm": "user_1"}
    return filled(browser.get(DELETE)) | plain | fields


def is_there(call: Call) -> bool:
    return call("customers.get", {"customer_id": "user_1"}).status == 200


@pytest.mark.usefixtures("_ada")
def test_what_would_be_lost_is_told_before_anything_is(call: Call, admin: Browser) -> None:
    page = admin.get(DELETE)

    assert "Balances Messages: 40 left" in words(page)
    assert "Type user_1 to confirm" in words(page)
    assert "customers.delete" in page.text
    assert 'name="stripe" value="keep"' in page.text
    assert is_there(call)


@pytest.mark.usefixtures("_ada")
@pytest.mark.parametrize("confirm", ["user_1", "Ada"])
def test_the_receipt_says_what_was_done_and_again_is_not_done_again(
    call: Call, admin: Browser, confirm: str
) -> None:
    fields = typed(admin, confirm=confirm, reason="Asked for erasure")

    receipt, again = admin.post(DELETE, fields), admin.post(DELETE, fields)

    assert receipt.status == 200
    assert "Ada was deleted" in words(receipt)
    assert "balances Deleted Customer at Stripe Not at Stripe" in words(receipt)
    assert "&#34;change_id&#34;: &#34;chg_" in receipt.text
    assert "This was done before" in words(again)
    assert not is_there(call)
    assert admin.get(DELETE).status == 404
    assert admin.post(DELETE, fields | {"key": "another"}).status == 404


@pytest.mark.usefixtures("_ada")
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"confirm": ""}, "Type user_1 exactly"),
        ({"confirm": "USER_1"}, "Type user_1 exactly"),
        ({"confirm": "user_1", "reason": "x" * 1001}, "Must have at most 1000 characters"),
        ({"confirm": "user_1", "key": ""}, "This form can't be read"),
    ],
)
def test_what_is_typed_wrong_deletes_nothing(
    call: Call, admin: Browser, fields: dict[str, str], told: str
) -> None:
    page = admin.post(DELETE, typed(admin, **fields))

    assert page.status == 400
    assert told in words(page)
    assert is_there(call)


def test_what_goes_on_or_ends_at_stripe_is_told_before_and_after(
    call: Call, subscriber: str, admin: Browser
) -> None:
    kept = words(admin.get(DELETE))
    ended = words(admin.post(DELETE, typed(admin, stripe="delete", step="preview")))
    receipt = words(admin.post(DELETE, typed(admin, anonymize="yes")))

    assert "goes on being billed" in kept
    assert f"The customer at Stripe stays: {subscriber}" in kept
    assert "ends at once" in ended
    assert f"The customer at Stripe is deleted: {subscriber}" in ended
    assert "At Stripe these subscriptions go on being billed: sub_" in receipt
    assert "Invoices Kept, without personal data" in receipt
    assert not is_there(call)


def test_while_stripe_fails_nothing_is_deleted_and_it_can_be_tried_again(
    call: Call, admin: Browser, down: Callable[[], None]
) -> None:
    failed = admin.post(DELETE, typed(admin, stripe="delete"))
    page, tab = admin.get(DELETE), admin.get(f"{CUSTOMER}?tab=settings")

    assert "Ada is not deleted yet" in words(failed)
    assert "Stripe did not delete its customer, so nothing was deleted here" in words(failed)
    assert f'href="{DELETE}"' in failed.text
    assert is_there(call)
    assert "Being deleted" in words(tab)
    assert "waits for Stripe" in words(page)
    assert 'value="delete" checked' in page.text

    down()
    done = admin.post(DELETE, typed(admin, stripe="delete"))
    assert "Ada was deleted" in words(done)
    assert not is_there(call)


def test_stripe_can_be_given_up_on(call: Call, admin: Browser, down: Callable[[], None]) -> None:
    del down
    admin.post(DELETE, typed(admin, stripe="delete"))

    done = admin.post(DELETE, typed(admin, stripe="keep"))

    assert "Customer at Stripe Left alone" in words(done)
    assert not is_there(call)


@pytest.mark.usefixtures("_ada")
@pytest.mark.parametrize("role", [Role.SUPPORT, Role.VIEWER])
def test_who_may_not_delete_sees_no_settings(
    call: Call, admin: Browser, signed: Sign, role: Role
) -> None:
    person, fields = signed(role), typed(admin)

    assert "Settings" not in words(person.get(CUSTOMER))
    assert person.get(f"{CUSTOMER}?tab=settings").status == 403
    assert person.get(DELETE).status == 403
    commands = f"/dashboard/commands?q=settings&at={CUSTOMER}"
    assert "Settings of this customer" not in person.get(commands).text
    assert "Settings of this customer" in admin.get(commands).text
    assert person.post(DELETE, fields).status == 403
    assert "Delete customer" in words(admin.get(f"{CUSTOMER}?tab=settings"))
    assert is_there(call)


def test_script_in_a_name_stays_text(call: Call, admin: Browser) -> None:
    a_customer(call, name="<script>alert(1)</script>")
    page, receipt = admin.get(DELETE), admin.post(DELETE, typed(admin))
    assert "<script>alert" not in page.text + receipt.text


@pytest.mark.usefixtures("_ada")
def test_the_page_costs_few_requests(table: Table, admin: Browser) -> None:
    admin.get(DELETE)
    tab = cost_of(table, lambda: admin.get(f"{CUSTOMER}?tab=settings"))
    page = cost_of(table, lambda: admin.get(DELETE))

    # What is asked for before deleting looks through invoices, and through events and changes.
    assert [len(one.verbs) for one in (tab, page)] == [2, 4]
