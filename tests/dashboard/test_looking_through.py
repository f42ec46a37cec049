"""Looking through many customers: filters, columns, the way back, and what a page costs."""

import html
import re
from collections.abc import Callable, Iterable
from decimal import Decimal

import pytest

from dashboard import typed_values
from orchard.domain.customer import SCHEDULED, Customer, CustomerPlan
from orchard.domain.holding import Holding, Place
from orchard.domain.users import Role
from orchard.errors import InvalidInputs
from orchard.store import balances, customer_items, pointers
from orchard.store.session import Session
from orchard.store.stored import Owner
from orchard.usecases import directory
from tests.bench.requests import cost_of
from tests.billing.conftest import Shop
from tests.builders import a_customer, a_feature, a_plan, monthly
from tests.conftest import START, Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_customer_list import names
from tests.dashboard.test_customer_page import words
from tests.pretended_stripe import Stripe

HOME = "/dashboard/customers"
DAY = 86_400_000


def pro(**fields: object) -> CustomerPlan:
    return CustomerPlan("cp_1", "pro", 2, START, **fields)  # type: ignore[arg-type]


def person(number: int, **fields: object) -> Customer:
    """Person 7 has the id c00007 and was created 7 seconds after the start."""
    named = {"id": f"c{number:05}", "name": f"Person {number}", **fields}
    return Customer(f"cus_internal{number:05}", created_at=START + number * 1000, **named)  # type: ignore[arg-type]


def stored(session: Session, *people: tuple[Customer, Iterable[CustomerPlan]]) -> None:
    """Put customers into the table as the store writes them, with what points at them."""
    items = [customer_items.dump(session, one, tuple(plans)) for one, plans in people]
    told = {"last": session.stamp("create")}
    leading = [put.item for one, _ in people for put in pointers.claimed(session, one)]
    session.table.put_many([item | told for item in items] + leading)


@pytest.fixture
def viewer(signed: Sign) -> Browser:
    return signed(Role.VIEWER)


@pytest.fixture
def crowd(session: Session) -> Callable[..., None]:
    """`crowd(60)` are so many customers who hold pro."""

    def gather(number: int) -> None:
        stored(session, *((person(one), [pro()]) for one in range(number)))

    return gather


def link(page: Page, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page.text)
    assert found is not None, rel
    return html.unescape(found[1])


@pytest.mark.parametrize(
    ("query", "verbs"),
    [
        ("", ["Query", "BatchGetItem"]),
        ("?status=active&plan=pro", ["Query", "BatchGetItem"]),
        ("?q=person", ["BatchGetItem", "Query", "BatchGetItem"]),
        ("?q=cus_internal00003", ["BatchGetItem", "BatchGetItem"]),
        ("?cols=messages", ["Query", "BatchGetItem"]),
        ("?cols=messages,a,b,c&feature=seats&amount=5", ["Query", "BatchGetItem"]),
        ("?q=person&cols=messages", ["BatchGetItem", "Query", "BatchGetItem"]),
        ("?q=zoe", ["BatchGetItem", "Query", "BatchGetItem"]),
    ],
)
def test_a_page_costs_fewer_than_five_requests(
    crowd: Callable[..., None], session: Session, viewer: Browser, query: str, verbs: list[str]
) -> None:
    crowd(70)
    viewer.get(HOME)

    cost = cost_of(session.table, lambda: viewer.get(HOME + query))

    assert list(cost.verbs) == ["BatchGetItem", *verbs]


def test_pages_lead_on_and_back_by_their_addresses(
    crowd: Callable[..., None], viewer: Browser
) -> None:
    crowd(120)

    first = viewer.get(f"{HOME}?q=person")
    second = viewer.get(link(first, "next"))
    third = viewer.get(link(second, "next"))
    again = viewer.get(link(third, "prev"))
    begin = viewer.get(link(again, "prev"))

    assert len(names(first.text)) == 50
    assert names(third.text) == [f"Person {number}" for number in range(19, -1, -1)]
    assert names(again.text) == names(second.text)
    assert names(begin.text) == names(first.text)
    assert link(begin, "first") == f"{HOME}?q=person"
    assert 'rel="prev"' not in first.text + begin.text
    assert 'rel="next"' not in third.text
    assert names(viewer.get(link(begin, "next")).text) == names(second.text)
    oldest = viewer.get(f"{HOME}?order=asc")
    assert names(viewer.get(link(viewer.get(link(oldest, "next")), "prev")).text) == names(
        oldest.text
    )


