"""This function's connection to the table, made once and kept between requests."""

from orchard.store.table import Table, connect

_tables: list[Table] = []


def table() -> Table:
    """Return the connection."""
    if not _tables:
        _tables.append(connect())
    return _tables[0]


def use(connected: Table) -> None:
    """Take a connection that is made already."""
    _tables[:] = [connected]


def forget() -> None:
    """Drop the connection; the next request makes a new one."""
    _tables.clear()
