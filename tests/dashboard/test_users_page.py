"""The pages about users: who may do what to whom, links that are shown once, the last owner."""

import html
import re
from collections.abc import Callable

import pytest

from orchard.domain.users import IDLE_MS, Role, User
from orchard.errors import Conflict
from orchard.store import users as stored
from orchard.store.table import Table
from orchard.usecases import user_links, users
from tests.bench.requests import cost_of
from tests.conftest import START, Clock
from tests.dashboard.browser import Browser, Page
from tests.dashboard.conftest import PASSWORD, Sign
from tests.dashboard.test_customer_page import words

USERS = "/dashboard/users"
EVIL = "<script>alert(1)</script>"

type Make = Callable[..., User]


@pytest.fixture
def make(table: Table, clock: Clock) -> Make:
    """`make("eve", Role.VIEWER)` is a user who is not signed in."""

    def made(name: str, role: Role = Role.VIEWER) -> User:
        email = f"{name.strip('<>()/')[:3].lower()}@made.example.com"
        token = user_links.make(table, "org", email, role, by="operator", now=clock.now)
        return users.accept(table, token, name, PASSWORD, clock.now)

    return made


def lying(table: Table) -> str:
    """All users and links as they lie in the table; sessions say when they were seen."""
    items = table.client.scan(TableName=table.name)["Items"]
    kept = [item for item in items if "USERS" in item["pk"]["S"]]
    for item in kept:
        item.pop("seen_at", None)
    return str(sorted(kept, key=lambda item: item["sk"]["S"]))


def link_on(page: Page) -> str:
    (found,) = set(re.findall(r'https://[^"]*/dashboard/invitation\?token=([^"]+)"', page.text))
    return str(html.unescape(found))


def links_of(table: Table) -> list[str]:
    return [one.id for one in stored.invites(table, "org", START)]


def actions(target: User, link: str) -> dict[str, dict[str, str]]:
    """Every form about users, as it is sent."""
    one = f"{USERS}/{target.id}"
    return {
        f"{USERS}/invite": {"email": "new@example.com", "role": "viewer"},
        f"{USERS}/invitations/{link}/withdraw": {},
        f"{one}/role": {"role": "support"},
        f"{one}/end-sessions": {},
        f"{one}/link": {},
        f"{one}/disable": {},
        f"{one}/enable": {},
    }


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPPORT])
def test_who_may_not_manage_users_changes_none(
    table: Table, signed: Sign, make: Make, role: Role
) -> None:
    person, target = signed(role), make("Eve")
    user_links.make(table, "org", "x@example.com", Role.VIEWER, by="operator", now=START)
    before = lying(table)

    for address, fields in actions(target, links_of(table)[0]).items():
        assert person.post(address, fields).status == 403, address
    for address in (USERS, f"{USERS}?tab=history", f"{USERS}/invite", f"{USERS}/{target.id}"):
        assert person.get(address).status == 403
    assert lying(table) == before
    assert 'href="/dashboard/users"' not in person.get("/dashboard/customers").text


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER])
def test_who_manages_users_may_do_it_all_to_those_who_own_nothing(
    table: Table, signed: Sign, make: Make, role: Role
) -> None:
    person, target = signed(role), make("Eve")
    user_links.make(table, "org", "x@example.com", Role.VIEWER, by="operator", now=START)

    done = [person.post(*one) for one in actions(target, links_of(table)[0]).items()]

    assert [page.status for page in done] == [200, 303, 303, 303, 200, 303, 303]
    changed = stored.get(table, "org", target.id)
    assert changed is not None
    assert (changed.user.role, changed.user.disabled) == (Role.SUPPORT, False)
    assert "x@example.com" not in words(person.get(f"{USERS}?tab=invitations"))
    told = words(person.get(f"{USERS}?tab=history"))
    me = f"{role}@example.com"
    for line in (
        f"{me} Invited as Viewer new@example.com",
        f"{me} Withdrew the link to join as Viewer x@example.com",
        f"{me} Changed the role from Viewer to Support eve@made.example.com",
        f"{me} Disabled eve@made.example.com",
        f"{me} Enabled eve@made.example.com",
        f"{me} Made a link for a new password eve@made.example.com",
        f"{me} Ended all sessions eve@made.example.com",
        "eve@made.example.com Joined as Viewer the same",
        "An operator Invited as Viewer eve@made.example.com",
    ):
        assert line in told
    assert "Support" in words(person.get(f"{USERS}/{target.id}"))


