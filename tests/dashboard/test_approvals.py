"""The pages on which grants above the cap are asked for, decided, and the cap is set."""

import re
from decimal import Decimal
from functools import partial

import pytest

from orchard.domain.support_caps import Caps
from orchard.domain.users import Role
from orchard.store.table import Table
from orchard.usecases import capping
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, a_plan, left, monthly
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_balance_edit import filled
from tests.dashboard.test_customer_page import words
from tests.dashboard.test_granting_caps import EVE, Desk
from tests.streams import recording

APPROVALS, SETTINGS = "/dashboard/approvals", "/dashboard/settings"
FORM = "/dashboard/customers/user_1/features/messages/edit"


@pytest.fixture
def desk(table: Table, clock: Clock, call: Call) -> Desk:
    """A customer with 100 messages left, and a cap of 50 on them."""
    a_feature(call)
    a_plan(call, "pro", monthly("messages", 100))
    a_customer(call, name="Ada")
    assert call("billing.attach", {"customer_id": "user_1", "plan_id": "pro"}).status == 200
    desk = Desk(table, clock)
    caps = Caps(by_feature={"messages": Decimal(50)})
    capping.change(desk.session(EVE), EVE, caps, 0)
    return desk


@pytest.fixture
def support(signed: Sign, desk: Desk) -> Browser:
    del desk
    return signed(Role.SUPPORT)


def sent(person: Browser, amount: str, **typed: str) -> Page:
    return person.post(FORM, filled(person.get(FORM), amount=amount, **typed))


def asked(person: Browser, amount: str = "500", **typed: str) -> str:
    """Ask for more than the cap; return the address of the request."""
    answered = sent(person, amount, **typed)
    assert answered.status == 303
    return str(answered.headers["location"])


def test_the_form_says_beforehand_who_decides_and_leads_to_the_request(
    support: Browser, signed: Sign, call: Call
) -> None:
    small = words(sent(support, "20", step="preview"))
    large = words(sent(support, "51", step="preview"))
    free = words(sent(signed(Role.ADMIN), "51", step="preview"))
    none = words(sent(support, "-20", step="preview"))
    sent(support, "20")
    again = words(sent(support, "31", step="preview"))
    form = filled(support.get(FORM), amount="31", reason="An outage")
    first, second = support.post(FORM, form), support.post(FORM, form)
    page = words(support.follow(first))

    left_over = "50 of the 50 that you may grant in 24 hours are left"
    assert f"Approval not needed: this grants 20, and {left_over}" in small
    assert f"Approval an admin has to approve this: it grants 51, and {left_over}" in large
    assert "Approval" not in free.partition("Next invoice")[2]
    assert "Approval" not in none.partition("Next invoice")[2]
    assert "it grants 31, and 30 of the 50" in again
    assert first.headers["location"] == second.headers["location"]
    assert "Nothing is changed yet" in page
    assert "Add 31" in page
    assert "Waiting" in page
    assert "Asked by support@example.com (you)" in page
    assert "Balance then from 120 of 100 left to 151 of 100 left" in page
    assert "An outage" in page
    assert "Withdraw" in page
    assert "Decline" not in page
    assert left(call)[0] == 120


def test_an_admin_sees_what_it_does_now_and_approves_it_once(
    support: Browser, signed: Sign, call: Call, table: Table, clock: Clock
) -> None:
    address = asked(support, "500", reason="An outage")
    used = {"customer_id": "user_1", "feature_id": "messages", "value": 70}
    assert call("balances.track", used).status == 200
    admin = signed(Role.ADMIN)
    listed, before = words(admin.get(APPROVALS)), words(admin.get(address))
    clock.advance(seconds=1)
    first = admin.post(f"{address}/approve", {"note": "All right"})
    done = admin.follow(first)
    second = admin.post(f"{address}/approve", {"note": "All right"})
    recording.catch_up(table)
    changes = words(admin.get("/dashboard/customers/user_1?tab=changes"))

    assert "support@example.com user_1 messages Add 500 Waiting" in listed
    assert "from 30 of 100 left to 530 of 100 left" in before
    assert "Balance then from 100 of 100 left to 600 of 100 left" in before
    assert (first.status, second.status) == (303, 409)
    assert "This request is approved already" in words(second)
    assert left(call)[0] == 530
    assert "Approved by admin@example.com" in words(done)
    assert "All right" in words(support.get(address))
    assert "admin@example.com" in changes
    assert "asked by support@example.com" in changes
    assert "Nothing waits" in words(admin.get(APPROVALS))
    assert "Add 500 Approved" in words(admin.get(f"{APPROVALS}?tab=decided"))
    undo = re.search(r'action="([^"]+/undo)"', done.text)
    change = re.search(r'href="([^"]+&amp;change=chg_\w+)"', done.text)
    assert undo
    assert change
    assert "An outage" in words(admin.get(change[1].replace("&amp;", "&")))
    assert admin.post(undo[1], {"back": APPROVALS}).status == 303
    assert left(call)[0] == 30


