"""The forms that keys of the table have.

A key begins with the tenant unless the item has none by nature. Ids are escaped: none can forge a
separator.
"""

from collections.abc import Callable
from typing import NamedTuple


def part(text: str) -> str:
    """Return a name in which no separator is left: what every name in a key goes through."""
    return text.replace("%", "%25").replace("#", "%23")


def whole(text: str) -> str:
    """Return the name that a part of a key stands for."""
    return text.replace("%23", "#").replace("%25", "%")


class Key(NamedTuple):
    """The primary key of an item."""

    pk: str
    sk: str


def opened(kind: str, sk: str = "POINTER") -> Callable[[str], Key]:
    """Keys by a name alone, whichever tenant's: only for what has none, or leads to it."""
    return lambda name: Key(f"{kind}#{part(name)}", sk)


def of_tenant(kind: str) -> Callable[[str], str]:
    """Partitions of a tenant."""
    return lambda tenant: f"{tenant}#{kind}"


def single(partition: Callable[[str], str], sk: str) -> Callable[[str], Key]:
    """The one item of this kind in a partition of a tenant."""
    return lambda tenant: Key(partition(tenant), sk)


def under(partition: Callable[[str], str], kind: str) -> Callable[[str, str], Key]:
    """Items by name in a partition of a tenant."""
    return lambda tenant, name: Key(partition(tenant), f"{kind}#{part(name)}")


def within(kind: str) -> Callable[[str, str], str]:
    """Partitions of a tenant by name: those of a customer, for example."""
    return lambda tenant, name: f"{tenant}#{kind}#{part(name)}"


def alone(kind: str, sk: str) -> Callable[[str, str], Key]:
    """Items with a partition of a tenant each, by name."""
    return lambda tenant, name: Key(within(kind)(tenant, name), sk)


def inside(partition: Callable[[str, str], str], kind: str) -> Callable[[str, str, str], Key]:
    """Items by name in a partition of a tenant by name."""
    return lambda tenant, owner, name: Key(partition(tenant, owner), f"{kind}#{part(name)}")


def sharded(kind: str) -> Callable[[str, int], str]:
    """Partitions of a tenant by number."""
    return lambda tenant, shard: f"{tenant}#{kind}#{shard}"


def beginning(text: str) -> Callable[[str], bool]:
    """Whether a sort key begins so."""
    return lambda sk: sk.startswith(text)
