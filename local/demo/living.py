"""A part of the demo data that no call can make: it is lived through, beside what is deployed."""

import sys

from local import processes
from local.emulator import REGION
from local.processes import ROOT
from local.stack import Stack

#: Whose the key of the stack is.
_ORGANIZATION = "org"


def live(stack: Stack, organization: str = _ORGANIZATION) -> None:
    """Let a customer in the sandbox of an organisation live through two months.

    That is done by what is deployed itself.

    Raises:
        Failed: a step was refused.

    """
    table = stack.physical_id("Table")
    environment = processes.environment(
        PYTHONPATH=str(ROOT / "layers" / "orchard" / "python"),
        AWS_ENDPOINT_URL=stack.endpoint,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",  # noqa: S106 - that of the emulator
    )
    command = [sys.executable, "-m", "local.demo.past", table, f"{organization}/sandbox"]
    processes.run(command, log=stack.log, env=environment, cwd=ROOT)
