"""Every row of the tables is played, or is known to wait for something."""

import importlib
import re
from pathlib import Path

from tests.acceptance.waiting import NUMBERS, TRACES, WAITING

HERE = Path(__file__)
RACES = "tests.concurrency.test_acceptance_races"


def names() -> set[str]:
    """The names of all cases in this folder, and of those that need many threads."""
    others = sorted(path.stem for path in HERE.parent.glob("test_*.py") if path != HERE)
    modules = (*(f"tests.acceptance.{name}" for name in others), RACES)
    cases = [importlib.import_module(name).CASES for name in modules]
    return {str(case.id) for found in cases for case in found}


def numbers(section: str) -> set[int]:
    found = (re.fullmatch(rf"{section}-(\d+)( .+)?", name) for name in names())
    return {int(match[1]) for match in found if match}


def test_every_row_is_played_or_waits_and_none_does_both() -> None:
    played = numbers(r"23\.\d+")
    assert played | set(WAITING) == NUMBERS
    assert not played & set(WAITING)


def test_every_trace_is_played() -> None:
    assert numbers("24") == TRACES
