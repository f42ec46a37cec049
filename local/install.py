"""Make the environment of this repository: `python3.13 local/install.py`.

Creates `.venv` and installs the locked packages, unless that was done for this very lock. Runs
under a bare Python 3.13, hence the standard library only.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "local" / "requirements.txt"
# Holds what was installed last; make compares its time with the lock's.
STAMP = VENV / "installed"
WANTED = (3, 13)


def wanted() -> str:
    """Return what identifies the environment: the interpreter and the lock."""
    interpreter = f"{sys.base_prefix} {sys.version}"
    return hashlib.sha256(interpreter.encode() + LOCK.read_bytes()).hexdigest()


def installed() -> str:
    """Return what is installed, nothing if there is no usable environment."""
    usable = STAMP.exists() and (VENV / "bin" / "python").exists()
    return STAMP.read_text() if usable else ""


def run(*command: str) -> None:
    """Run a command silently; show what it said and end if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="", file=sys.stderr)
        sys.exit(f"The environment could not be made: {' '.join(command[1:4])} failed.")


def create() -> None:
    """Create an empty environment with pip."""
    print("Creating .venv ...", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    run(sys.executable, "-m", "venv", str(VENV))


def install() -> None:
    """Install the lock; hashes are checked, compiled modules appear at their first use."""
    print("Installing the locked packages (about a minute) ...", flush=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    options = ["--quiet", "--no-compile", "--require-hashes", "--only-binary=:all:"]
    run(*pip, *options, "--requirement", str(LOCK))


def main() -> None:
    """Bring the environment up to date."""
    if sys.version_info[:2] != WANTED:
        sys.exit("This repository needs Python 3.13, the version of its functions.")
    if installed() != wanted():
        create()
        install()
        STAMP.write_text(wanted())
    STAMP.touch()


if __name__ == "__main__":
    main()
