"""Granting a balance apart from any plan on the dashboard, and taking the grant away."""

import re
from typing import Any

import pytest

from orchard.domain.users import Role
from orchard.store.table import Table
from tests.bench.requests import cost_of
from tests.builders import a_customer, a_feature, a_grant, balance
from tests.conftest import Call
from tests.dashboard.browser import Browser
from tests.dashboard.conftest import Sign
from tests.dashboard.test_balance_edit import filled
from tests.dashboard.test_customer_page import words
from tests.streams import recording

CUSTOMER = "/dashboard/customers/user_1"
TAB, GRANT = f"{CUSTOMER}?tab=features", f"{CUSTOMER}/grant"


@pytest.fixture
def admin(call: Call, signed: Sign) -> Browser:
    a_feature(call)
    a_feature(call, "sso", name="Single sign-on", type="boolean")
    a_customer(call, name="Ada")
    a_grant(call, 40)
    return signed(Role.ADMIN)


def typed(browser: Browser, **fields: str) -> dict[str, str]:
    plain = {"feature": "messages", "every": ""}
    return filled(browser.get(GRANT)) | plain | fields


def sources(call: Call, feature_id: str = "messages") -> list[Any]:
    found = call("customers.get", {"customer_id": "user_1"}).body["balances"]
    return list(found[feature_id]["breakdown"])


def test_the_preview_says_what_comes_of_a_grant(call: Call, admin: Browser) -> None:
    told = words(admin.post(GRANT, typed(admin, amount="1,000", every="month", step="preview")))
    unlimited = words(admin.post(GRANT, typed(admin, unlimited="yes", step="preview")))
    flag = words(admin.post(GRANT, typed(admin, feature="sso", step="preview")))

    assert "Messages from 40 of 40 left to 1,040 of 1,040 left Resets every month" in told
    assert "to unlimited" in unlimited
    assert "Single sign-on from nothing to switched on" in flag
    assert balance(call)["remaining"] == 40


def test_a_grant_is_made_once_and_undone(call: Call, table: Table, admin: Browser) -> None:
    fields = typed(admin, amount="50", expires_at="2026-12-01T00:00", reason="Goodwill")

    first, second = admin.post(GRANT, fields), admin.post(GRANT, fields)
    page = admin.follow(second)

    assert (first.headers["location"], second.headers["location"]) == (TAB, TAB)
    assert "Messages was granted. Undo" in words(page)
    assert balance(call)["remaining"] == 90
    recording.catch_up(table)
    undo = re.search(r'action="(/[^"]+/undo)"', page.text)
    assert undo
    assert admin.post(undo[1], {"back": TAB}).status == 303
    assert balance(call)["remaining"] == 40


def test_resets_a_name_and_what_is_carried_over_are_kept(call: Call, admin: Browser) -> None:
    told = {"amount": "10", "every": "week", "name": "promo", "rollover": "2"}
    dates = {"next_reset_at": "2026-09-03T00:00", "expires_at": "2026-12-01T00:00"}
    assert admin.post(GRANT, typed(admin, **told, **dates)).status == 303

    made = next(one for one in sources(call) if one["reset"]["interval"] == "week")
    assert made["included_grant"] == 10
    assert "03 Sep 2026, 00:00 UTC" in words(admin.get(TAB))
    assert call("balances.delete", {"customer_id": "user_1", "balance_id": "promo"}).status == 200


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"feature": ""}, "Choose one"),
        ({}, "Is required unless unlimited"),
        ({"amount": "many"}, "Must be a number"),
        ({"amount": "-5"}, "Must be at least 0"),
        ({"amount": "5", "unlimited": "yes"}, "Does not go with unlimited"),
        ({"feature": "sso", "amount": "5"}, "A boolean feature takes no included_grant"),
        ({"amount": "5", "every": "month", "expires_at": "2026-12-01T00:00"}, "resets first"),
        ({"amount": "5", "expires_at": "2020-01-01T00:00"}, "Must be in the future"),
        ({"amount": "5", "every": "month", "rollover": "1.5"}, "whole number of months"),
        ({"amount": "5", "rollover": "2"}, "Needs a reset"),
        ({"feature": "dreams", "amount": "5"}, "Feature dreams not found"),
    ],
)
def test_what_is_typed_wrong_is_told(
    call: Call, admin: Browser, fields: dict[str, str], told: str
) -> None:
    sent = typed(admin, **fields)

    page, preview = admin.post(GRANT, sent), admin.post(GRANT, sent | {"step": "preview"})

    assert page.status in (400, 404)
    assert told.casefold() in words(page).casefold()
    assert told.casefold() in words(preview).casefold()
    assert len(sources(call)) == 1


def test_support_asks_for_what_is_above_the_cap(call: Call, admin: Browser, signed: Sign) -> None:
    support = signed(Role.SUPPORT)
    fields = typed(admin, amount="1000")

    told = support.post(GRANT, fields | {"step": "preview"})
    asked = support.post(GRANT, fields)

    assert "an admin has to approve this" in words(told)
    assert asked.headers["location"].startswith("/dashboard/approvals/")
    assert balance(call)["remaining"] == 40


def test_a_grant_is_deleted_once_and_comes_back(call: Call, table: Table, admin: Browser) -> None:
    source = sources(call)[0]["id"]
    address = f"{CUSTOMER}/features/messages/sources/{source}/delete"
    page = admin.get(address)
    fields = filled(page, reason="Mistake")

    assert f'href="{address}"' in admin.get(TAB).text
    assert "40 that are left of this grant go" in words(page)
    answers = [admin.post(address, fields) for _ in range(2)]
    assert [one.status for one in answers] == [303, 303]
    assert admin.get(address).status == 404

    recording.catch_up(table)
    undo = re.search(r'action="(/[^"]+/undo)"', admin.follow(answers[1]).text)
    assert undo
    assert admin.post(undo[1], {"back": TAB}).status == 303
    assert balance(call)["remaining"] == 40


def test_who_may_only_look_grants_and_deletes_nothing(
    call: Call, admin: Browser, signed: Sign
) -> None:
    viewer, fields = signed(Role.VIEWER), typed(admin, amount="50")
    delete = f"{CUSTOMER}/features/messages/sources/{sources(call)[0]['id']}/delete"

    assert "Grant a balance" not in viewer.get(TAB).text
    assert "/delete" not in viewer.get(TAB).text
    assert [viewer.get(one).status for one in (GRANT, delete)] == [403, 403]
    assert [viewer.post(one, fields).status for one in (GRANT, delete)] == [403, 403]
    assert balance(call)["remaining"] == 40


def test_script_in_a_name_stays_text(call: Call, admin: Browser) -> None:
    a_feature(call, "evil", name="<script>alert(1)</script>")
    fields = typed(admin, feature="evil", amount="5")
    page = admin.follow(admin.post(GRANT, fields))
    assert "<script>alert" not in admin.get(GRANT).text + page.text


def test_the_form_costs_few_requests(table: Table, admin: Browser) -> None:
    fields = typed(admin, amount="5", step="preview")

    form = cost_of(table, lambda: admin.get(GRANT))
    previewed = cost_of(table, lambda: admin.post(GRANT, fields))

    assert [len(one.verbs) for one in (form, previewed)] == [3, 4]
