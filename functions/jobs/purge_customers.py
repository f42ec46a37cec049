"""Every hour: remove the history of deleted customers"""

from orchard.triggers.job import Run, job
from orchard.usecases import purging


@job
def handler(run: Run) -> dict[str, int]:
    """Remove ledger lines, roll-ups and invoices that are left of deleted customers."""
    return purging.run(run.table, run.time, run.each, run.has_time)