def test_a_search_reads_so_far_and_says_how_far_that_was(
    crowd: Callable[..., None], viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "STRETCH", 20)
    crowd(100)

    nothing = viewer.get(f"{HOME}?q=person+30")
    onward = link(nothing, "next")
    still = viewer.get(onward)
    found = viewer.get(link(still, "next"))

    assert "Nothing found so far" in nothing.text
    told = "Looked through customers created since 01 Sep 2026, 00:01 UTC . Search further"
    assert told in words(nothing)
    assert nothing.text.count(f'href="{html.escape(onward)}"') == 3
    # One stretch beside the look for who is called exactly so, two on later pages.
    assert "created since 01 Sep 2026, 00:00 UTC" in words(still)
    assert names(found.text) == ["Person 30"]
    assert "Search further" not in words(found)
    assert 'rel="next"' not in found.text
    turned = viewer.get(f"{HOME}?q=person+99&order=asc")
    assert "Looked through customers created until 01 Sep 2026, 00:00 UTC" in words(turned)


@pytest.mark.parametrize("text", ["c00003", "cus_internal00003", "cus_Stripe", "Ada@example.com"])
def test_who_is_called_exactly_so_is_found_at_once(
    crowd: Callable[..., None],
    session: Session,
    viewer: Browser,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    monkeypatch.setattr(directory, "STRETCH", 1)
    crowd(5)
    ada = {"name": "Ada", "id": None, "email": "ada@example.com"}
    stored(session, (person(3, stripe_id="cus_Stripe"), []), (person(1, **ada), []))

    shown = names(viewer.get(f"{HOME}?q={text}").text)

    assert shown == ["Ada" if "@" in text else "Person 3"]
    assert names(viewer.get(f"{HOME}?q={text}&plan=pro").text) == []


def test_plans_are_asked_for_by_what_they_are_in(
    session: Session, viewer: Browser, clock: Clock
) -> None:
    paid = {"stripe_subscription_id": "sub_1"}
    soon = clock.now + DAY // 24
    stored(
        session,
        (person(1), [pro()]),
        (person(2), [pro(status=SCHEDULED)]),
        (person(3), [pro(past_due=True, **paid)]),
        (person(4), [pro(trial_ends_at=soon), pro(one_off=True)._replace(plan_id="pack")]),
        (person(5), [pro(canceled_at=START, expires_at=soon)._replace(plan_id="max")]),
        (person(6), []),
    )

    def found(query: str) -> list[int]:
        return [int(name[7:]) for name in names(viewer.get(f"{HOME}?{query}").text)]

    assert found("status=active") == [5, 4, 1]
    assert found("status=scheduled") == [2]
    assert found("status=past_due") == [3]
    assert found("status=trial") == [4]
    assert found("status=cancelling") == [5]
    assert found("plan=!none") == [6]
    assert found("plan=max") == [5]
    assert found("plan=pro&status=cancelling") == []
    assert found("plan=pro&status=trial") == [4]
    text = words(viewer.get(HOME))
    for badge in ("pro Scheduled", "pro Past due", "pro Trial pack Bought", "max Cancelling"):
        assert badge in text
    # The index learns of ends later; the page knows. What was bought stays.
    clock.advance(seconds=7200)
    assert found("status=active") == [4, 1]
    assert found("plan=pack&status=trial") == []


def test_the_list_follows_what_is_billed(
    call: Call, stripe: Stripe, clock: Clock, viewer: Browser
) -> None:
    shop = Shop(call, stripe, clock)
    a_feature(call)
    week = {"duration_type": "day", "duration_length": 7, "card_required": False}
    a_plan(call, "pro", price={"amount": 20, "interval": "month"}, group="main")
    a_plan(call, "extra", add_on=True, free_trial=week)
    shop.customer()
    shop.attach("pro")
    shop.attach("extra")

    begun = words(viewer.get(HOME))
    at_its_end = {"plan_id": "pro", "cancel_action": "cancel_end_of_cycle"}
    shop.done("billing.update", customer_id="user_1", **at_its_end)
    ending = words(viewer.get(f"{HOME}?status=cancelling&plan=pro"))
    shop.done("billing.update", customer_id="user_1", plan_id="pro", cancel_action="uncancel")
    again = words(viewer.get(f"{HOME}?q=user_1"))

    assert "Pro Active Extra Trial" in begun
    assert "Pro Cancelling Extra Trial" in ending
    assert "Pro Active Extra Trial" in again
    assert "No customer matches" in viewer.get(f"{HOME}?status=cancelling").text


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,500", 1500), ("10k", 10_000), ("1.5M", 1_500_000), ("-2 b", -2 * 10**9), ("0.25", 0.25)],
)
def test_amounts_are_read_as_people_type_them(text: str, value: float) -> None:
    assert typed_values.amount(text) == Decimal(str(value))


