"""Every minute: finish the billing orders that nobody came back for"""

from orchard.triggers.job import Run, job
from orchard.usecases.billing.orders import finishing


@job
def handler(run: Run) -> dict[str, int]:
    """Finish or give up orders of all tenants."""
    return finishing.run(run.table, run.time, run.each)