def test_an_admin_manages_no_owner_and_makes_none(table: Table, signed: Sign, make: Make) -> None:
    admin, owner = signed(Role.ADMIN), make("Olga", Role.OWNER)
    viewer = make("Eve")
    user_links.make(table, "org", "x@example.com", Role.OWNER, by="operator", now=START)
    (link,) = links_of(table)
    before = lying(table)

    for address, fields in list(actions(owner, link).items())[1:]:
        assert admin.post(address, fields).status == 403, address
    for address in (f"{USERS}/invite", f"{USERS}/{viewer.id}/role"):
        answer = admin.post(address, {"email": "y@example.com", "role": "owner"})
        assert answer.status == 403
    assert lying(table) == before
    shown = admin.get(f"{USERS}/{owner.id}").text
    assert "Only owners manage owners" in shown
    assert f"{owner.id}/" not in shown
    assert 'value="owner"' not in admin.get(f"{USERS}/invite").text
    assert "/withdraw" not in admin.get(f"{USERS}?tab=invitations").text


def test_only_owners_make_links_for_new_passwords_of_admins(
    table: Table, signed: Sign, make: Make
) -> None:
    admin, owner, mate = signed(Role.ADMIN), signed(Role.OWNER), make("Mate", Role.ADMIN)
    address = f"{USERS}/{mate.id}"
    before = lying(table)

    assert admin.post(f"{address}/link", {}).status == 403
    assert lying(table) == before
    shown = admin.get(address)
    assert "Only owners make links for new passwords of admins" in words(shown)
    assert f"{address}/link" not in shown.text
    assert f"{address}/disable" in shown.text
    assert f"{address}/link" in owner.get(address).text
    assert link_on(owner.post(f"{address}/link", {}))


def test_nobody_locks_themselves_out_and_one_owner_stays(
    table: Table, signed: Sign, make: Make
) -> None:
    owner, other = signed(Role.OWNER), make("Olga", Role.OWNER)
    (me,) = (one for one in stored.of(table, "org") if one.id != other.id)
    before = lying(table)

    assert owner.post(f"{USERS}/{me.id}/role", {"role": "viewer"}).status == 403
    assert owner.post(f"{USERS}/{me.id}/disable", {}).status == 403
    assert f"{me.id}/" not in owner.get(f"{USERS}/{me.id}").text
    assert lying(table) == before
    assert owner.post(f"{USERS}/{other.id}/disable", {}).status == 303
    assert owner.post(f"{USERS}/{me.id}/disable", {}).status == 403
    with pytest.raises(Conflict):
        users.change_role(table, other, me.id, "admin", START)
    wrong = owner.post(f"{USERS}/{other.id}/role", {"role": "king"})
    assert (wrong.status, "role must be one of" in words(wrong)) == (400, True)


def test_a_link_is_shown_once_and_lets_somebody_in(
    table: Table, browser: Browser, signed: Sign
) -> None:
    owner = signed(Role.OWNER)
    made = owner.post(f"{USERS}/invite", {"email": " Ada@Example.com ", "role": "support"})
    token = link_on(made)

    assert made.headers["cache-control"] == "no-store"
    assert f'data-copy="https://api.example.com/dashboard/invitation?token={token}"' in made.text
    assert "It works once, for 7 days" in words(made)
    assert "Orchard sends no mail" in words(made)
    secret = token.partition(".")[2]
    for tab in ("", "?tab=invitations", "?tab=history"):
        assert secret not in owner.get(f"{USERS}{tab}").text
    shown = words(owner.get(f"{USERS}?tab=invitations"))
    assert "ada@example.com Join as Support owner@example.com 01 Sep 2026, 00:00 UTC" in shown
    fields = {"token": token, "name": "Ada", "password": PASSWORD, "again": PASSWORD}
    assert browser.post("/dashboard/invitation", fields).status == 303
    assert "ada@example.com Support Enabled" in words(owner.get(USERS))
    assert "No links wait" in words(owner.get(f"{USERS}?tab=invitations"))

    (ada,) = (one for one in stored.of(table, "org") if one.name == "Ada")
    back = link_on(owner.post(f"{USERS}/{ada.id}/link", {}))
    assert "ada@example.com New password" in words(owner.get(f"{USERS}?tab=invitations"))
    fields = {"token": back, "password": "another password", "again": "another password"}
    assert browser.post("/dashboard/invitation", fields).status == 303


