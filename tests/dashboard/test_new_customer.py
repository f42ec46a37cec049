"""The form for a new customer: created once, in the name of who did it, and shown."""

import pytest

from orchard.domain.users import Role
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.statements import Query
from orchard.store.table import Table
from tests.builders import a_customer
from tests.conftest import TENANT, Call, Clock
from tests.dashboard.browser import Browser
from tests.dashboard.conftest import Sign
from tests.dashboard.test_balance_edit import filled
from tests.dashboard.test_customer_page import words

FORM, SENT_TO = "/dashboard/new-customer", "/dashboard/customers"


@pytest.fixture
def support(signed: Sign) -> Browser:
    return signed(Role.SUPPORT)


def typed(browser: Browser, **fields: str) -> dict[str, str]:
    blank = dict.fromkeys(("name", "customer_id", "email", "metadata"), "")
    return filled(browser.get(FORM)) | blank | fields


def test_a_customer_is_created_once_in_the_name_of_the_user(
    table: Table, call: Call, support: Browser
) -> None:
    fields = typed(support, name="Ada", customer_id="ada", metadata='{"team": "north"}')

    first, second = support.post(SENT_TO, fields), support.post(SENT_TO, fields)

    assert {one.headers["location"] for one in (first, second)} == {f"{SENT_TO}/ada"}
    assert "Ada was created." in words(support.follow(second))
    customer = call("customers.get", {"customer_id": "ada"}).body
    assert (customer["name"], customer["metadata"]) == ("Ada", {"team": "north"})
    assert customer["email"] is None
    found = table.query(
        Query("listing_pk = :pk", {":pk": keys.customers_listing(TENANT)}, index_name="listing")
    )
    items = table.batch_get([Key(one["pk"], one["sk"]) for one in found])
    assert [one["last"]["by"] for one in items.values()] == ["user:support@example.com"]


def test_who_has_no_id_yet_is_shown_by_the_internal_one(
    call: Call, clock: Clock, support: Browser
) -> None:
    fields = typed(support, email="ada@example.com")

    first, second = support.post(SENT_TO, fields), support.post(SENT_TO, fields)
    clock.advance(seconds=1)
    other = support.post(SENT_TO, typed(support, email="ada@example.com"))

    assert first.headers["location"].startswith(f"{SENT_TO}/cus_")
    assert second.headers["location"] == first.headers["location"]
    assert "ada@example.com" in words(support.follow(first))
    assert len(call("customers.list").body["list"]) == 1
    assert other.status == 409


def test_the_preview_says_who_is_created_and_creates_nobody(call: Call, support: Browser) -> None:
    fields = typed(support, name="Ada", customer_id="ada", step="preview")

    assert "Ada is created" in words(support.post(SENT_TO, fields))
    assert "customers.get_or_create" in support.post(SENT_TO, fields).text
    nobody = support.post(SENT_TO, typed(support, step="preview"))
    assert "Type an id or an e-mail" in words(nobody)
    assert call("customers.list").body["list"] == []


@pytest.mark.parametrize(
    ("fields", "field", "status"),
    [
        ({}, "", 400),
        ({"customer_id": "bob"}, "customer_id", 409),
        ({"customer_id": "b o b"}, "customer_id", 400),
        ({"email": "nobody"}, "email", 400),
        ({"customer_id": "eve", "metadata": "[1]"}, "metadata", 400),
        ({"customer_id": "eve", "key": ""}, "", 400),
    ],
)
def test_a_form_that_is_wrong_is_shown_again_as_it_was_typed(
    call: Call, support: Browser, fields: dict[str, str], field: str, status: int
) -> None:
    a_customer(call, "bob", name="Bob")

    page = support.post(SENT_TO, typed(support, name="Typed") | fields)

    assert page.status == status
    assert 'value="Typed"' in page.text
    assert f'id="{field}-told"' in page.text if field else 'role="alert"' in page.text
    assert len(call("customers.list").body["list"]) == 1
    assert call("customers.get", {"customer_id": "bob"}).body["name"] == "Bob"


def test_a_viewer_creates_nobody(call: Call, signed: Sign) -> None:
    viewer = signed(Role.VIEWER)

    assert viewer.get(FORM).status == 403
    assert viewer.post(SENT_TO, {"customer_id": "ada"}).status == 403
    assert call("customers.list").body["list"] == []
