"""One's own account: password and sessions; and what is said when a session is over."""

import re
from urllib.parse import quote

import pytest

from orchard.domain.users import IDLE_MS, SESSION_MS, Role, User
from orchard.store import users as stored
from orchard.store.table import Table
from orchard.usecases import signing_in, users
from tests.bench.requests import cost_of
from tests.conftest import START, Clock
from tests.dashboard.browser import Browser
from tests.dashboard.conftest import PASSWORD, Sign
from tests.dashboard.test_customer_page import words

ACCOUNT = "/dashboard/account"
NEW = {"old": PASSWORD, "password": "another password", "again": "another password"}


def only(table: Table) -> User:
    (found,) = stored.of(table, "org")
    return found


def elsewhere(table: Table, user: User) -> Browser:
    other = Browser()
    other.cookies["__Host-orchard"] = signing_in.start(table, user, START).session_id
    return other


def test_everybody_sees_who_they_are_and_where_they_are_signed_in(
    table: Table, signed: Sign
) -> None:
    viewer = signed(Role.VIEWER)
    elsewhere(table, only(table))
    page = viewer.get(ACCOUNT)

    assert "Name Viewer E-mail viewer@example.com Role Viewer" in words(page)
    assert words(page).count("This one") == 1
    assert words(page).count("Another one") == 1
    assert f'href="{ACCOUNT}"' in viewer.get("/dashboard/customers").text
    assert len(cost_of(table, lambda: viewer.get(ACCOUNT)).verbs) < 4


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(
    table: Table, signed: Sign
) -> None:
    viewer = signed(Role.VIEWER)
    viewer.post("/dashboard/environment", {"environment": "live"})
    other = elsewhere(table, only(table))
    done = viewer.follow(viewer.post(f"{ACCOUNT}/password", NEW))

    assert "You have a new password" in words(done)
    assert 'value="live" aria-pressed="true"' in done.text
    assert other.get(ACCOUNT).status == 303
    assert "your password was changed" in words(other.get("/dashboard/sign-in"))
    fields = {"email": "viewer@example.com", "password": NEW["password"]}
    assert Browser().post("/dashboard/sign-in", fields).status == 303


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        (NEW | {"old": "wrong"}, "old", "The old password is wrong"),
        (NEW | {"again": "x"}, "again", "The two passwords differ"),
        (NEW | {"password": "short", "again": "short"}, "password", "12 to 200 characters"),
        (NEW | {"password": PASSWORD, "again": PASSWORD}, "password", "too easy to guess"),
        ({}, "again", "The two passwords differ"),
    ],
)
def test_what_is_wrong_with_a_new_password_is_said_and_nothing_changes(
    table: Table, signed: Sign, fields: dict[str, str], field: str, told: str
) -> None:
    viewer = signed(Role.VIEWER)
    before = stored.get(table, "org", only(table).id)
    page = viewer.post(f"{ACCOUNT}/password", fields)

    assert (page.status, told in words(page)) == (400, True)
    assert re.search(f'is-invalid" id="{field}"', page.text)
    for secret in filter(None, fields.values()):
        assert f'value="{secret}"' not in page.text
    assert stored.get(table, "org", only(table).id) == before


def test_guessing_the_old_password_is_stopped(signed: Sign) -> None:
    viewer = signed(Role.VIEWER)
    tries = [viewer.post(f"{ACCOUNT}/password", NEW | {"old": str(n)}).status for n in range(11)]

    assert tries == [400] * 10 + [429]


def test_somebody_signs_out_everywhere(table: Table, signed: Sign) -> None:
    viewer = signed(Role.VIEWER)
    other = elsewhere(table, only(table))
    here = viewer.follow(viewer.post(f"{ACCOUNT}/sign-out", {}))

    assert "all your sessions were ended" in words(here)
    assert other.get(ACCOUNT).status == 303
    foreign = elsewhere(table, only(table))
    assert foreign.post(f"{ACCOUNT}/sign-out", {}, origin="https://evil.example").status == 403
    assert foreign.post(f"{ACCOUNT}/password", NEW, sec_fetch_site="cross-site").status == 403
    assert foreign.get(ACCOUNT).status == 200


def test_the_page_for_signing_in_says_why_a_session_is_over(
    table: Table, signed: Sign, clock: Clock, browser: Browser
) -> None:
    admin, owner = signed(Role.ADMIN), signed(Role.OWNER)
    by, one = sorted(stored.of(table, "org"), key=lambda user: user.role, reverse=True)

    def said() -> str:
        sent = admin.get(f"{ACCOUNT}?x=1")
        assert sent.headers["location"] == f"/dashboard/sign-in?next={quote(f'{ACCOUNT}?x=1', '')}"
        return words(admin.follow(sent))

    clock.now = START + IDLE_MS
    assert "You were signed out because you did nothing here for 12 hours" in said()
    clock.now = START + SESSION_MS
    assert "You were signed out because a session ends after 7 days" in said()
    clock.now = START
    users.disable(table, by, one.id, START)
    assert "You were signed out because an admin disabled you" in said()
    admin.cookies["__Host-orchard"] = "nonsense"
    assert "You were signed out because your session is over" in said()
    wrong = admin.post("/dashboard/sign-in", {"email": "x@example.com", "password": "x"})
    assert "You were signed out" not in words(wrong)
    assert "You were signed out" not in words(browser.get("/dashboard/sign-in"))
    owner.post("/dashboard/sign-out", {})
    assert "You were signed out" not in words(owner.get("/dashboard/sign-in"))


def test_a_part_and_a_form_lead_back_to_the_page_they_were_sent_from(
    signed: Sign, clock: Clock
) -> None:
    viewer = signed(Role.VIEWER)
    clock.now += IDLE_MS
    here = "/dashboard/customers/ada?tab=features"
    full = f"https://api.example.com{here}"
    part = viewer.get("/dashboard/new-customer", hx_request="true", hx_current_url=full)
    typed = viewer.get(
        "/dashboard/customers?q=ada",
        hx_request="true",
        hx_current_url="https://api.example.com/dashboard/customers?q=ad",
    )
    sent = viewer.post("/dashboard/account/password", NEW, referer=full)
    part_sent = viewer.post("/dashboard/customers", {}, hx_request="true", hx_current_url=full)
    foreign = viewer.post(
        "/dashboard/customers", {}, referer="https://evil.example/dashboard/customers/e"
    )

    back = f"/dashboard/sign-in?next={quote(here, '')}"
    assert (part.status, part.headers["hx-redirect"]) == (401, back)
    assert typed.headers["hx-redirect"].endswith(quote("/dashboard/customers?q=ada", ""))
    assert sent.headers["location"] == f"{back}&unsaved=1"
    assert part_sent.headers["hx-redirect"] == f"{back}&unsaved=1"
    assert foreign.headers["location"] == "/dashboard/sign-in?unsaved=1"
    assert "What you sent last was not saved" in words(viewer.follow(sent))
