"""`make bench`: requests, capacity, processor and import time; requests under sustained use."""

from tests.bench import cpu, imports, operations, sustained


def main() -> None:
    """Print the tables."""
    operations.report()
    sustained.report()
    cpu.report()
    imports.report()


if __name__ == "__main__":
    main()
