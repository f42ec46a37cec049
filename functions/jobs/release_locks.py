"""Every minute: release the locks that ran out"""

from orchard.triggers.job import Run, job
from orchard.usecases import releases


@job
def handler(run: Run) -> dict[str, int]:
    """Give back what locks of all tenants reserved until now."""
    return releases.run(run.table, run.now, run.each)
