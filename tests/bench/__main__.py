"""`make bench`: requests and capacity, processor time and import time of each operation."""

from tests.bench import cpu, imports, operations


def main() -> None:
    """Print the three tables."""
    operations.report()
    cpu.report()
    imports.report()


if __name__ == "__main__":
    main()
