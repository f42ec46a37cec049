"""Run a command that must not outlive its parent: `python -m local.lifeline COMMAND ...`.

The parent holds this process's standard input open. When that closes, because the parent asked
for the end or because it was killed, the command gets TERM, and KILL if it does not obey.
"""

import signal
import subprocess
import sys
import threading

# Seconds the command has for saving its state.
GRACE = 30


def end_with_parent(child: subprocess.Popen[bytes]) -> None:
    """Wait for the parent's end, then end `child`."""
    sys.stdin.buffer.read()
    child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()


def main() -> None:
    """Run the command of the command line and exit with its status."""
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    threading.Thread(target=end_with_parent, args=(child,), daemon=True).start()
    sys.exit(child.wait())


if __name__ == "__main__":
    main()
