"""Sessions of the dashboard: how they begin, what they remember, when they end."""

from collections.abc import Callable

import pytest

from orchard.domain.users import IDLE_MS, SESSION_MS, Role, User
from orchard.errors import Invalid, NotSignedIn, TooManyRequests, Unauthorized
from orchard.gateways import passwords
from orchard.store import users as stored
from orchard.store.dashboard_sessions import SPAN_MS
from orchard.store.table import Table
from orchard.usecases import signing_in, user_links, users
from orchard.usecases.signing_in import current, sign_in
from tests.conftest import START

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


@pytest.fixture
def ada(table: Table) -> User:
    token = user_links.make(table, "org", EMAIL, Role.OWNER, by="operator", now=START)
    return users.accept(table, token, "Ada", PASSWORD, START)


def calls_of(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    original = Table._call  # noqa: SLF001 - counts every request to the table

    def counted(self: Table, verb: str, **arguments: object) -> object:
        made.append(verb)
        return original(self, verb, **arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Table, "_call", counted)
        work()
    return made


def test_a_session_says_who_is_signed_in_and_where(
    table: Table, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = sign_in(table, " Ada@EXAMPLE.com ", PASSWORD, START)
    now = current(table, signed.session_id, START)

    assert signed.user == ada
    assert now is not None
    assert (now.user, now.tenant, now.expires_at) == (ada, "org/sandbox", START + IDLE_MS)
    read = calls_of(lambda: current(table, signed.session_id, START + 1), monkeypatch)
    assert read == ["batch_get_item"]


def test_a_session_remembers_the_environment(table: Table, ada: User) -> None:
    session_id, other = (signing_in.start(table, ada, START).session_id for _ in range(2))
    chosen = signing_in.choose_environment(table, session_id, "live", START)

    assert chosen.tenant == "org/live"
    assert current(table, session_id, START) == chosen
    assert current(table, other, START) == chosen._replace(environment="sandbox")
    with pytest.raises(Invalid):
        signing_in.choose_environment(table, session_id, "mars", START)
    signing_in.sign_out(table, session_id)
    with pytest.raises(Unauthorized):
        signing_in.choose_environment(table, session_id, "live", START)
    assert current(table, session_id, START) is None


def test_a_session_ends_when_it_is_not_used_and_after_a_week_at_the_latest(
    table: Table, ada: User
) -> None:
    idle, used = (signing_in.start(table, ada, START).session_id for _ in range(2))
    now = START
    while current(table, used, now):
        now += IDLE_MS - 1

    assert current(table, idle, START + IDLE_MS) is None
    assert SESSION_MS <= now - START < SESSION_MS + IDLE_MS
    assert current(table, used, START + SESSION_MS - 1)


def test_a_session_that_was_not_begun_opens_nothing(table: Table, ada: User) -> None:
    session_id = signing_in.start(table, ada, START).session_id
    organization, user_id, secret = session_id.split(".")
    for forged in (
        *("", "..", "a.b", "org.x.y.z", session_id + "x", f"other.{user_id}.{secret}"),
        *(f"{organization}.usr_x.{secret}", f"{organization}.{user_id}#.{secret}"),
        *(f"{organization}.{user_id * 99}.{secret}", f"{'o' * 9999}.{user_id}.{secret}"),
    ):
        assert current(table, forged, START) is None
        signing_in.sign_out(table, forged)
    assert current(table, session_id, START)


def test_what_is_wrong_with_a_sign_in_is_neither_said_nor_shown_by_the_work(
    table: Table, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bool] = []
    original = passwords.matches

    def watched(password: str, kept: str | None) -> bool:
        checked.append(original(password, kept))
        return checked[-1]

    monkeypatch.setattr(passwords, "matches", watched)

    def attempt(email: str, password: str) -> str:
        with pytest.raises(NotSignedIn) as refused:
            sign_in(table, email, password, START)
        return refused.value.message

    tries = [(EMAIL, "wrong"), ("eve@example.com", PASSWORD), (EMAIL, ""), (EMAIL, "x" * 9999)]
    tries += [("x" * 9999, PASSWORD), ("", "")]
    told = {attempt(*one) for one in tries}
    requests = [calls_of(lambda one=one: attempt(*one), monkeypatch) for one in tries]  # type: ignore[misc]

    assert ada.email == EMAIL
    assert len(told) == 1
    assert requests == [requests[0]] * 6
    assert checked == [False] * 12


def test_guessing_is_stopped_before_the_right_password_counts(table: Table, ada: User) -> None:
    for _ in range(signing_in.MOST_TRIES):
        with pytest.raises(NotSignedIn):
            sign_in(table, ada.email, "wrong password", START)

    with pytest.raises(TooManyRequests) as refused:
        sign_in(table, EMAIL.upper(), PASSWORD, START)
    assert 0 < refused.value.retry_after <= SPAN_MS // 1000
    with pytest.raises(NotSignedIn):
        sign_in(table, "someone.else@example.com", PASSWORD, START)
    assert sign_in(table, EMAIL, PASSWORD, START + refused.value.retry_after * 1000)


def test_whoever_signs_in_begins_to_count_anew(table: Table, ada: User) -> None:
    for _ in range(2):
        for _ in range(signing_in.MOST_TRIES - 1):
            with pytest.raises(NotSignedIn):
                sign_in(table, ada.email, "wrong password", START)
        assert sign_in(table, EMAIL, PASSWORD, START)


def test_guessing_at_many_users_is_stopped_too(
    table: Table, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "MOST_TRIES_OF_ALL", 5)
    for number in range(5):
        with pytest.raises(NotSignedIn):
            sign_in(table, f"{number}@example.com", PASSWORD, START)

    with pytest.raises(TooManyRequests):
        sign_in(table, ada.email, PASSWORD, START)
    assert sign_in(table, ada.email, PASSWORD, START + SPAN_MS)


def test_a_digest_of_former_times_is_renewed_by_signing_in(
    table: Table, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored.get(table, "org", ada.id)
    monkeypatch.setattr(passwords, "is_outdated", lambda _digest: True)
    session_id = sign_in(table, EMAIL, PASSWORD, START).session_id
    after = stored.get(table, "org", ada.id)

    assert before is not None
    assert after is not None
    assert before.password != after.password
    assert passwords.matches(PASSWORD, after.password)
    assert current(table, session_id, START)
