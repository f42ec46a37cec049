"""What was done to users is told: by whom, once, together with what it tells of."""

from collections.abc import Callable

import pytest

from orchard.domain.users import IDLE_MS, SESSION_MS, Role, User
from orchard.errors import Forbidden, Invalid, InviteNotFound, OrchardError
from orchard.store.table import Table
from orchard.usecases import own_password, signing_in, user_history, user_links, users
from orchard.usecases.signing_in import Over, own_sessions, start, state
from tests.conftest import START

PASSWORD, ANOTHER = "correct horse battery", "another password"


def a_user(table: Table, role: Role, now: int = START) -> User:
    email = f"{role}@example.com"
    token = user_links.make(table, "org", email, role, by="operator", now=now - 1)
    return users.accept(table, token, role.capitalize(), PASSWORD, now)


@pytest.fixture
def owner(table: Table) -> User:
    return a_user(table, Role.OWNER)


def told(table: Table, by: User) -> list[tuple[str, str, str]]:
    found = user_history.history(table, by, "").items
    return [(one.by.removeprefix("user:"), str(one.deed), one.whom.email) for one in found][::-1]


def test_whatever_is_done_to_users_leaves_a_line(table: Table, owner: User) -> None:
    token = users.invite(table, owner, "new@example.com", "viewer", START + 1)
    users.invite(table, owner, "wrong@example.com", "admin", START + 2)
    wrong = users.invites(table, owner, START)[1]
    for _ in range(2):
        users.withdraw(table, owner, wrong.id, START + 3)
    new = users.accept(table, token, "New", PASSWORD, START + 4)
    for _ in range(2):
        users.change_role(table, owner, new.id, "support", START + 5)
        users.disable(table, owner, new.id, START + 6)
    for _ in range(2):
        users.enable(table, owner, new.id, START + 7)
    back = users.invite_back(table, owner, new.id, START + 8)
    new = users.accept(table, back, "", ANOTHER, START + 9)
    own_password.change(table, new, ANOTHER, PASSWORD, START + 10)
    users.end_sessions(table, owner, new.id, START + 11)

    me, you = owner.email, "new@example.com"
    assert told(table, owner) == [
        ("operator", "invited", me),
        (me, "joined", me),
        (me, "invited", you),
        (me, "invited", "wrong@example.com"),
        (me, "withdrew", "wrong@example.com"),
        (you, "joined", you),
        (me, "changed_role", you),
        (me, "disabled", you),
        (me, "enabled", you),
        (me, "made_link", you),
        (you, "set_password", you),
        (you, "set_password", you),
        (me, "ended_sessions", you),
    ]
    (changed,) = (
        one for one in user_history.history(table, owner, "").items if one.role_before is not None
    )
    assert (changed.at, changed.role_before, changed.role) == (START + 5, "viewer", "support")
    lying = str(table.client.scan(TableName=table.name)["Items"])
    for secret in (token, back):
        assert secret.partition(".")[2] not in lying


def test_what_is_refused_leaves_no_line(table: Table, owner: User) -> None:
    admin, support = a_user(table, Role.ADMIN), a_user(table, Role.SUPPORT)
    link = users.invite(table, owner, "o@example.com", "owner", START)
    digest = users.invited(table, link, START).id
    before = told(table, owner)
    attempts: list[Callable[[], object]] = [
        lambda: users.disable(table, admin, owner.id, START),
        lambda: users.withdraw(table, admin, digest, START),
        lambda: users.withdraw(table, support, digest, START),
        lambda: users.change_role(table, owner, owner.id, "admin", START),
        lambda: users.end_sessions(table, support, admin.id, START),
        lambda: users.invite(table, admin, "x@example.com", "owner", START),
        lambda: users.invite(table, owner, admin.email, "viewer", START),
        lambda: users.invite_back(table, admin, owner.id, START),
        lambda: own_password.change(table, support, "wrong", ANOTHER, START),
    ]

    for attempt in attempts:
        with pytest.raises(OrchardError):
            attempt()
    assert told(table, owner) == before
    with pytest.raises(Forbidden):
        user_history.history(table, support, "")


def test_the_history_is_read_page_after_page(table: Table, owner: User) -> None:
    for number in range(user_history.PAGE * 2):
        users.invite(table, owner, f"{number}@example.com", "viewer", START + number)
    first = user_history.history(table, owner, "")
    second = user_history.history(table, owner, first.next_cursor or "")
    third = user_history.history(table, owner, second.next_cursor or "")

    assert [len(one.items) for one in (first, second, third)] == [25, 25, 2]
    assert third.next_cursor is None
    shown = [one.id for page in (first, second, third) for one in page.items]
    assert len(set(shown)) == user_history.PAGE * 2 + 2
    times = [one.at for page in (first, second, third) for one in page.items]
    assert times == sorted(times, reverse=True)
    with pytest.raises(Invalid):
        user_history.history(table, owner, "nonsense")


def test_a_link_for_a_new_password_opens_no_role_given_since(table: Table, owner: User) -> None:
    admin, viewer = a_user(table, Role.ADMIN), a_user(table, Role.VIEWER)
    link = users.invite_back(table, admin, viewer.id, START)
    users.change_role(table, owner, viewer.id, "owner", START)

    with pytest.raises(InviteNotFound):
        users.accept(table, link, "", ANOTHER, START)


def test_a_session_that_is_over_says_why(table: Table, owner: User) -> None:
    admin = a_user(table, Role.ADMIN)
    session_id = start(table, admin, START).session_id
    later = START + SESSION_MS

    assert state(table, session_id, START + IDLE_MS) is Over.IDLE
    assert state(table, session_id, later) is Over.OLD
    users.end_sessions(table, owner, admin.id, START)
    assert state(table, session_id, START) is Over.ENDED
    users.disable(table, owner, admin.id, START)
    assert state(table, session_id, START) is Over.DISABLED
    for gone in ("", "x", session_id[:-1] + "_"):
        assert state(table, gone, START) is Over.GONE


def test_own_sessions_are_listed_and_when_somebody_was_seen(table: Table, owner: User) -> None:
    first, second = (start(table, owner, START + n).session_id for n in range(2))
    later = START + 15 * 60_000
    signing_in.choose_environment(table, first, "live", later)

    here, other = own_sessions(table, owner, second, later)
    assert (here.is_this, here.environment, here.seen_at) == (True, "sandbox", START + 1)
    assert (other.is_this, other.environment, other.seen_at) == (False, "live", later)
    assert users.users(table, owner)[0].seen_at == later
    assert [one.is_this for one in own_sessions(table, owner, "", START + IDLE_MS)] == [False] * 2
    changed = own_password.change(table, owner, PASSWORD, ANOTHER, later)
    assert own_sessions(table, changed, first, later) == []
