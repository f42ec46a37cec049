import pytest

from orchard.domain.changes import Actor, actor
from orchard.domain.users import Act, Role, User, checked_name, checked_password, normal_email
from orchard.errors import Forbidden, Invalid


def user(role: Role) -> User:
    return User("usr_1", "org", "ada@example.com", "Ada", role, created_at=0)


def test_a_mightier_role_may_do_all_that_the_next_may_and_more() -> None:
    may = [{act for act in Act if user(role).may(act)} for role in Role]

    assert may[0] == set(Act)
    assert may[0] > may[1] > may[2] > may[3] == {Act.VIEW}
    assert may[1] - may[2] == {Act.APPROVE, Act.DELETE, Act.MANAGE_USERS, Act.CONFIGURE}


def test_only_owners_give_and_take_the_role_of_an_owner() -> None:
    user(Role.OWNER).must_manage(Role.OWNER, Role.ADMIN)
    user(Role.ADMIN).must_manage(Role.ADMIN, Role.VIEWER)
    for role, other in [
        (Role.ADMIN, Role.OWNER),
        (Role.SUPPORT, Role.VIEWER),
        (Role.VIEWER, Role.VIEWER),
    ]:
        with pytest.raises(Forbidden) as refused:
            user(role).must_manage(Role.VIEWER, other)
        assert refused.value.code == "role_not_sufficient"


def test_the_audit_trail_names_a_user_by_e_mail() -> None:
    assert actor(user(Role.VIEWER).actor) == Actor("dashboard_user", "ada@example.com")


@pytest.mark.parametrize(
    "password",
    ["", "elevenchars", "x" * 201, "ada@EXAMPLE.com", "aaaaaaaaaaaaaaaa", "abababababab"],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Invalid):
        checked_password(password, "ada@example.com")


def test_a_long_password_needs_no_special_characters() -> None:
    assert checked_password("correct horse battery", "ada@example.com") == "correct horse battery"


def test_names_and_e_mails_are_kept_in_one_spelling() -> None:
    assert normal_email(" Ada@Example.COM ") == "ada@example.com"
    assert checked_name("  Ada Lovelace ") == "Ada Lovelace"
    for wrong in ("", "  ", "x" * 101, "Ada\x00", "Ada\n<b>"):
        with pytest.raises(Invalid):
            checked_name(wrong)
