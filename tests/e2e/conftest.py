"""The deployed template, once per session."""

from collections.abc import Iterator

import pytest

from local.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Return the local stack with a new sandbox key and no data but that."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
