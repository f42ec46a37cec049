"""Who may use the dashboard: links, roles, passwords."""

from collections.abc import Callable
from functools import partial

import pytest

from orchard.domain.users import INVITE_MS, Role, User
from orchard.errors import Conflict, Forbidden, Invalid, InviteNotFound, NotSignedIn, OrchardError
from orchard.gateways import passwords
from orchard.store import users as stored
from orchard.store.statements import ConditionFailed
from orchard.store.table import Table
from orchard.usecases import own_password, signing_in, users
from tests import harness
from tests.conftest import START, Clock

PASSWORD = "correct horse battery"
HOME = "192.0.2.1"


def link_of(email: str, **more: str) -> str:
    handler = harness.handler("jobs.create_dashboard_user")
    answer = handler({**harness.sample("jobs/create_dashboard_user"), "email": email, **more}, None)
    return str(answer["link"]).partition("token=")[2]


def a_user(table: Table, role: Role, email: str = "", now: int = START) -> User:
    token = link_of(email or f"{role}@example.com", role=role)
    return users.accept(table, token, "Some Body", PASSWORD, now)


@pytest.fixture
def owner(table: Table, clock: Clock) -> User:
    del clock
    return a_user(table, Role.OWNER)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(OrchardError) as refused:
        action()
    return refused.value.code


