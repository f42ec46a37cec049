"""The deployed template, once per session, and the Stripe account behind it."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
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
