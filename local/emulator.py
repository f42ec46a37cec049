"""The AWS emulator: one process on a loopback port, its state in one folder."""

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local import processes
from local.processes import HOST, Child, locked

if TYPE_CHECKING:
    from botocore.client import BaseClient

REGION = "us-east-1"
ACCOUNT = "000000000000"
# The emulator asks for credentials and accepts any.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# Unpacked archives of code and layers that may gather before they are cleared.
KEPT_ARCHIVES = 16


class Emulator:
    """An emulated AWS account. Its state survives a stop, but not the kill of its own process."""

    def __init__(self, folder: Path, log: Path) -> None:
        """Keep state in `folder` and write output to `log`; nothing runs before `start`."""
        self._folder = folder
        self._log = log
        self._scratch = folder.with_name("scratch")
        self._unpacked = folder.with_name("unpacked")
        self._child: Child | None = None
        self.port = processes.free_port()
        self.endpoint = f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables under which a tool or an SDK talks to this emulator."""
        settings = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION}
        return processes.environment(**CREDENTIALS, **settings)

    def start(self) -> None:
        """Start, and return when requests are answered.

        Raises:
            Failed: the emulator did not come up.

        """
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        self._unpacked.mkdir(exist_ok=True)
        if len(list(self._unpacked.iterdir())) > KEPT_ARCHIVES:
            shutil.rmtree(self._unpacked)
            self._unpacked.mkdir()
        # The functions run under the interpreter of the emulator. It is the bare one, to which
        # the launcher adds our packages for itself alone: a function sees its layers only.
        bare = str(getattr(sys, "_base_executable", sys.executable))
        launcher = str(Path(__file__).with_name("launcher.py"))
        packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
        variables = processes.environment(**CREDENTIALS, **self._settings())
        command = [bare, launcher, packages, str(self._unpacked)]
        # The lock passes on to the child: whoever comes next waits until this state is saved,
        # even if we are killed.
        self._folder.mkdir(exist_ok=True)
        with locked(self._folder / "lock") as lock:
            read_streams_from_their_beginning(self._folder / "state" / "lambda.json")
            self._child = Child(command, log=self._log, env=variables, held=[lock])
        self._child.wait_until(self._is_ready)

    def _settings(self) -> dict[str, str]:
        """Return the emulator's own configuration."""
        return {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._folder / "s3"),
            # Each running function unpacks its code here.
            "TMPDIR": str(self._scratch),
        }

    def _is_ready(self) -> bool:
        """Tell whether the emulator answers."""
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    @property
    def is_running(self) -> bool:
        """Tell whether the emulator's process is alive."""
        return self._child is not None and self._child.is_running()

    def client(self, service: str) -> Any:
        """Return a boto3 client of `service`."""
        made: BaseClient = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106
            config=Config(proxies={}, read_timeout=120, retries={"total_max_attempts": 1}),
        )
        return made

    def stop(self) -> None:
        """Save the state, end the emulator and all functions."""
        if self._child:
            self._child.stop()
            self._child = None
        shutil.rmtree(self._scratch, ignore_errors=True)


def read_streams_from_their_beginning(saved: Path) -> None:
    """Set the saved positions of the stream readers in `saved` to zero.

    The emulator saves positions but not the stream, which begins anew at each start: without
    this, as many records as were read before the stop would be skipped after it.
    """
    if not saved.exists():
        return
    state = json.loads(saved.read_text())
    positions = state["payload"]["dynamodb_stream_positions"]["data"]
    positions.update(dict.fromkeys(positions, 0))
    saved.write_text(json.dumps(state))