@pytest.mark.parametrize("text", ["", "k", "1e9", "NaN", "1..5", "٣", "9" * 41, "5 %"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputs):
        typed_values.amount(text)


def test_a_customer_written_before_items_told_of_plans_is_shown_by_its_tokens(
    session: Session, viewer: Browser
) -> None:
    item = customer_items.dump(
        session, person(1), (pro(), pro(past_due=True)._replace(plan_id="max"))
    )
    del item["holds"]
    session.table.put_many([item | {"last": session.stamp("create")}])

    text = words(viewer.get(f"{HOME}?status=past_due&plan=max"))

    assert "pro Active max Past due" in text


def test_the_list_says_how_many_plans_it_does_not_name(session: Session, viewer: Browser) -> None:
    seats = [pro(entity_id=f"seat{number}")._replace(id=f"cp_{number}") for number in range(40)]
    stored(session, (person(1), [*seats, pro()._replace(plan_id="max")]))

    text = words(viewer.get(HOME))

    assert "max Active pro Active 39 more" in text
    assert "and 29 more" in text


def test_customers_are_found_by_the_days_they_were_created_on(
    session: Session, viewer: Browser
) -> None:
    people = [person(1)._replace(created_at=START + days * DAY) for days in range(4)]
    people = [one._replace(id=f"d{day}", name=f"Day {day}") for day, one in enumerate(people)]
    stored(session, *((one, []) for one in people))

    def found(query: str) -> list[str]:
        return names(viewer.get(f"{HOME}?{query}").text)

    assert found("from=2026-09-03") == ["Day 3", "Day 2"]
    assert found("to=2026-09-01") == ["Day 0"]
    assert found("from=2026-09-02&to=2026-09-03&order=asc") == ["Day 1", "Day 2"]


def test_balances_are_columns_and_thresholds(call: Call, viewer: Browser) -> None:
    for name in ("messages", "seats"):
        a_feature(call, name)
    a_feature(call, "sso", type="boolean")
    a_plan(call, "pro", monthly("messages", 1000))
    for number in (1, 2, 3):
        a_customer(call, f"user_{number}", name=f"User {number}")
        call("billing.attach", {"customer_id": f"user_{number}", "plan_id": "pro"})
    for number, value in ((1, 1200), (2, 950)):
        used = {"customer_id": f"user_{number}", "feature_id": "messages", "value": value}
        call("balances.track", used)
    unlimited = {"customer_id": "user_3", "feature_id": "seats", "unlimited": True}
    call("balances.create", unlimited)

    def found(query: str) -> list[str]:
        return names(viewer.get(f"{HOME}?feature=messages&{query}").text)

    page = viewer.get(f"{HOME}?column:messages=on&column:seats=on")

    assert page.headers["hx-replace-url"] == f"{HOME}?cols=messages,seats"
    assert 'name="column:messages" value="on" checked' in page.text
    assert 'name="column:sso"' not in page.text
    assert "50 of 1,000 95 %" in words(page)
    assert 'aria-label="Messages: 95 % used"' in page.text
    assert "Unlimited 0 used" in words(page)
    assert found("amount=50") == ["User 1"]
    assert found("amount=51") == ["User 2", "User 1"]
    assert found("amount=0.9k&of=usage&than=more") == ["User 2", "User 1"]
    assert found("amount=1,000&of=granted&than=more") == []
    assert found("amount=") == ["User 3", "User 2", "User 1"]
    assert names(viewer.get(f"{HOME}?feature=seats&amount=1M&than=more").text) == ["User 3"]


def test_a_threshold_goes_page_by_page_and_says_so(
    crowd: Callable[..., None], session: Session, viewer: Browser
) -> None:
    crowd(70)
    held = Holding(())
    owner = Owner("c00003", "cus_internal00003")
    put = balances.created(session, owner, Place("messages"), held, session.stamp("create"))
    session.table.put_many([put.item])

    page = viewer.get(f"{HOME}?feature=messages&amount=5")

    assert "Nothing found so far" in page.text
    assert "Balances are compared one by one" in page.text
    assert f'data-onward="{html.escape(link(page, "next"))}"' in page.text
    assert "No customer matches" in viewer.get(link(page, "next")).text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("from=2026-13-01", "The first day must be a day such as 2026-09-30"),
        ("to=yesterday", "The last day must be a day"),
        ("from=2026-09-02&to=2026-09-01", "The first day must not be after the last day"),
        ("feature=messages&amount=many", "The amount must be a number such as 100, 10k or 1.5M"),
        ("before=broken", "This page of the list is not there any more."),
    ],
)
def test_what_cannot_be_read_is_told_and_kept(viewer: Browser, query: str, told: str) -> None:
    page = viewer.get(f"{HOME}?{query}")

    assert page.status == 400
    assert told in page.text
    assert html.escape(query) in page.text


