"""The export of customers as CSV."""

import csv
import io
import json
import re
from html import unescape
from typing import Any

import pytest

from dashboard.customers import export_chunks
from orchard.domain.customer import Customer
from orchard.domain.users import Role
from orchard.store import customer_items
from orchard.store.statements import Put
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, monthly
from tests.conftest import Call, Clock, session_of
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign

EXPORT, ROWS, PARTS = "/dashboard/export", "/dashboard/export.csv", "/dashboard/export/parts"
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def lines(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix(MARK), newline=""), strict=True))


def chunks(browser: Browser, query: str = "") -> list[Page]:
    """All chunks of an export, as the script asks for them."""
    pages: list[Page] = []
    cursor = shape = ""
    while cursor or not pages:
        pages.append(browser.get(f"{ROWS}?{query}&cursor={cursor}&shape={shape}"))
        assert pages[-1].status == 200, pages[-1].text
        cursor, shape = pages[-1].headers["x-next-cursor"], pages[-1].headers["x-shape"]
    return pages


def exported(browser: Browser, query: str = "") -> list[dict[str, str]]:
    """The lines of the whole file."""
    header, *rest = lines("".join(page.text for page in chunks(browser, query)))
    return [dict(zip(header, line, strict=True)) for line in rest]


def many(table: Table, clock: Clock, number: int, **fields: Any) -> list[str]:
    """Customers without anything, one a second; their ids, the newest first."""
    session = session_of(table, clock.now)
    ids = [f"c{index:04}" for index in range(number)]
    for index, name in enumerate(ids):
        created_at = clock.now + 1000 * index
        one = Customer(f"cus_{name}", name, created_at, **{"name": f"Person {index}", **fields})
        table.put(Put(customer_items.dump(session, one, ())))
    return ids[::-1]


def test_an_export_of_many_chunks_is_complete_in_order_and_without_repetition(
    table: Table, clock: Clock, signed: Sign
) -> None:
    ids = many(table, clock, 450)

    found = chunks(signed(Role.VIEWER), "show:id=1&show:name=1&balances=!none")

    assert [page.headers["x-customers"] for page in found] == ["200", "200", "50"]
    assert found[0].headers["content-type"] == "text/csv; charset=utf-8"
    assert found[0].headers["content-disposition"] == (
        'attachment; filename="orchard-customers-sandbox-2026-09-01.csv"'
    )
    assert found[0].text.startswith(f"{MARK}name,id\r\nPerson 449,c0449\r\n")
    assert all(MARK not in page.text and "name,id" not in page.text for page in found[1:])
    assert [line[1] for line in lines("".join(page.text for page in found))[1:]] == ids


def test_filters_and_order_hold_and_who_is_called_exactly_so_comes_first_and_once(
    table: Table, call: Call, clock: Clock, signed: Sign
) -> None:
    a_customer(call, "c00")
    ids = many(table, clock, 60)
    viewer = signed(Role.VIEWER)

    found = [one["id"] for one in exported(viewer, "q=c00&show:id=1")]

    assert found == ["c00", *ids]
    assert [one["id"] for one in exported(viewer, "q=c00&order=asc")][1:4] == ids[:-4:-1]
    assert [one["id"] for one in exported(viewer, "q=c0007")] == ["c0007"]
    assert exported(viewer, "q=nobody") == []


def test_a_line_tells_all_of_a_customer(call: Call, clock: Clock, signed: Sign) -> None:
    a_feature(call)
    a_feature(call, "credits")
    a_feature(call, "sso", type="boolean")
    a_plan(call, "pro", monthly("messages", 100), {"feature_id": "sso"})
    clock.advance(seconds=1.5)
    a_customer(call, "ada", name='Ada, "Countess"\nof Lovelace', metadata={"team": "north", "n": 1})
    call("billing.attach", {"customer_id": "ada", "plan_id": "pro"})
    call("balances.track", {"customer_id": "ada", "feature_id": "messages", "value": 0.1})
    a_grant(call, 123456789.123, "credits", customer_id="ada")
    a_customer(call, "bob")

    bob, ada = sorted(exported(signed(Role.VIEWER)), key=lambda one: one["id"], reverse=True)

    assert list(ada) == [
        *("name", "id", "internal_id", "email", "stripe_id", "created_at", "products", "metadata"),
        *(f"credits.{amount}" for amount in ("granted", "used", "left", "next_reset")),
        *(f"messages.{amount}" for amount in ("granted", "used", "left", "next_reset")),
        "sso",
    ]
    assert ada["name"] == 'Ada, "Countess"\nof Lovelace'
    assert ada["created_at"] == "2026-09-01T00:00:01.500Z"
    assert ada["products"] == "Pro (Active)"
    assert json.loads(ada["metadata"]) == {"team": "north", "n": 1}
    assert (ada["messages.granted"], ada["messages.used"], ada["messages.left"]) == (
        *("100", "0.1", "99.9"),
    )
    assert ada["messages.next_reset"] == "2026-10-01T00:00:01.500Z"
    assert (ada["credits.granted"], ada["credits.next_reset"]) == ("123456789.123", "")
    assert ada["sso"] == "yes"
    assert {bob[name] for name in bob if name not in ("id", "internal_id", "created_at")} == {""}