def test_declining_needs_a_note_and_the_asker_reads_it(
    support: Browser, signed: Sign, call: Call
) -> None:
    address, owner = asked(support), signed(Role.OWNER)
    # A key sends a form to where it leads, not by one of its buttons: that must give nothing.
    assert f'<form method="post" action="{address}/decline"' in owner.get(address).text
    assert f'formaction="{address}/approve"' in owner.get(address).text
    silent = owner.post(f"{address}/decline", {"note": " "})
    said = owner.post(f"{address}/decline", {"note": "Too <b>much</b>"})

    assert silent.status == 400
    assert "Say why, for whoever asked" in words(silent)
    assert said.status == 303
    assert "Too &lt;b&gt;much&lt;/b&gt;" in support.get(address).text
    assert left(call)[0] == 100


def test_who_asked_can_withdraw_but_not_approve_and_viewers_see_nothing_of_it(
    support: Browser, signed: Sign, call: Call
) -> None:
    address, viewer = asked(support), signed(Role.VIEWER)
    statuses = [
        support.post(f"{address}/approve", {}).status,
        support.post(f"{address}/decline", {"note": "No"}).status,
        viewer.get(APPROVALS).status,
        viewer.get(address).status,
        viewer.post(f"{address}/approve", {}).status,
        viewer.post(f"{address}/withdraw", {}).status,
        viewer.post(FORM, {"amount": "1", "key": "k"}).status,
        viewer.get(SETTINGS).status,
        support.get(SETTINGS).status,
        support.post(SETTINGS, {"default": "1", "seen": "1"}).status,
    ]
    withdrawn = support.post(f"{address}/withdraw", {})

    assert statuses == [403] * 10
    assert withdrawn.status == 303
    assert "Withdrawn" in words(support.follow(withdrawn))
    assert left(call)[0] == 100
    sections = 'href="/dashboard/approvals"', 'href="/dashboard/settings"'
    assert [link in viewer.get("/dashboard/customers").text for link in sections] == [False] * 2
    assert [link in support.get("/dashboard/customers").text for link in sections] == [True, False]
    assert support.get(f"{APPROVALS}/none").status == 404


def test_what_cannot_be_done_is_said_and_the_request_stays(
    support: Browser, signed: Sign, call: Call
) -> None:
    address, admin = asked(support), signed(Role.ADMIN)
    assert call("customers.delete", {"customer_id": "user_1"}).status == 200
    shown, refused = admin.get(address), admin.post(f"{address}/approve", {})

    assert "It can't be done as things are: Customer" in words(shown)
    assert refused.status == 404
    assert "Waiting" in words(refused)
    assert "Waiting" in words(admin.get(APPROVALS))


def test_support_undoes_its_own_changes_but_gives_nothing_back_that_others_took(
    support: Browser, signed: Sign, call: Call, table: Table
) -> None:
    def undo_of(person: Browser, amount: str) -> str:
        said = person.follow(sent(person, amount))
        recording.catch_up(table)
        found = re.search(r'action="([^"]+/undo)"', said.text)
        assert found
        return found[1]

    admin = signed(Role.ADMIN)
    taken, given, own = undo_of(admin, "-60"), undo_of(admin, "500"), undo_of(support, "-10")
    refused = support.post(taken, {})
    assert left(call)[0] == 530
    statuses = [support.post(one, {}).status for one in (own, given)]

    assert refused.status == 403
    assert "an admin has to do it" in words(refused)
    assert statuses == [303, 303]
    assert left(call)[0] == 40
    assert admin.post(taken, {}).status == 303
    assert left(call)[0] == 100


