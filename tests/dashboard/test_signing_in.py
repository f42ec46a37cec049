"""Sessions of the dashboard: how they begin, what they remember, when they end."""

from collections.abc import Callable

import pytest

from orchard.domain.users import IDLE_MS, SESSION_MS, Role, User
from orchard.errors import Invalid, NotSignedIn, OrchardError, TooManyRequests, Unauthorized
from orchard.gateways import passwords
from orchard.store import users as stored
from orchard.store.dashboard_sessions import SPAN_MS
from orchard.store.table import Table
from orchard.usecases import signing_in, user_links, users
from orchard.usecases.signing_in import current, sign_in
from tests.conftest import START, Clock
from tests.dashboard.browser import Browser

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"
HOME, AWAY = "192.0.2.1", "198.51.100.7"


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
    signed = sign_in(table, " Ada@EXAMPLE.com ", PASSWORD, HOME, START)
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
            sign_in(table, email, password, HOME, START)
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
            sign_in(table, ada.email, "wrong password", HOME, START)

    with pytest.raises(TooManyRequests) as refused:
        sign_in(table, EMAIL.upper(), PASSWORD, HOME, START)
    assert 0 < refused.value.retry_after <= SPAN_MS // 1000
    with pytest.raises(NotSignedIn):
        sign_in(table, "someone.else@example.com", PASSWORD, HOME, START)
    assert sign_in(table, EMAIL, PASSWORD, HOME, START + refused.value.retry_after * 1000)


def test_whoever_signs_in_begins_to_count_anew(table: Table, ada: User) -> None:
    for _ in range(2):
        for _ in range(signing_in.MOST_TRIES - 1):
            with pytest.raises(NotSignedIn):
                sign_in(table, ada.email, "wrong password", HOME, START)
        assert sign_in(table, EMAIL, PASSWORD, HOME, START)


@pytest.fixture
def unhashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Passwords are compared as they are; the list tells which were, as that is the costly work."""
    compared: list[str] = []

    def matches(password: str, kept: str | None) -> bool:
        compared.append(password)
        return kept is not None and password == PASSWORD

    monkeypatch.setattr(passwords, "matches", matches)
    return compared


def tried(table: Table, email: str, address: str, password: str = "") -> str:
    try:
        sign_in(table, email, password, address, START)
    except OrchardError as refused:
        return refused.code
    return "signed in"


def test_a_stranger_locks_nobody_out_who_comes_from_elsewhere(
    table: Table, ada: User, unhashed: list[str]
) -> None:
    many = 2 * signing_in.MOST_TRIES_OF_EMAIL
    assert {tried(table, ada.email, AWAY) for _ in range(many)} == {
        "not_signed_in",
        "too_many_sign_ins",
    }
    assert len(unhashed) == signing_in.MOST_TRIES
    assert tried(table, ada.email, AWAY, PASSWORD) == "too_many_sign_ins"
    assert tried(table, ada.email, HOME, PASSWORD) == "signed in"


def test_guessing_at_many_users_is_stopped_for_whoever_does_it(
    table: Table, ada: User, unhashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in, "MOST_TRIES_OF_ADDRESS", 5)
    told = [tried(table, f"{number}@example.com", AWAY) for number in range(9)]

    assert told == ["not_signed_in"] * 5 + ["too_many_sign_ins"] * 4
    assert len(unhashed) == 5
    assert tried(table, ada.email, AWAY, PASSWORD) == "too_many_sign_ins"
    assert tried(table, ada.email, HOME, PASSWORD) == "signed in"
    assert sign_in(table, ada.email, PASSWORD, AWAY, START + SPAN_MS)


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_guessing_from_many_addresses_is_bounded_for_each_e_mail(
    table: Table, ada: User, unhashed: list[str], monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    monkeypatch.setattr(signing_in, "MOST_TRIES_OF_EMAIL", 5)
    told = [tried(table, email, f"198.51.100.{number}") for number in range(9)]

    assert told == ["not_signed_in"] * 5 + ["too_many_sign_ins"] * 4
    assert len(unhashed) == 5
    assert tried(table, email, HOME, PASSWORD) == "too_many_sign_ins"
    assert tried(table, f"x{ada.email}", HOME) == "not_signed_in"


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("2001:db8:0:1:ffff::2", "too_many_sign_ins"),
        ("2001:db8:0:2::1", "not_signed_in"),
        ("::ffff:192.0.2.1", "not_signed_in"),
        ("", "not_signed_in"),
    ],
)
def test_a_network_of_ipv6_counts_as_one_address(
    table: Table, unhashed: list[str], other: str, told: str
) -> None:
    for number in range(signing_in.MOST_TRIES):
        assert tried(table, EMAIL, f"2001:db8:0:1::{number}") == "not_signed_in"

    assert tried(table, EMAIL, other) == told
    assert len(unhashed) == signing_in.MOST_TRIES + (told == "not_signed_in")


def test_addresses_of_ipv4_are_the_same_in_either_notation(
    table: Table, unhashed: list[str]
) -> None:
    told = [tried(table, EMAIL, HOME) for _ in range(signing_in.MOST_TRIES)]
    told += [tried(table, EMAIL, f"::ffff:{HOME}"), tried(table, EMAIL, f"::ffff:{AWAY}")]

    assert told[-2:] == ["too_many_sign_ins", "not_signed_in"]
    assert len(unhashed) == signing_in.MOST_TRIES + 1


def test_attempts_are_kept_under_neither_e_mails_nor_addresses(
    table: Table, unhashed: list[str]
) -> None:
    tried(table, EMAIL, HOME)
    lying = str(table.client.scan(TableName=table.name)["Items"])

    assert len(unhashed) == 1
    assert lying.count("'SIGNIN#") == 3
    assert EMAIL not in lying
    assert HOME not in lying


def test_the_page_counts_by_the_address_that_a_request_came_from(
    table: Table, ada: User, unhashed: list[str], clock: Clock
) -> None:
    del clock
    for _ in range(signing_in.MOST_TRIES):
        tried(table, EMAIL, AWAY)
    answers = []
    for address in (AWAY, HOME):
        browser = Browser()
        browser.address = address
        page = browser.post("/dashboard/sign-in", {"email": ada.email, "password": PASSWORD})
        answers.append(page.status)

    assert answers == [429, 303]
    assert len(unhashed) == signing_in.MOST_TRIES + 1


def test_a_digest_of_former_times_is_renewed_by_signing_in(
    table: Table, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored.get(table, "org", ada.id)
    monkeypatch.setattr(passwords, "is_outdated", lambda _digest: True)
    session_id = sign_in(table, EMAIL, PASSWORD, HOME, START).session_id
    after = stored.get(table, "org", ada.id)

    assert before is not None
    assert after is not None
    assert before.password != after.password
    assert passwords.matches(PASSWORD, after.password)
    assert current(table, session_id, START)
