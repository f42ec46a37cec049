"""Which tests one process runs, when they are spread over several."""

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Folders whose tests share a server, which takes long to start: one process runs all of a folder.
#: They come first, the longest before the other, so that no process is left alone with one.
SERVED = ("e2e", "concurrency")


class Spreading(LoadScopeScheduling):
    """A process takes one file after another, or a whole folder whose tests share a server."""

    def _split_scope(self, nodeid: str) -> str:
        return folder(nodeid) if folder(nodeid) in SERVED else nodeid.partition("::")[0]


def folder(nodeid: str) -> str:
    """Return the name of the folder that a test lies in."""
    return PurePosixPath(nodeid.partition("::")[0]).parent.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    turns = {name: turn for turn, name in enumerate(SERVED)}
    items.sort(key=lambda item: turns.get(folder(item.nodeid), len(SERVED)))


# xdist groups by a mark too, but not with this version of pytest, which names tests otherwise.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spreading:
    return Spreading(config, log)
