"""Things that may be in one room only: boto3, Stripe, keys, the clock; and how large a room is."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT

PACKAGE = ROOT / "layers" / "orchard" / "python" / "orchard"
SOURCES = sorted(
    path
    for folder in (PACKAGE, ROOT / "functions", ROOT / "local")
    for path in folder.rglob("*.py")
    if "node_modules" not in path.parts
)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "shared", "misc", "base"}
#: Heavy packages that a cold function may load; anything else among those watched is a mistake.
WATCHED = {
    "boto3",
    "pydantic",
    "stripe",
    "argon2",
    "genai_prices",
    "httpx2",
    "jinja2",
    "aws_xray_sdk",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.utilities.parameters",
}
EVERY_FUNCTION = {"boto3", "pydantic", "aws_lambda_powertools.logging"}
#: What else, or what less, single functions load.
EXCEPT = {
    "streams.ledger": {"boto3", "aws_lambda_powertools.logging"},
    "pages.invoices": {"boto3", "aws_lambda_powertools.logging"},
    "dashboard.app": EVERY_FUNCTION | {"argon2", "jinja2", "aws_lambda_powertools.event_handler"},
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def importers(package: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if any(name.partition(".")[0] == package for name in imported(path))
    }


def strings(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.value


def test_boto3_is_known_to_the_table_and_to_the_carriers_of_messages() -> None:
    assert importers("boto3") == {"store/table.py", "gateways/aws.py"}
    assert importers("botocore") == {"store/table.py", "gateways/aws.py"}


def test_stripe_is_known_to_the_gateways_alone() -> None:
    assert {path.partition("/")[0] for path in importers("stripe")} == {"gateways"}


def test_how_passwords_are_digested_is_known_to_one_module() -> None:
    assert importers("argon2") == {"gateways/passwords.py"}


def test_the_price_list_of_models_is_known_to_one_module() -> None:
    assert importers("genai_prices") == {"gateways/model_prices.py"}


def test_separators_of_keys_are_written_where_the_keys_are() -> None:
    key = re.compile(r"^[A-Z0-9]*#|[A-Z0-9}]#")
    writers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for text in strings(path)
        if key.search(text) and not text.startswith("#")
    }

    assert writers <= {"store/key_forms.py", "store/keys.py", "store/user_keys.py"}


def test_the_clock_is_read_in_one_module() -> None:
    readings = re.compile(r"time\.time|datetime\.now|datetime\.utcnow|date\.today|monotonic\(")
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if readings.search(path.read_text())
    }

    assert readers == {"triggers/clock.py"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_is_small_and_named_for_what_it_holds(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    long = [one.name for one in functions if one.end_lineno and one.end_lineno - one.lineno >= 30]
    is_product = "local" not in path.relative_to(ROOT).parts

    assert path.stem not in FORBIDDEN_NAMES
    assert len(path.read_text().splitlines()) <= 250
    assert long == [] or not is_product


def test_imports_point_down() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    paths = f"{ROOT / 'functions'}:{ROOT / 'layers/orchard/python'}"
    checked = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": paths, "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def handler_modules() -> list[str]:
    root = ROOT / "functions"
    modules = (path.relative_to(root).with_suffix("").parts for path in root.rglob("*.py"))
    named = sorted(".".join(parts) for parts in modules if parts[-1] != "__init__")
    # Of the dashboard, one function, `app` loads the rest.
    return [one for one in named if not one.startswith("dashboard.") or one == "dashboard.app"]


#: Imports each module in a process of its own; what all of them load, boto3 above all, is loaded
#: once for them.
COLD = """
import os, sys
import boto3
import aws_lambda_powertools.logging
for module in sys.argv[1:]:
    if os.fork() == 0:
        __import__(module)
        print(module, *sys.modules, flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, module
"""


@pytest.fixture(scope="module")
def cold() -> dict[str, set[str]]:
    """What of the watched packages each function loads when it starts."""
    paths = f"{ROOT / 'functions'}:{ROOT / 'layers/orchard/python'}"
    started = subprocess.run(
        [sys.executable, "-c", COLD, *handler_modules()],
        env={"PYTHONPATH": paths, "AWS_DEFAULT_REGION": "eu-west-1", "TABLE_NAME": "orchard"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 0, started.stderr[-3000:]
    told = (line.split() for line in started.stdout.splitlines())
    return {module: set(loaded) & WATCHED for module, *loaded in told}


@pytest.mark.parametrize("module", handler_modules())
def test_a_cold_function_loads_no_more_than_it_needs(
    module: str, cold: dict[str, set[str]]
) -> None:
    assert cold[module] == EXCEPT.get(module, EVERY_FUNCTION)


@pytest.mark.parametrize("linter", ["ruff check", "ruff format --check", "mypy"])
def test_the_code_is_linted_formatted_and_typed(linter: str) -> None:
    tool, *arguments = linter.split()
    command = [sys.executable, "-m", tool, *arguments]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout[-3000:]


def test_the_tools_are_installed() -> None:
    assert all(importlib.util.find_spec(name) for name in ("ruff", "mypy", "importlinter"))
