"""`make bench`: requests, capacity, processor and import time; busy customers; long sums."""

from tests.bench import cpu, imports, operations, sustained, usage


def main() -> None:
    """Print the tables."""
    operations.report()
    sustained.report()
    usage.report()
    cpu.report()
    imports.report()


if __name__ == "__main__":
    main()
