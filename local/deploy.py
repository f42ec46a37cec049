"""Build template.yaml with the SAM CLI and deploy it to the emulator, each only when needed."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from botocore.exceptions import ClientError

from local import processes
from local.emulator import Emulator

STACK = "orchard"
BUCKET = "orchard-artifacts"
# Remembers inside the emulator what it runs: it is lost exactly when that is.
DEPLOYED = "/orchard/local/deployed"
SOURCES = ("template.yaml", "functions", "layers")
# Builds of other sources that stay at hand, for a change of branch.
KEPT_BUILDS = 3


def digest(root: Path) -> str:
    """Return the hash of everything that is deployed from `root`: names and contents."""
    found = hashlib.sha256()
    for source in SOURCES:
        top = root / source
        for path in sorted([top, *top.rglob("*")]):
            if path.is_file() and path.suffix != ".pyc":
                found.update(f"{path.relative_to(root)}\0".encode())
                found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def build(root: Path, log: Path) -> Path:
    """Build the template in `root` unless these sources are built; return the built template.

    Raises:
        Failed: the build ended with an error.

    """
    builds = root / ".orchard" / "builds"
    built = builds / digest(root) / "template.yaml"
    with processes.locked(root / ".orchard" / "build.lock"):
        if not built.exists():
            _sam_build(root, built.parent, log)
        built.parent.touch()
        for old in sorted(builds.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT_BUILDS]:
            shutil.rmtree(old)
    return built


def _sam_build(root: Path, folder: Path, log: Path) -> None:
    """Run `sam build` into `folder`, which appears only when it is complete."""
    partial = folder.with_name("partial")
    shutil.rmtree(partial, ignore_errors=True)
    cache = root / ".orchard" / "sam-cache"
    command: list[str | Path] = [_sam(), "build", "--template-file", root / "template.yaml"]
    command += ["--build-dir", partial, "--cached", "--cache-dir", cache, "--parallel"]
    variables = _environment(processes.environment(ORCHARD_LAYER_HOST="1"))
    processes.run(command, log=log, env=variables, cwd=root)
    partial.rename(folder)


def deploy(emulator: Emulator, template: Path, parameters: Mapping[str, str], log: Path) -> None:
    """Deploy the built `template` with `parameters`.

    Raises:
        Failed: the deployment ended with an error.

    """
    emulator.client("s3").create_bucket(Bucket=BUCKET)
    command: list[str | Path] = [_sam(), "deploy", "--template-file", template]
    command += ["--config-file", processes.ROOT / "samconfig.toml", "--config-env", "local"]
    command += ["--stack-name", STACK, "--s3-bucket", BUCKET]
    if parameters:
        command += ["--parameter-overrides", *[f"{k}={v}" for k, v in parameters.items()]]
    variables = _environment(emulator.environment())
    processes.run(command, log=log, env=variables, cwd=template.parent)


def deployed(emulator: Emulator) -> Mapping[str, str]:
    """Return what `remember` noted in the emulator, nothing if nothing is deployed."""
    try:
        found = emulator.client("ssm").get_parameter(Name=DEPLOYED)
    except ClientError:
        return {}
    noted: Mapping[str, str] = json.loads(found["Parameter"]["Value"])
    return noted


def remember(emulator: Emulator, what: Mapping[str, str]) -> None:
    """Note in the emulator what it now runs: the digest of the sources and the parameters."""
    ssm = emulator.client("ssm")
    ssm.put_parameter(Name=DEPLOYED, Value=json.dumps(what), Type="String", Overwrite=True)


def _sam() -> Path:
    """Return the SAM CLI installed beside our interpreter."""
    return Path(sys.executable).with_name("sam")


def _environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return `base` for the SAM CLI: quiet, and with a real python3.13 first on the path."""
    path = f"{Path(sys.executable).parent}:{base.get('PATH', '')}"
    # The emulator is quick: look every half second, not every five, whether it is done.
    quick = {"SAM_CLI_POLL_DELAY": "0.5"}
    return {**base, **quick, "PATH": path, "SAM_CLI_TELEMETRY": "0", "NO_COLOR": "1"}
