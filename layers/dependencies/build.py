# ruff: noqa: INP001 - a program beside its lock, not a package
"""Build the layer of third-party packages: one folder for both of Lambda's processors.

Run by `sam build` through the Makefile beside this file, with the Python of the functions and
nothing else installed, hence the standard library only.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LOCK = Path(__file__).parent / "requirements.txt"
PROCESSORS = ("x86_64", "aarch64")
MANYLINUX = ("manylinux2014", "manylinux_2_17", "manylinux_2_28", "manylinux_2_34")
# The service descriptions that our clients load; all others (24 MB) stay at home.
SERVICES = {"dynamodb", "events", "lambda", "sqs", "ssm", "sts"}
# Where Lambda mounts a layer. It stands in the compiled code in place of the path of the build,
# so that equal locks make equal layers.
MOUNT = "/opt/python"


def pip_install(target: Path, platforms: list[str]) -> None:
    """Install the lock into `target`; wheels only, hashes checked, no dependency search."""
    options = [f"--platform={platform}" for platform in platforms]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps"]
    command += ["--disable-pip-version-check", "--root-user-action=ignore"]
    command += ["--only-binary=:all:", "--require-hashes", f"--requirement={LOCK}"]
    subprocess.run([*command, *options, f"--target={target}"], check=True)  # noqa: S603


def tell_apart(folder: Path, processor: str) -> None:
    """Name for their processor those binaries whose names say only for which Pythons they are."""
    tag = f".cpython-{sys.version_info.major}{sys.version_info.minor}-{processor}-linux-gnu.so"
    for path in folder.rglob("*.abi3.so"):
        path.rename(path.with_name(path.name.replace(".abi3.so", tag)))


def overlay(source: Path, target: Path) -> None:
    """Move what `target` lacks out of `source`: the binaries built for another platform."""
    for path in source.rglob("*"):
        destination = target / path.relative_to(source)
        if path.is_file() and not destination.exists():
            destination.parent.mkdir(parents=True, exist_ok=True)
            path.rename(destination)


def install(target: Path) -> None:
    """Install for each processor; add this machine's own binaries when ORCHARD_LAYER_HOST is 1.

    The local stack sets that variable, since it runs the functions on this machine, which need
    not be Linux.
    """
    platforms = [[f"{tag}_{processor}" for tag in MANYLINUX] for processor in PROCESSORS]
    if os.environ.get("ORCHARD_LAYER_HOST") == "1" and sys.platform != "linux":
        platforms.append([])
    folders = [target.with_name(f"{target.name}-{number}") for number in range(len(platforms))]
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(pip_install, folders, platforms):
            pass
    for folder, processor in zip(folders, PROCESSORS, strict=False):
        tell_apart(folder, processor)
    for folder in folders:
        overlay(folder, target)
        shutil.rmtree(folder)


def prune(target: Path) -> None:
    """Drop what no function reads: commands, tests, type stubs, install records, services."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    for data in (target / "botocore" / "data", target / "boto3" / "data"):
        unused = [path for path in data.iterdir() if path.is_dir() and path.name not in SERVICES]
        for path in unused:
            shutil.rmtree(path)
    shutil.rmtree(target / "boto3" / "examples", ignore_errors=True)
    for pattern in ("*.dist-info/RECORD", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED"):
        for path in target.glob(pattern):
            path.unlink()
    for path in target.rglob("*.pyi"):
        path.unlink()


def compile_modules(target: Path) -> None:
    """Compile every module, without time stamps: unpacking a layer changes those."""
    checked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compiled = compileall.compile_dir(
        target,
        quiet=1,
        workers=0,
        invalidation_mode=checked,
        stripdir=str(target),
        prependdir=MOUNT,
    )
    if not compiled:
        sys.exit("A package of the layer could not be compiled.")


def main() -> None:
    """Build into the folder named on the command line."""
    target = Path(sys.argv[1])
    install(target)
    prune(target)
    compile_modules(target)


if __name__ == "__main__":
    main()
