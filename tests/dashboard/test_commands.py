"""The command bar: places and customers by name, for those who may see them."""

import re
from urllib.parse import quote

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer
from tests.conftest import Call
from tests.dashboard.browser import Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_page import words

COMMANDS = "/dashboard/commands"


def test_it_leads_to_the_pages_that_somebody_may_see(signed: Sign) -> None:
    owner, viewer = signed(Role.OWNER), signed(Role.VIEWER)

    assert 'href="/dashboard/users"' in owner.get(COMMANDS).text
    assert 'href="/dashboard/new-customer"' in owner.get(f"{COMMANDS}?q=create+cust").text
    shown = viewer.get(COMMANDS).text.partition('id="found"')[2]
    assert "/dashboard/users" not in shown
    assert "/dashboard/new-customer" not in shown


def test_it_finds_customers_by_what_they_are_called(call: Call, signed: Sign) -> None:
    a_customer(call, name="<b>Ada</b>")
    a_customer(call, "user_2", name="Grace")

    page = signed(Role.VIEWER).get(f"{COMMANDS}?q=ada")

    assert "&lt;b&gt;Ada&lt;/b&gt; (user_1)" in page.text
    assert "Grace" not in page.text
    assert 'href="/dashboard/customers/user_1"' in page.text


def test_it_finds_customers_without_an_id_and_costs_few_requests(
    call: Call, table: Table, signed: Sign
) -> None:
    call("customers.get_or_create", {"customer_id": None, "email": "eve@example.com"})
    viewer = signed(Role.VIEWER)
    pages: list[Page] = []

    cost = cost_of(table, lambda: pages.append(viewer.get(f"{COMMANDS}?q=eve")))

    assert re.search(r'href="/dashboard/customers/cus_\w+".*eve@example.com', pages[0].text)
    assert len(cost.verbs) <= 4, cost.verbs


def test_on_the_page_of_a_customer_it_leads_to_its_parts(signed: Sign) -> None:
    at = quote("/dashboard/customers/user_1?tab=events", safe="")

    page = signed(Role.VIEWER).get(f"{COMMANDS}?q=features&at={at}")

    assert 'href="/dashboard/customers/user_1?tab=features"' in page.text


def test_it_says_when_nothing_is_called_so(signed: Sign) -> None:
    assert "Nothing is called so" in words(signed(Role.VIEWER).get(f"{COMMANDS}?q=zzz"))
