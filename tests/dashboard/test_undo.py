"""Undoing a change from the list of changes on the dashboard."""

import re
from typing import Any

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, balance
from tests.conftest import Call, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import Sign
from tests.dashboard.test_balance_edit import filled
from tests.dashboard.test_customer_page import words
from tests.streams import recording

CUSTOMER = "/dashboard/customers/user_1"
TAB = f"{CUSTOMER}?tab=changes"


@pytest.fixture
def change(call: Call, table: Table) -> str:
    """Ada got 50 messages too many: the id of that change."""
    a_feature(call)
    a_customer(call, name="Ada")
    a_grant(call, 40)
    asked = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": 50}
    answered = call("balances.update", asked)
    assert answered.status == 200
    recording.catch_up(table)
    return str(answered.body["change_id"])


@pytest.fixture
def admin(signed: Sign) -> Browser:
    return signed(Role.ADMIN)


def undo_of(change_id: str) -> str:
    return f"{CUSTOMER}/changes/{change_id}/undo"


def sent(page: Page, **typed: str) -> dict[str, str]:
    """The form of an undo; the frame around it has another one, with a way back."""
    return filled(page, back="", **typed)


def changes(call: Call) -> list[Any]:
    return list(call("changes.list", {"customer_id": "user_1"}).body["list"])


def test_an_undo_is_shown_in_words_before_it_is_done(
    call: Call, admin: Browser, change: str
) -> None:
    page = admin.get(undo_of(change))

    assert f'href="{undo_of(change)}"' in admin.get(TAB).text
    assert "left 90 → 40" in words(page)
    assert "changes.undo" in page.text
    assert balance(call)["remaining"] == 90


def test_the_row_then_says_what_undid_it_and_the_reason_is_kept(
    call: Call, table: Table, admin: Browser, change: str
) -> None:
    done = admin.post(undo_of(change), sent(admin.get(undo_of(change)), reason="One nought"))
    recording.catch_up(table)
    page = admin.follow(done)
    undo = next(one for one in changes(call) if one["undoes"] == change)

    assert done.headers["location"] == TAB
    assert "The change was undone. Undo" in words(page)
    assert balance(call)["remaining"] == 40
    assert (undo["action"], undo["reason"]) == ("changes.undo", "One nought")
    assert f"change={undo['id']}" in page.text
    assert "Undone by this" in words(page)
    assert "Takes this back" in words(page)
    assert f'href="{undo_of(change)}"' not in page.text


def test_a_form_that_is_sent_twice_undoes_once(
    call: Call, table: Table, admin: Browser, change: str
) -> None:
    fields = sent(admin.get(undo_of(change)))

    answers = [admin.post(undo_of(change), fields).status for _ in range(2)]
    recording.catch_up(table)

    assert answers == [303, 303]
    assert sum(one["action"] == "changes.undo" for one in changes(call)) == 1


def test_what_can_not_be_undone_any_more_says_why(
    call: Call, table: Table, admin: Browser, signed: Sign, change: str
) -> None:
    other = signed(Role.OWNER)
    fields = sent(other.get(undo_of(change)))
    admin.post(undo_of(change), {})
    recording.catch_up(table)

    late, again = other.post(undo_of(change), fields), other.get(undo_of(change))

    assert (late.status, again.status) == (409, 409)
    assert "This change was undone by chg_" in words(late)
    assert 'value="save"' not in again.text
    assert balance(call)["remaining"] == 40


def test_what_was_done_a_moment_ago_can_be_tried_again(
    call: Call, table: Table, admin: Browser, change: str
) -> None:
    del change
    asked = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": 5}
    latest = str(call("balances.update", asked).body["change_id"])

    early = admin.post(undo_of(latest), {})
    recording.catch_up(table)
    later = admin.post(undo_of(latest), sent(early))

    assert early.status == 503
    assert "try again in a moment" in words(early)
    assert later.status == 303
    assert balance(call)["remaining"] == 90


def test_a_change_of_the_customer_is_undone_too(
    call: Call, clock: Clock, table: Table, admin: Browser, change: str
) -> None:
    del change
    clock.advance(seconds=1)
    assert call("customers.update", {"customer_id": "user_1", "name": "Grace"}).status == 200
    recording.catch_up(table)
    found = re.search(r'href="(/[^"]+/undo)"', admin.get(TAB).text)
    assert found

    assert "name Grace → Ada" in words(admin.get(found[1]))
    assert admin.post(found[1], sent(admin.get(found[1]))).status == 303
    assert call("customers.get", {"customer_id": "user_1"}).body["name"] == "Ada"


def test_support_gives_nothing_back_that_others_took_away(
    call: Call, table: Table, signed: Sign, change: str
) -> None:
    del change
    asked = {"customer_id": "user_1", "feature_id": "messages", "add_to_balance": -30}
    lowered = str(call("balances.update", asked).body["change_id"])
    recording.catch_up(table)
    support = signed(Role.SUPPORT)

    page, done = support.get(undo_of(lowered)), support.post(undo_of(lowered), {})

    assert (page.status, done.status) == (403, 403)
    assert "an admin has to do it" in words(page)
    assert balance(call)["remaining"] == 60


def test_who_may_only_look_undoes_nothing(call: Call, signed: Sign, change: str) -> None:
    viewer = signed(Role.VIEWER)

    assert "/undo" not in viewer.get(TAB).text
    assert viewer.get(undo_of(change)).status == 403
    assert viewer.post(undo_of(change), {}).status == 403
    assert balance(call)["remaining"] == 90


def test_wrong_addresses_and_words_are_refused(call: Call, admin: Browser, change: str) -> None:
    long = admin.post(undo_of(change), sent(admin.get(undo_of(change)), reason="x" * 1001))

    assert long.status == 400
    assert "Must have at most 1000 characters" in words(long)
    assert admin.get(undo_of("chg_1")).status == 404
    assert admin.post(undo_of("chg_1"), {}).status == 404
    assert balance(call)["remaining"] == 90


def test_the_page_costs_few_requests(table: Table, admin: Browser, change: str) -> None:
    admin.get(undo_of(change))
    page = cost_of(table, lambda: admin.get(undo_of(change)))
    assert len(page.verbs) == 4


def test_the_undo_of_what_was_said_is_done_once_however_often_it_is_pressed(
    call: Call, table: Table, admin: Browser, change: str
) -> None:
    del change
    form = admin.get(f"{CUSTOMER}/features/messages/edit")
    typed = {"amount": "5", "next_reset_at": "", "ends_at": "", "reason": "", "reference": ""}
    done = admin.post(f"{CUSTOMER}/features/messages/edit", filled(form, **typed))
    recording.catch_up(table)
    said = admin.follow(done).text
    pressed = re.search(r'<form method="post" action="([^"]+/undo)".*?</form>', said)
    assert pressed
    key = re.search(r'name="key" value="([^"]+)"', pressed[0])
    assert key

    answers = [admin.post(pressed[1], {"back": TAB, "key": key[1]}) for _ in range(2)]

    assert [one.headers.get("location") for one in answers] == [TAB, TAB]
    assert balance(call)["remaining"] == 90