def test_columns_can_be_chosen(call: Call, signed: Sign) -> None:
    a_feature(call)
    a_feature(call, "credits")
    a_customer(call, "ada", email="ada@example.com")
    viewer = signed(Role.VIEWER)

    assert exported(viewer, "show:email=1&balances=!none") == [{"email": "ada@example.com"}]
    assert list(exported(viewer, "show:id=1&balances=credits")[0]) == [
        "id",
        *(f"credits.{amount}" for amount in ("granted", "used", "left", "next_reset")),
    ]
    refused = viewer.get(f"{ROWS}?balances=vanished")
    assert (refused.status, refused.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert "There is no feature vanished" in refused.text


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1", "'\uff1d1"),
        ("-12.5", "-12.5"),
        ("Ada;=1+1", "Ada;'=1+1"),
        ("Ada|-1\t@SUM(A1)", "Ada|'-1\t'@SUM(A1)"),
        ('Ada; "+1', "Ada;' \"+1"),
        ("=1;\t=1", "'=1;\t'=1"),
        ("Ada;\n\uff1d1", "Ada;\n'\uff1d1"),
        ("Ada; -; b-c=d", "Ada;' -; b-c=d"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_no_cell_is_a_formula(
    table: Table, clock: Clock, signed: Sign, name: str, cell: str
) -> None:
    many(table, clock, 1, name=name)

    assert exported(signed(Role.VIEWER), "show:name=1&balances=!none") == [{"name": cell}]


def test_no_part_of_the_metadata_is_a_formula_and_all_of_it_stays_as_it_is(
    table: Table, clock: Clock, signed: Sign
) -> None:
    metadata = {"a;=1": "|-1; @x", "b": [-1, "c;", -2.5, ";"], "d": '; "=1'}
    many(table, clock, 1, metadata=metadata)

    cell = exported(signed(Role.VIEWER), "show:metadata=1&balances=!none")[0]["metadata"]

    assert json.loads(cell) == metadata
    assert not re.search(r'[;|] *"*[=+@-]', cell)


def test_large_customers_make_smaller_chunks(table: Table, clock: Clock, signed: Sign) -> None:
    ids = many(table, clock, 40, metadata={"text": '"' * 45_000})

    found = chunks(signed(Role.VIEWER))

    assert len(found) == 5
    assert max(len(page.text.encode()) for page in found) < 1_200_000
    assert [line[1] for line in lines("".join(page.text for page in found))[1:]] == ids


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("cursor=nonsense", 400, "not there any more"),
        ("from=tomorrow", 400, "must be a day"),
        ("feature=x&amount=many", 400, "must be a number"),
        ("shape=another", 409, "start it again"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_words(
    signed: Sign, query: str, status: int, said: str
) -> None:
    viewer = signed(Role.VIEWER)

    answers = [viewer.get(f"{address}?{query}") for address in (ROWS, PARTS)]

    assert [one.status for one in answers] == [status, status]
    assert answers[0].headers["content-type"] == "text/plain; charset=utf-8"
    assert all(said in one.text for one in answers)


def test_the_page_says_what_is_exported_and_costs_few_requests(
    table: Table, call: Call, signed: Sign
) -> None:
    a_feature(call)
    viewer, pages = signed(Role.VIEWER), list[Page]()
    address = f"{EXPORT}?q=%3Cscript%3E&status=trial&feature=messages&amount=10k&cols=messages"

    cost = cost_of(table, lambda: pages.append(viewer.get(address)))

    text = pages[0].text
    assert len(cost.verbs) < 5
    assert '<li class="called">Search: “&lt;script&gt;”</li>' in text
    assert "Messages: less than 10k left" in text
    assert 'name="status" value="trial"' in text
    assert 'name="show:metadata" value="1" checked' in text
    assert '<option value="messages">Messages</option>' in text
    assert re.search(r'src="/dashboard/assets/[0-9a-f]+/export.js" defer', text)
    assert "export.js" not in viewer.get("/dashboard/customers").text
    link = re.search(
        r'href="([^"]*/dashboard/export[^"]*)"',
        viewer.get("/dashboard/customers?status=trial&order=asc").text,
    )
    assert link is not None
    assert unescape(link[1]) == "/dashboard/export?status=trial&order=asc"


def test_without_scripts_a_page_leads_from_part_to_part(
    table: Table, clock: Clock, signed: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_chunks, "MOST_CUSTOMERS", 20)
    ids = many(table, clock, 23)
    viewer = signed(Role.VIEWER)
    page, files = viewer.get(f"{PARTS}?show:id=1&balances=!none"), list[Page]()

    while True:
        load = re.search(r'btn-primary" href="([^"]+)"', page.text)
        assert load is not None
        files.append(viewer.get(unescape(load[1])))
        following = re.search(r'href="([^"]+)" rel="next"', page.text)
        if following is None:
            break
        page = viewer.get(unescape(following[1]))

    assert "the 2 parts are all there is" in page.text
    assert all(one.text.startswith(f"{MARK}id\r\n") for one in files)
    assert [line[0] for one in files for line in lines(one.text)[1:]] == ids
    assert "sandbox-2026-09-01-part-2.csv" in files[1].headers["content-disposition"]


def test_who_is_not_signed_in_exports_nothing(browser: Browser) -> None:
    for address in (EXPORT, ROWS, PARTS):
        assert browser.get(address).headers["location"].startswith("/dashboard/sign-in")