@pytest.mark.parametrize(
    ("email", "role", "told"),
    [
        ("nobody", "viewer", "This is not a valid e-mail address"),
        ("owner@example.com", "viewer", "There is a user with this e-mail already"),
        ("x@example.com", "king", "role must be one of"),
        ("x@example.com", "", "role must be one of"),
        (f"{EVIL}@example.com", "viewer", "This is not a valid e-mail address"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_said_beside_what_was_typed(
    table: Table, signed: Sign, email: str, role: str, told: str
) -> None:
    owner = signed(Role.OWNER)
    page = owner.post(f"{USERS}/invite", {"email": email, "role": role})

    assert page.status == (409 if told.startswith("There is a user") else 400)
    assert told in words(page)
    assert f'value="{html.escape(email)}"' in page.text
    assert EVIL not in page.text
    assert links_of(table) == []


def test_script_in_a_name_is_text(signed: Sign, make: Make) -> None:
    owner, target = signed(Role.OWNER), make(EVIL)
    renamed = owner.post(f"{USERS}/{target.id}/role", {"role": "support"})
    pages = [owner.follow(renamed), owner.get(USERS), owner.get(f"{USERS}?tab=history")]

    for page in pages:
        assert EVIL not in page.text
        assert not re.search(r"<script(?! src=)|\son\w+=|\sstyle=", page.text)
    assert f"{EVIL} is Support now." in html.unescape(pages[0].text)


def test_forms_of_other_sites_and_of_sessions_that_are_over_change_nothing(
    table: Table, signed: Sign, make: Make, clock: Clock
) -> None:
    owner, target = signed(Role.OWNER), make("Eve")
    user_links.make(table, "org", "x@example.com", Role.VIEWER, by="operator", now=START)
    forms = actions(target, links_of(table)[0])
    before = lying(table)

    for address, fields in forms.items():
        foreign = owner.post(address, fields, origin="https://evil.example")
        assert foreign.status == 403
    clock.now += IDLE_MS
    for address, fields in forms.items():
        assert owner.post(address, fields).headers["location"].startswith("/dashboard/sign-in")
    assert lying(table) == before


def test_what_does_not_exist_is_not_found(signed: Sign) -> None:
    owner = signed(Role.OWNER)

    for address in (f"{USERS}/usr_x", f"{USERS}/usr_{'0' * 27}", f"{USERS}/x/y/z"):
        assert owner.get(address).status == 404
    assert owner.post(f"{USERS}/usr_{'0' * 27}/disable", {}).status == 404
    assert owner.post(f"{USERS}/usr_{'0' * 27}/promote", {}).status == 404
    assert owner.post(f"{USERS}/invitations/x/withdraw", {}).status == 303
    assert owner.get(f"{USERS}?tab=history&cursor=x").status == 400


def test_every_page_takes_few_requests(table: Table, signed: Sign, make: Make) -> None:
    owner, target = signed(Role.OWNER), make("Eve")
    me = next(one for one in stored.of(table, "org") if one.role is Role.OWNER)
    for number in range(30):
        users.invite(table, me, f"{number}@example.com", "viewer", START + number)
    pages: list[Page] = []

    for page in ("", "?tab=invitations", "/invite", f"/{target.id}", "?tab=history"):
        verbs = cost_of(table, lambda page=page: pages.append(owner.get(USERS + page))).verbs  # type: ignore[misc]
        assert (pages[-1].status, len(verbs) < 4) == (200, True), verbs
    second = re.search(r'href="(/dashboard/users\?tab=history&amp;cursor=[^"]+)"', pages[-1].text)
    assert second is not None
    assert "Joined as Owner" in words(owner.get(html.unescape(second[1])))


def test_the_section_at_hand_is_marked(signed: Sign) -> None:
    owner = signed(Role.OWNER)
    marked = r'href="(\S+)" aria-current="true"'

    for page in ("/dashboard/customers", "/dashboard/users"):
        assert re.findall(marked, owner.get(page).text) == [page]
    assert re.findall(marked, owner.get("/dashboard/users/invite").text) == ["/dashboard/users"]
    assert re.findall(marked, owner.get("/dashboard/account").text) == []
