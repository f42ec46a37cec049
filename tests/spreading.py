"""Which tests one process runs, when they are spread over several."""

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Folders whose tests share a server, which takes long to start: one process runs all of a folder.
SERVED = frozenset({"concurrency", "e2e"})


class Spreading(LoadScopeScheduling):
    """A process takes one file after another, or a whole folder whose tests share a server."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        return path.parent.name if path.parent.name in SERVED else str(path)


# xdist groups by a mark too, but not with this version of pytest, which names tests otherwise.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spreading:
    return Spreading(config, log)
