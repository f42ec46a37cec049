"""The deployed template, once per session, and the Stripe account behind it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from local.stack import Stack
from tests.e2e import browsing
from tests.e2e.dashboard import PATIENCE
from tests.e2e.vocabulary import Stripe


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return the local stack with a new sandbox key and no data but that."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def stripe(stack: Stack) -> Iterator[Stripe]:
    """Return the Stripe account of the stack."""
    with Stripe(stack) as account:
        yield account


@pytest.fixture(scope="package")
def engine() -> Iterator[Browser]:
    """Return the browser, one for all tests; each opens windows of its own."""
    expect.set_options(timeout=PATIENCE)
    with browsing.started() as engine:
        yield engine