def test_support_deletes_no_grant_that_is_overdrawn(
    support: Browser, signed: Sign, call: Call
) -> None:
    a_grant(call, 10, balance_id="extra")
    edit = {"customer_id": "user_1", "feature_id": "messages", "balance_id": "extra"}
    assert call("balances.update", {**edit, "add_to_balance": -15}).status == 200
    address = "/dashboard/customers/user_1/features/messages/sources/extra/delete"
    refused = support.post(address, {"key": "one"})
    deleted = signed(Role.ADMIN).post(address, {"key": "two"})

    assert refused.status == 403
    assert "an admin has to do it" in words(refused)
    assert deleted.status == 303
    assert left(call)[0] == 100


def test_requests_are_listed_a_page_at_a_time(
    desk: Desk, signed: Sign, table: Table, clock: Clock
) -> None:
    for number in range(27):
        desk.asked(key=str(number), add_to_balance=100 + number)
        desk.clock.advance(seconds=1)
    admin = signed(Role.ADMIN)
    first = admin.get(APPROVALS)
    following = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert following
    second = admin.get(following[1].replace("&amp;", "&"))
    detail = re.search(r'href="(/dashboard/approvals/apr_\w+)"', first.text)
    assert detail

    assert "Add 126 " in words(first)
    assert first.text.count('data-label="What"') == 25
    assert second.text.count('data-label="What"') == 2
    assert "Add 100 " in words(second)
    assert admin.get(f"{APPROVALS}?cursor=wrong").status == 400
    clock.advance(seconds=40)
    pages = (APPROVALS, f"{APPROVALS}?tab=decided", detail[1], detail[1], SETTINGS)
    costs = [len(cost_of(table, partial(admin.get, page)).verbs) for page in pages]
    # The third reads the catalogue too, which is remembered then.
    assert costs == [2, 2, 5, 4, 3]


def test_the_settings_are_each_environments_own_and_not_overwritten(
    desk: Desk, signed: Sign, call: Call
) -> None:
    a_feature(call, "words")
    admin, owner = signed(Role.ADMIN), signed(Role.OWNER)
    page, other = admin.get(SETTINGS), owner.get(SETTINGS)
    assert '<option value="words">Words</option>' in page.text
    assert 'name="cap.messages"' in page.text
    typed = {"default": "5", "cap.messages": "1,500", "new_feature": "words", "new_cap": "2.5"}
    saved = admin.post(SETTINGS, seen(page) | typed)
    late = owner.post(SETTINGS, seen(other) | typed | {"default": "9"})
    again = owner.post(SETTINGS, seen(late) | typed | {"default": "9", "cap.messages": ""})

    assert "The settings were saved" in words(admin.follow(saved))
    assert late.status == 409
    assert "Somebody else changed the settings just now" in words(late)
    assert 'value="9"' in late.text
    assert again.status == 303
    kept = capping.caps(desk.session(EVE), EVE)
    assert kept.caps == Caps(Decimal(9), {"words": Decimal("2.5")})
    assert kept.changed_by == "user:owner@example.com"
    assert "Changed by owner@example.com" in words(admin.get(SETTINGS))
    admin.post("/dashboard/environment", {"environment": "live", "back": SETTINGS})
    assert "Nobody changed this yet" in words(admin.get(SETTINGS))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"default": "many"}, "Must be a number of units, 0 or more"),
        ({"default": ""}, "Must be a number of units, 0 or more"),
        ({"default": "-1"}, "Must be a number of units, 0 or more"),
        ({"default": "1", "cap.messages": "x"}, "Must be a number of units, 0 or more"),
        ({"default": "1", "new_cap": "5"}, "Choose the feature that the cap is for"),
        ({"default": "9" * 20}, "Must be a number of units from 0 to"),
        ({"default": "1", "new_feature": "nothing", "new_cap": "5"}, "Feature nothing not found"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    desk: Desk, signed: Sign, typed: dict[str, str], told: str
) -> None:
    admin = signed(Role.ADMIN)
    answered = admin.post(SETTINGS, seen(admin.get(SETTINGS)) | typed)

    assert answered.status in (400, 404, 422)
    assert told in words(answered)
    assert capping.caps(desk.session(EVE), EVE).version == 1


def seen(page: Page) -> dict[str, str]:
    found = re.search(r'name="seen" value="(\d+)"', page.text)
    assert found
    return {"seen": found[1]}
