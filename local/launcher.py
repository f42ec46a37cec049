"""Start the emulator: `python launcher.py FOLDERS-OF-PACKAGES UNPACKED`.

Runs under the bare interpreter, because the emulator starts each Lambda function under its own:
our packages are added to the path of this process only, so that a function which lacks something
in its layers fails here as it would fail in AWS.
"""

import contextlib
import hashlib
import importlib
import os
import site
import sys
import tempfile
import types
import zipfile
from pathlib import Path
from typing import Any


class SharedZip(zipfile.ZipFile):
    """An archive that is unpacked once per content; what is asked for are links to that.

    The emulator unpacks code and layers for every process of every function; the thousands of
    files of a layer would take seconds each time.
    """

    folder: Path

    def namelist(self) -> list[str]:
        """Return what lies at the top, as that is what is linked.

        The emulator looks where each name leads before it unpacks, for every process again.
        """
        return sorted({name.partition("/")[0] for name in super().namelist()})

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        """Link the entries of the archive into `path`."""
        digest = hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
        unpacked = self.folder / digest
        if not unpacked.exists():
            partial = Path(tempfile.mkdtemp(dir=self.folder))
            super().extractall(partial, members or super().namelist(), pwd)
            # Another thread may have been faster; its copy is the same.
            with contextlib.suppress(OSError):
                partial.rename(unpacked)
        for entry in unpacked.iterdir():
            Path(path, entry.name).symlink_to(entry)


def write_down(_function: Any, _request_id: str, output: str, *_: Any, **__: Any) -> None:
    """Write what a function printed to our own output.

    The emulator would open another log stream for every call of a function, and keep them all.
    """
    if output:
        print(output.rstrip("\n"), flush=True)


def main() -> None:
    """Run the emulator in this process until TERM."""
    packages, SharedZip.folder = sys.argv[1], Path(sys.argv[2])
    for folder in packages.split(os.pathsep):
        site.addsitedir(folder)
    # Only now are they on the path.
    app = importlib.import_module("ministack.app")
    lambda_runtime = importlib.import_module("ministack.core.lambda_runtime")
    archives = types.SimpleNamespace(
        ZipFile=SharedZip,
        BadZipFile=zipfile.BadZipFile,
        LargeFileError=zipfile.LargeZipFile,
    )
    vars(lambda_runtime)["zipfile"] = archives
    functions = importlib.import_module("ministack.services.lambda_svc")
    vars(functions)["_emit_lambda_logs"] = write_down
    sys.argv[1:] = []
    app.main()


if __name__ == "__main__":
    main()
