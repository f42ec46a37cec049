"""Child processes that end with us, free ports, and waiting until something answers."""

import fcntl
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
#: Below those that systems give to whoever asks for any port.
_PORTS = range(20_000, 32_000)
ROOT = Path(__file__).resolve().parent.parent


class Failed(Exception):
    """A step of the local stack failed; the message is a sentence for who started it."""


def free_port() -> int:
    """Return a loopback port that nobody uses now, nor gets by chance before it is used."""
    order = random.SystemRandom().sample(_PORTS, len(_PORTS))
    return next(port for port in order if is_free(port))


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Tell whether something listens on `port` of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock file `path`, once no other process does; the value is its descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


class Child:
    """A running command, tied to this process by a lifeline; its output goes to a log file."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        held: Collection[int] = (),
    ) -> None:
        """Start `command` with `env` (ours unless given), appending its output to `log`.

        The lifeline keeps the file descriptors `held` open until the command has ended.
        """
        self.name = " ".join(str(part) for part in command)
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        lifeline = [sys.executable, str(Path(__file__).with_name("lifeline.py"))]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*lifeline, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                pass_fds=held,
                # Ctrl-C at the keyboard reaches us alone; we end the children in order.
                start_new_session=True,
            )

    def is_running(self) -> bool:
        """Tell whether the command still runs."""
        return self._process.poll() is None

    def wait_until(self, answers: Callable[[], bool], seconds: float = 60) -> None:
        """Return once `answers()` holds.

        Raises:
            Failed: the command ended, or `seconds` passed.

        """
        deadline = time.monotonic() + seconds
        while not answers():
            if not self.is_running():
                raise Failed(f"{self.name} ended by itself; see {self.log}.")
            if time.monotonic() > deadline:
                raise Failed(f"{self.name} gave no answer in {seconds:g} s; see {self.log}.")
            time.sleep(0.02)

    def stop(self) -> None:
        """Let go of the lifeline and wait until the command has ended."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def __enter__(self) -> Self:
        """Return the running child."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the child."""
        self.stop()


def run(command: Sequence[str | Path], *, log: Path, env: Mapping[str, str], cwd: Path) -> None:
    """Run `command` to its end, appending its output to `log`.

    Raises:
        Failed: the command ended with an error; the message shows its last lines.

    """
    with log.open("ab") as output:
        begin = output.tell()
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            check=False,
        )
    if done.returncode:
        said = log.read_bytes()[begin:].decode(errors="replace").rstrip().splitlines()
        name = " ".join(str(part) for part in command[:2])
        raise Failed("\n".join([f"{name} failed; see {log}. It said:", *said[-15:]]))


def environment(**changes: str) -> dict[str, str]:
    """Return our environment with `changes`, less what would steer the tools elsewhere.

    Variables of another AWS account, or of another Python, never reach the local stack.
    """
    foreign = ("AWS_", "SAM_", "PYTHON", "LAMBDA_", "MINISTACK_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"NO_PROXY": "127.0.0.1,localhost", **changes}
