"""Invoked by an operator: write down what the stream's consumer had to set aside."""

from typing import Any

from orchard.contracts.replaying import ReplayParkedRequest
from orchard.triggers import retention
from orchard.triggers.job import Run, command
from orchard.usecases import replaying
from orchard.usecases.replaying import Replay


@command(ReplayParkedRequest)
def handler(request: ReplayParkedRequest, run: Run) -> dict[str, Any]:
    """Replay the parked records of some days."""
    return replaying.run(Replay(run.table, retention.days(), run.has_time), request)
