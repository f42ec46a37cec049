"""Every minute: reset the balances that fell due and that nobody touched since"""

from orchard.triggers.job import Run, job
from orchard.usecases import resets


@job
def handler(run: Run) -> dict[str, int]:
    """Reset balances of all tenants."""
    return resets.run(run.table, run.now, run.each)
