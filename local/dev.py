"""`make dev`: start the local stack, say when it serves, stop at Ctrl-C and keep the data.

The environment variables PORT (8080 unless given) and RESET (1 starts with no data) steer it.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from botocore.exceptions import ClientError

from local import demo, first_user, processes
from local.processes import ROOT, Failed
from local.stack import Stack

FOLDER = ROOT / ".orchard"
DEFAULT_PORT = 8080
# Remembers inside the emulator that the demo data is complete.
DEMO = "/orchard/local/demo"


class Stopped(BaseException):
    """Somebody asked us to stop."""


def say(sentence: str) -> None:
    """Print a line at once, also into a pipe."""
    print(sentence, flush=True)


def chosen_port() -> int:
    """Return the port that PORT names.

    Raises:
        Failed: it is no port number, or somebody else uses it.

    """
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise Failed(f"PORT={text} is not a port number.")
    if not processes.is_free(int(text)):
        advice = "Stop it, or choose another port: make dev PORT=8081."
        raise Failed(f"Port {text} is used by another program. {advice}")
    return int(text)


@contextmanager
def alone() -> Iterator[None]:
    """Make sure that no other `make dev` runs in this clone.

    Raises:
        Failed: one does.

    """
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Failed("The local stack of this clone runs already.") from error
        yield


def prepare() -> None:
    """Clear the log; clear the data too when RESET asks for it."""
    if os.environ.get("RESET", "0") not in {"", "0"}:
        say("Clearing all data ...")
        shutil.rmtree(FOLDER / "emulator", ignore_errors=True)
    (FOLDER / "stack.log").unlink(missing_ok=True)


def load_demo(stack: Stack) -> None:
    """Load the demo data unless it was loaded before."""
    ssm = stack.client("ssm")
    try:
        ssm.get_parameter(Name=DEMO)
    except ClientError:
        say("Loading the demo data ...")
        demo.load(stack)
        ssm.put_parameter(Name=DEMO, Value="loaded", Type="String", Overwrite=True)


def keep_key(key: str) -> None:
    """Write the API key to a file that only its owner may read."""
    path = FOLDER / "key"
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(f"{key}\n")


def serve(port: int) -> None:
    """Run the stack until somebody asks us to stop.

    Raises:
        Failed: a step failed, or a part of the stack ended by itself.

    """
    with Stack(FOLDER, port=port, report=lambda step: say(f"{step} ...")) as stack:
        try:
            load_demo(stack)
            keep_key(stack.key)
            say("The log is in .orchard/stack.log, the API key in .orchard/key.")
            say("The dashboard is at {}; sign in as {}, {}.".format(*first_user.sign_in(stack)))
            say(f"ready {stack.base_url} {stack.key}")
            while stack.is_running:
                time.sleep(0.5)
            raise Failed(f"A part of the local stack ended by itself; see {stack.log}.")
        finally:
            # From here on nothing may interrupt the saving of the data.
            on_signals(signal.SIG_IGN)
            say("Stopping; the data is kept ...")


def stop(_signal: int, _frame: FrameType | None) -> None:
    """Take a signal as the wish to stop."""
    raise Stopped


def on_signals(action: object) -> None:
    """Do `action` at Ctrl-C, TERM and when the terminal goes away."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)  # type: ignore[arg-type]


def main() -> None:
    """Run the command."""
    on_signals(stop)
    try:
        with alone():
            port = chosen_port()
            prepare()
            serve(port)
    except Stopped:
        sys.exit(0)
    except Failed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