def test_choices_that_there_are_not_count_for_nothing(
    crowd: Callable[..., None], viewer: Browser
) -> None:
    crowd(2)

    page = viewer.get(f"{HOME}?status=odd&of=x&than=y&order=up&amount=5&cols=,,")

    assert len(names(page.text)) == 2
    assert page.headers["hx-replace-url"] == HOME


def test_filters_are_counted_and_cleared(crowd: Callable[..., None], viewer: Browser) -> None:
    crowd(1)

    page = viewer.get(
        f"{HOME}?status=trial&plan=pro&from=2026-09-01&to=2026-09-02&order=asc&cols=a"
    )

    assert "Filters : 3 on" in words(page)
    assert f'href="{HOME}?order=asc&amp;cols=a">Clear' in page.text
    assert "Copy as curl" not in page.text
    assert "Copy as curl" in viewer.get(f"{HOME}?status=active&from=2026-09-01").text


def test_a_customer_without_an_id_has_a_page(call: Call, viewer: Browser) -> None:
    call("customers.get_or_create", {"customer_id": None, "email": "ada@example.com"})
    a_feature(call)

    page = viewer.get(HOME)
    address = re.search(r'href="(/dashboard/customers/cus_\w+)">ada@example.com', page.text)

    assert address is not None
    for tab in ("products", "features", "invoices", "events", "changes"):
        shown = viewer.get(f"{address[1]}?tab={tab}")
        assert shown.status == 200
        assert "ada@example.com" in shown.text
        assert f"&#34;customer_id&#34;: &#34;{address[1].rpartition('/')[2]}" in shown.text


def test_ten_thousand_customers_cost_a_page_no_more(session: Session, viewer: Browser) -> None:
    """Each request is answered by a megabyte of the index at most, as DynamoDB's are."""
    people = [person(number) for number in range(10_000)]
    rare = {17: [pro(past_due=True)], 9_000: [pro(past_due=True)]}
    items = [
        customer_items.dump(session, one, tuple(rare.get(number, [pro()])))
        for number, one in enumerate(people)
    ]
    told = {"last": session.stamp("create")}
    session.table.put_many([item | told for item in items])
    viewer.get(HOME)
    address, shown, pages = f"{HOME}?status=past_due", [], []

    while address:
        cost = cost_of(session.table, lambda: pages.append(viewer.get(address)))  # noqa: B023 - called at once
        assert len(cost.verbs) < 5
        shown += names(pages[-1].text)
        address = link(pages[-1], "next") if 'rel="next"' in pages[-1].text else ""

    assert shown == ["Person 9000", "Person 17"]
    assert len(pages) <= 3
    oldest = cost_of(session.table, lambda: viewer.get(f"{HOME}?order=asc"))
    assert oldest.verbs == ("BatchGetItem", "Query", "BatchGetItem")
