"""What all tests share: a table, a clock, a key, and `call`, which calls an operation."""

import gc
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

import pytest
from moto import mock_aws

from orchard.contracts.api_keys import CreateApiKeyRequest
from orchard.domain.secrets import Kind
from orchard.store import catalog
from orchard.store.session import Session
from orchard.store.table import Table, connect
from orchard.triggers import auth, connection
from orchard.triggers import clock as clocks
from orchard.usecases import api_keys
from tests import harness
from tests.quicker_moto import hurry, new_table, shorten

os.environ |= {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "TABLE_NAME": harness.TABLE_NAME,
    "POWERTOOLS_SERVICE_NAME": "orchard",
    "POWERTOOLS_METRICS_NAMESPACE": "Orchard",
    "POWERTOOLS_METRICS_DISABLED": "true",
}

pytest_plugins = ["tests.pretended_stripe", "tests.spreading"]
# Tests make many objects and few cycles: to look for those less often saves a tenth of the time.
gc.set_threshold(100_000, 50, 100)

type Call = Callable[..., harness.Response]

#: 1 September 2026, 00:00 UTC: when tests begin unless they say otherwise.
START = 1_788_220_800_000
TENANT = "org/sandbox"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def advance(self, *, days: float = 0, seconds: float = 0, ms: int = 0) -> int:
        """Move on and return the new time."""
        self.now += int(days * 86_400_000 + seconds * 1000) + ms
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(clocks, "now", lambda: clock.now)
    return clock


@pytest.fixture(scope="session")
def aws() -> Iterator[Table]:
    """AWS as moto plays it, and one connection: making a client is slow."""
    hurry()
    with mock_aws():
        connected = connect()
        shorten(connected.client)
        yield connected


@pytest.fixture
def table(aws: Table) -> Iterator[Table]:
    with new_table(aws.client, aws.name, harness.create_table):
        forget()
        connection.use(aws)
        yield aws
        forget()


@pytest.fixture
def key(table: Table) -> str:
    return mint(table, "sandbox")


@pytest.fixture
def session(table: Table, clock: Clock) -> Session:
    return session_of(table, clock.now)


@pytest.fixture
def call(key: str, clock: Clock) -> Call:
    """`call("balances.track", {...})` answers with status, body and headers."""
    del clock
    return partial(harness.call, key=key)


def session_of(table: Table, now: int, environment: str = "sandbox") -> Session:
    return Session(
        table=table,
        tenant=f"org/{environment}",
        environment=environment,
        now=now,
        actor="key:tests",
        request_id="request",
    )


def mint(table: Table, environment: Literal["sandbox", "live"], kind: Kind = "secret") -> str:
    request = CreateApiKeyRequest(environment=environment, name="tests", kind=kind)
    return str(api_keys.create(table, request, START)["key"])


def forget() -> None:
    """Start as a new function instance does: nothing cached."""
    connection.forget()
    auth.forget()
    catalog.forget_all()
