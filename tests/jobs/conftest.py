"""Balances that fall due."""

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from orchard.store.table import Table
from tests import harness

type Job = Callable[..., dict[str, int]]


class Deadline:
    """A function that is asked for its remaining time, and has none left after some answers."""

    def __init__(self, answers: int) -> None:
        self.answers = answers

    def get_remaining_time_in_millis(self) -> int:
        self.answers -= 1
        return 60_000 if self.answers >= 0 else 0


@pytest.fixture
def run(table: Table) -> Job:
    """`run("reset_balances")` runs a job on its sample event; `asks` limits its time."""
    del table

    def run(job: str, asks: int = 10**9) -> dict[str, int]:
        handler: Any = importlib.import_module(f"jobs.{job}").handler
        return dict(handler(harness.sample(f"jobs/{job}"), Deadline(asks)))

    return run
