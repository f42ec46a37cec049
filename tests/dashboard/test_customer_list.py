"""The customers page and the form for a new customer."""

import re

import pytest

from orchard.domain.users import Role
from tests.conftest import Call, Clock
from tests.dashboard.conftest import Sign


def names(text: str) -> list[str]:
    return re.findall(r'data-label="Name"><span>(?:<a [^>]*>)?([^<]+)<', text)


def shown(call: Call, customer_id: str, **fields: str) -> None:
    call("customers.get_or_create", {"customer_id": customer_id, **fields})


def test_the_list_shows_customers_with_their_products_newest_first(
    signed: Sign, call: Call, clock: Clock
) -> None:
    call("plans.create", {"plan_id": "basic", "name": "Basic", "items": []})
    shown(call, "ada", name="Ada", email="ada@example.com")
    clock.advance(seconds=1)
    shown(call, "bob", name="Bob")
    call("billing.attach", {"customer_id": "ada", "plan_id": "basic"})

    page = signed(Role.VIEWER).get("/dashboard/customers")

    assert names(page.text) == ["Bob", "Ada"]
    assert 'data-copy="ada"' in page.text
    assert re.search(r'Basic <span class="badge bg-green-lt">Active</span>', page.text)
    assert '<time datetime="2026-09-01T00:00:00Z">01 Sep 2026, 00:00 UTC</time>' in page.text


def test_search_filters_order_and_place_are_in_the_address(
    signed: Sign, call: Call, clock: Clock
) -> None:
    call("plans.create", {"plan_id": "basic", "name": "Basic", "items": []})
    for number in range(52):
        clock.advance(seconds=1)
        shown(call, f"c{number:02}", name=f"Person {number:02}")
    call("billing.attach", {"customer_id": "c07", "plan_id": "basic"})
    owner = signed(Role.OWNER)

    first = owner.get("/dashboard/customers?order=asc")
    following = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert following is not None
    second = owner.get(following[1].replace("&amp;", "&"))
    found = owner.get("/dashboard/customers?q=%20PERSON+51&status=&plan=")
    held = owner.get("/dashboard/customers?plan=basic&status=active&q=")

    assert names(first.text) == [f"Person {number:02}" for number in range(50)]
    assert names(second.text) == ["Person 50", "Person 51"]
    assert 'rel="next"' not in second.text
    assert 'href="/dashboard/customers?order=asc" rel="first"' in second.text
    assert names(found.text) == ["Person 51"]
    assert found.headers["hx-replace-url"] == "/dashboard/customers?q=PERSON+51"
    assert names(held.text) == ["Person 07"]
    assert "&#34;plans&#34;: [{&#34;id&#34;: &#34;basic&#34;}]" in held.text


def test_there_are_two_kinds_of_nothing_to_show(signed: Sign) -> None:
    owner, viewer = signed(Role.OWNER), signed(Role.VIEWER)

    assert "No customers in the sandbox yet" in owner.get("/dashboard/customers").text
    assert "No customer matches" in owner.get("/dashboard/customers?q=zoe").text
    assert "new-customer" in owner.get("/dashboard/customers").text
    assert "new-customer" not in viewer.get("/dashboard/customers").text


@pytest.mark.parametrize("query", ["cursor=broken", "q=" + "x" * 501])
def test_what_cannot_be_shown_is_explained_with_a_way_on(signed: Sign, query: str) -> None:
    page = signed(Role.OWNER).get(f"/dashboard/customers?{query}")

    assert page.status == 400
    assert "The customers could not be shown" in page.text
    assert "Try again" in page.text


def test_script_in_a_name_stays_text(signed: Sign, call: Call) -> None:
    evil = "<script>alert('x')</script>\"onmouseover=alert(1) x=\""
    shown(call, "eve", name=evil)
    owner = signed(Role.OWNER)

    for address in ("/dashboard/customers", f"/dashboard/customers?created={evil}&q={evil}"):
        text = owner.get(address).text
        assert "<script>alert" not in text
        assert '"onmouseover' not in text
        assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34;onmouseover" in text
