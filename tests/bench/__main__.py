"""`make bench`: requests, capacity, processor and import time; busy customers; long sums.

`make bench DASHBOARD=1` is of the dashboard alone, with much data, which takes long to write.
"""

import os

from tests.bench import cpu, dashboard, imports, operations, sustained, usage


def main() -> None:
    """Print the tables."""
    if os.environ.get("DASHBOARD"):
        dashboard.report()
        return
    operations.report()
    sustained.report()
    usage.report()
    cpu.report()
    imports.report()


if __name__ == "__main__":
    main()
