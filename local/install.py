"""Make the environment of this repository: `python3.13 local/install.py`.

Creates `.venv` and installs the locked packages, unless that was done for this very lock. Runs
under a bare Python 3.13, hence the standard library only.
"""

import hashlib
import os
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


def create() -> None:
    """Create an empty environment with pip."""
    print("Creating .venv ...", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    # Not through the venv module in this process: the interpreter may be a shim's.
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def install() -> None:
    """Install the lock; hashes are checked, compiled modules appear at their first use."""
    print("Installing the locked packages (about a minute) ...", flush=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    options = ["--quiet", "--no-compile", "--require-hashes", "--only-binary=:all:"]
    subprocess.run([*pip, *options, "--requirement", str(LOCK)], check=True)


def main() -> None:
    """Bring the environment up to date."""
    if sys.version_info[:2] != WANTED:
        sys.exit("This repository needs Python 3.13, the version of its functions.")
    os.environ.pop("PIP_TARGET", None)
    if installed() != wanted():
        try:
            create()
            install()
        except subprocess.CalledProcessError as error:
            sys.exit(f"The environment could not be made: {error}.")
        STAMP.write_text(wanted())
    STAMP.touch()


if __name__ == "__main__":
    main()
