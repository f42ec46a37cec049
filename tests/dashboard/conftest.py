"""What the tests of the dashboard share: a browser, people who are signed in, quick passwords."""

from collections.abc import Callable, Iterator

import pytest
from argon2 import PasswordHasher

from orchard.domain.users import Role
from orchard.gateways import passwords
from orchard.store.table import Table
from orchard.usecases import signing_in, user_links, users
from tests.conftest import Clock
from tests.dashboard.browser import Browser

PASSWORD = "correct horse battery"

type Sign = Callable[[Role], Browser]


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work less for each password than people who guess are made to; all else is as it is."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(1, 8, 1))
    passwords._nobodys.cache_clear()  # noqa: SLF001 - it was made with the real parameters
    yield
    passwords._nobodys.cache_clear()  # noqa: SLF001 - the next one is to be real again


@pytest.fixture
def browser(table: Table, clock: Clock) -> Browser:
    """Somebody's browser; nobody is signed in."""
    del table, clock
    return Browser()


@pytest.fixture
def signed(table: Table, clock: Clock) -> Sign:
    """`signed(Role.VIEWER)` is the browser of a new user `viewer@example.com`, signed in."""

    def sign(role: Role) -> Browser:
        email, now = f"{role}@example.com", clock.now
        token = user_links.make(table, "org", email, role, by="operator", now=now)
        user = users.accept(table, token, role.capitalize(), PASSWORD, now)
        person = Browser()
        person.cookies["__Host-orchard"] = signing_in.start(table, user, now).session_id
        return person

    return sign
