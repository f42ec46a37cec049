"""Import time of each handler beside the floor: a boto3 client, pydantic and the Logger.

Measured with the layers as they are deployed and nothing else: packages for development, which
boto3 would find and load as well, are out of sight.
"""

import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

from local import deploy
from tests.harness import ROOT

ROUNDS = 5
FLOOR = (
    # The package pydantic alone loads nothing yet: a model is what any use of it needs.
    "import boto3; from pydantic import BaseModel; from aws_lambda_powertools import Logger; "
    "Logger(service='floor'); boto3.client('dynamodb')"
)
#: What the first request would do: the connection is part of the floor, so it is made here too.
CONNECT = "from orchard.triggers.connection import table; table()"


def report() -> None:
    """Print medians and ratios, every handler in turn with the floor."""
    paths = _paths()
    programs = {"the floor": FLOOR}
    programs |= {module: f"import {module}; {CONNECT}" for module in _modules()}
    for program in programs.values():
        _spent(program, paths)
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            times[name].append(_spent(program, paths))
    print(f"{'import, processor time, ms':34}{'median':>8}{'floor x':>9}")
    for name, spent in times.items():
        ratio = median(spent) / median(times["the floor"])
        print(f"{name:34}{median(spent):>8.0f}{ratio:>9.2f}")


def _modules() -> list[str]:
    root = ROOT / "functions"
    files = (path for path in root.rglob("*.py") if path.name != "__init__.py")
    return sorted(".".join(path.relative_to(root).with_suffix("").parts) for path in files)


def _paths() -> str:
    """Where a deployed function finds its code: its own folder and the built layers."""
    built = deploy.build(ROOT, ROOT / ".orchard" / "bench.log").parent
    layers = [built / layer / "python" for layer in ("DependenciesLayer", "OrchardLayer")]
    return ":".join(map(str, [built / "BalancesCheck", *layers]))


def _spent(program: str, paths: str) -> float:
    """Processor time of a fresh interpreter that runs a program, in milliseconds."""
    bare = Path(sys.base_prefix) / "bin" / "python3.13"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [bare, "-c", program],
        env={"PYTHONPATH": paths, "AWS_DEFAULT_REGION": "eu-west-1", "TABLE_NAME": "orchard"},
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000