def test_an_operator_lets_the_first_owner_in_once(
    table: Table, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://orchard.example")
    handler = harness.handler("jobs.create_dashboard_user")
    answer = handler({"email": "Ada@Example.com"}, None)
    address, _, token = answer.pop("link").partition("?token=")
    user = users.accept(table, token, " Ada ", PASSWORD, clock.now)

    assert address == "https://orchard.example/dashboard/invitation"
    assert answer == {
        "email": "ada@example.com",
        "role": "owner",
        "is_new": True,
        "expires_at": START + INVITE_MS,
    }
    assert user.name == "Ada"
    assert users.users(table, user) == [user]
    with pytest.raises(InviteNotFound):
        users.accept(table, token, "Eve", PASSWORD, clock.now)


def test_a_wrong_command_is_answered_with_what_is_wrong(table: Table, owner: User) -> None:
    handler = harness.handler("jobs.create_dashboard_user")

    assert handler({"email": "nobody"}, None)["code"] == "invalid_email"
    assert handler({"email": "a@b.co", "role": "king"}, None)["code"] == "invalid_inputs"
    elsewhere = {"email": owner.email, "organization": "other"}
    assert handler(elsewhere, None)["code"] == "user_exists"
    assert users.invites(table, owner, START) == []


def test_neither_passwords_nor_links_lie_in_the_table(table: Table, owner: User) -> None:
    token = users.invite(table, owner, "new@example.com", "viewer", START)
    session_id = signing_in.start(table, owner, START).session_id
    lying = str(table.client.scan(TableName=table.name)["Items"])

    assert "$argon2id$" in lying
    for secret in (PASSWORD, token.partition(".")[2], session_id.rpartition(".")[2]):
        assert secret not in lying


def test_a_link_works_for_a_week_unless_it_is_withdrawn(table: Table, owner: User) -> None:
    tokens = [users.invite(table, owner, f"{n}@example.com", "viewer", START + n) for n in range(2)]
    first, second = users.invites(table, owner, START)
    users.withdraw(table, owner, first.id, START)

    assert (second.email, second.role, second.by) == (
        "1@example.com",
        Role.VIEWER,
        f"user:{owner.email}",
    )
    assert users.invites(table, owner, START + INVITE_MS + 1) == []
    assert users.invited(table, tokens[1], START + INVITE_MS) == second
    for token, now in [
        (tokens[0], START),
        (tokens[1], START + INVITE_MS + 1),
        ("", START),
        ("org.", START),
        ("org#x.y", START),
        ("other." + tokens[1].partition(".")[2], START),
    ]:
        with pytest.raises(InviteNotFound):
            users.accept(table, token, "Eve", PASSWORD, now)


def test_a_refused_name_or_password_does_not_use_the_link_up(table: Table, owner: User) -> None:
    token = users.invite(table, owner, "new@example.com", "support", START)

    for name, password in [("", PASSWORD), ("New", "short"), ("New", "new@example.com")]:
        with pytest.raises(Invalid):
            users.accept(table, token, name, password, START)
    assert users.accept(table, token, "New", PASSWORD, START).role is Role.SUPPORT


def test_an_e_mail_belongs_to_one_user(table: Table, owner: User) -> None:
    tokens = [users.invite(table, owner, "new@example.com", "viewer", START) for _ in range(2)]
    users.accept(table, tokens[0], "New", PASSWORD, START)

    assert refusal(lambda: users.accept(table, tokens[1], "New", PASSWORD, START)) == "user_exists"
    invite_again = refusal(lambda: users.invite(table, owner, "NEW@example.com", "viewer", START))
    assert invite_again == "user_exists"
    assert len(users.users(table, owner)) == 2


def test_what_happens_while_a_password_is_digested_is_not_overwritten(
    table: Table, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = passwords.digest

    def meanwhile(action: Callable[[], object]) -> None:
        def first(password: str) -> str:
            monkeypatch.setattr(passwords, "digest", digest)
            action()
            return digest(password)

        monkeypatch.setattr(passwords, "digest", first)

    def accept(token: str) -> User:
        return users.accept(table, token, "New", PASSWORD, START)

    tokens = [users.invite(table, owner, "new@example.com", "owner", START) for _ in range(3)]
    meanwhile(lambda: accept(tokens[0]))
    assert refusal(lambda: accept(tokens[0])) == "invite_not_found"
    meanwhile(
        lambda: users.withdraw(table, owner, users.invited(table, tokens[1], START).id, START)
    )
    assert refusal(lambda: accept(tokens[1])) == "invite_not_found"
    (new,) = (one for one in users.users(table, owner) if one.id != owner.id)
    back = users.invite_back(table, owner, new.id, START)
    meanwhile(lambda: users.disable(table, owner, new.id, START))
    assert refusal(lambda: accept(back)) == "user_changed"
    assert refusal(lambda: accept(back)) == "invite_not_found"
    assert refusal(lambda: users.disable(table, new, owner.id, START)) == "last_owner"


def test_a_role_that_may_not_manage_users_manages_none(table: Table, owner: User) -> None:
    support = a_user(table, Role.SUPPORT)
    forbidden: list[Callable[[], object]] = [
        lambda: users.users(table, support),
        lambda: users.invites(table, support, START),
        lambda: users.invite(table, support, "x@example.com", "viewer", START),
        lambda: users.invite_back(table, support, owner.id, START),
        lambda: users.withdraw(table, support, "x", START),
        lambda: users.change_role(table, support, owner.id, "viewer", START),
        lambda: users.disable(table, support, owner.id, START),
        lambda: users.enable(table, support, owner.id, START),
        lambda: users.end_sessions(table, support, owner.id, START),
        lambda: users.invite(table, a_user(table, Role.ADMIN), "x@example.com", "owner", START),
    ]

    for action in forbidden:
        with pytest.raises(Forbidden):
            action()


def test_an_admin_can_neither_raise_themselves_nor_touch_an_owner(
    table: Table, owner: User
) -> None:
    admin, viewer = a_user(table, Role.ADMIN), a_user(table, Role.VIEWER)

    assert users.change_role(table, admin, viewer.id, "support", START).role is Role.SUPPORT
    for whom, role in [(admin, "owner"), (admin, "viewer"), (viewer, "owner"), (owner, "viewer")]:
        with pytest.raises(Forbidden):
            users.change_role(table, admin, whom.id, role, START)
    with pytest.raises(Forbidden):
        users.invite_back(table, admin, owner.id, START)
    assert (
        refusal(lambda: users.change_role(table, owner, viewer.id, "king", START)) == "invalid_role"
    )
    for unknown in ("usr_x", f"usr_{'0' * 27}", "x" * 9999, ""):
        assert refusal(partial(users.disable, table, owner, unknown, START)) == "user_not_found"
        users.withdraw(table, owner, unknown, START)


def test_users_of_another_organisation_are_out_of_reach(table: Table, owner: User) -> None:
    token = link_of("far@example.com", organization="other")
    far = users.accept(table, token, "Far", PASSWORD, START)

    assert users.users(table, far) == [far]
    assert refusal(lambda: users.disable(table, far, owner.id, START)) == "user_not_found"


def test_of_two_owners_who_disable_each_other_one_stays(table: Table, owner: User) -> None:
    other = a_user(table, Role.OWNER, "other@example.com")
    users.disable(table, owner, other.id, START)

    assert refusal(lambda: users.disable(table, other, owner.id, START)) == "last_owner"
    assert (
        refusal(lambda: users.change_role(table, other, owner.id, "admin", START)) == "last_owner"
    )
    users.enable(table, owner, other.id, START)
    assert users.change_role(table, other, owner.id, "admin", START).role is Role.ADMIN


def test_two_who_change_a_user_at_once_do_not_overwrite_each_other(
    table: Table, owner: User
) -> None:
    viewer = a_user(table, Role.VIEWER)
    late = stored.changed(viewer, viewer)
    users.change_role(table, owner, viewer.id, "support", START)

    with pytest.raises(ConditionFailed):
        table.transact(late)


def test_a_disabled_user_is_out_at_once_and_stays_out(table: Table, owner: User) -> None:
    viewer = a_user(table, Role.VIEWER)
    session_id = signing_in.sign_in(table, viewer.email, PASSWORD, HOME, START).session_id
    back = users.invite_back(table, owner, viewer.id, START)
    users.disable(table, owner, viewer.id, START)

    assert signing_in.current(table, session_id, START) is None
    with pytest.raises(NotSignedIn):
        signing_in.sign_in(table, viewer.email, PASSWORD, HOME, START)
    with pytest.raises(InviteNotFound):
        users.accept(table, back, "", "another password", START)
    with pytest.raises(Conflict):
        users.invite_back(table, owner, viewer.id, START)
    users.enable(table, owner, viewer.id, START)
    assert signing_in.current(table, session_id, START) is None
    assert signing_in.sign_in(table, viewer.email, PASSWORD, HOME, START)


def test_a_link_for_a_new_password_keeps_name_and_role_and_ends_all_sessions(
    table: Table, owner: User
) -> None:
    viewer = a_user(table, Role.VIEWER)
    session_id = signing_in.start(table, viewer, START).session_id
    by_admin = users.invite_back(table, owner, viewer.id, START)
    by_operator = link_of(viewer.email, role="owner")
    again = users.accept(table, by_admin, "", "another password", START)

    assert (again.name, again.role) == (viewer.name, Role.VIEWER)
    assert signing_in.current(table, session_id, START) is None
    assert signing_in.sign_in(table, viewer.email, "another password", HOME, START)
    assert users.accept(table, by_operator, "", PASSWORD, START).role is Role.VIEWER
    assert refusal(lambda: users.accept(table, by_admin, "", PASSWORD, START)) == "invite_not_found"


def test_whoever_changes_the_own_password_must_know_the_old_one(table: Table, owner: User) -> None:
    session_id = signing_in.start(table, owner, START).session_id
    change = own_password.change

    assert refusal(lambda: change(table, owner, "wrong", "new password", START)) == "wrong_password"
    same = refusal(lambda: change(table, owner, PASSWORD, PASSWORD, START))
    assert same == "invalid_password"
    changed = change(table, owner, PASSWORD, "another password", START)
    assert signing_in.current(table, session_id, START) is None
    assert signing_in.current(table, signing_in.start(table, changed, START).session_id, START)
    for _ in range(signing_in.MOST_TRIES):
        refusal(lambda: change(table, owner, "wrong", "new password", START))
    guessed = refusal(lambda: change(table, owner, "another password", PASSWORD, START))
    assert guessed == "too_many_sign_ins"


def test_strangers_keep_nobody_from_another_password(
    table: Table, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "MOST_TRIES_OF_EMAIL", 1)
    for address in (HOME, "198.51.100.7"):
        refusal(partial(signing_in.sign_in, table, owner.email, "wrong", address, START))

    assert own_password.change(table, owner, PASSWORD, "another password", START)


def test_all_sessions_of_a_user_can_be_ended(table: Table, owner: User) -> None:
    ids = [signing_in.start(table, owner, START).session_id for _ in range(2)]
    users.end_sessions(table, owner, owner.id, START)

    assert [signing_in.current(table, one, START) for one in ids] == [None, None]


def test_links_end_with_the_rights_of_who_made_them(table: Table, owner: User) -> None:
    admin, mate = a_user(table, Role.ADMIN), a_user(table, Role.VIEWER)
    invitation = users.invite(table, admin, "again@example.com", "admin", START)
    password = users.invite_back(table, admin, mate.id, START)
    own = users.invite(table, owner, "new@example.com", "admin", START)
    assert users.invited(table, invitation, START).role is Role.ADMIN

    users.disable(table, owner, admin.id, START)
    for link in (invitation, password):
        assert refusal(lambda: users.invited(table, link, START)) == "invite_not_found"  # noqa: B023
        assert refusal(lambda: users.accept(table, link, "Eve", PASSWORD, START)) == (  # noqa: B023
            "invite_not_found"
        )
    users.enable(table, owner, admin.id, START)
    users.change_role(table, owner, admin.id, "support", START)
    assert refusal(lambda: users.invited(table, invitation, START)) == "invite_not_found"
    assert users.accept(table, own, "New", PASSWORD, START).role is Role.ADMIN


@pytest.mark.parametrize(
    ("by", "allowed"),
    [
        (Role.OWNER, set(Role)),
        (Role.ADMIN, {Role.SUPPORT, Role.VIEWER}),
        (Role.SUPPORT, set()),
        (Role.VIEWER, set()),
    ],
)
def test_who_may_make_a_link_for_a_new_password_of_whom(
    table: Table, owner: User, by: Role, allowed: set[Role]
) -> None:
    del owner
    person = a_user(table, by, "by@example.com")
    others = {role: a_user(table, role, f"other.{role}@example.com") for role in Role}
    before = len(stored.invites(table, "org", START))

    for role, other in others.items():
        if role in allowed:
            token = users.invite_back(table, person, other.id, START)
            assert users.accept(table, token, "", "another password", START).role is role
        else:
            back = refusal(partial(users.invite_back, table, person, other.id, START))
            assert back == "role_not_sufficient"
    assert len(stored.invites(table, "org", START)) == before


def test_a_link_for_an_admins_password_ends_when_its_maker_owns_nothing_any_more(
    table: Table, owner: User
) -> None:
    other = a_user(table, Role.OWNER, "other@example.com")
    admin = a_user(table, Role.ADMIN)
    password = users.invite_back(table, other, admin.id, START)
    invitation = users.invite(table, other, "new@example.com", "admin", START)
    users.change_role(table, owner, other.id, "admin", START)

    assert refusal(lambda: users.invited(table, password, START)) == "invite_not_found"
    assert users.invited(table, invitation, START).role is Role.ADMIN
