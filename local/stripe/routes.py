"""What a call is, and which function answers it."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from local.stripe.account import Account, Document
from local.stripe.reports import Outbox
from local.stripe.shop import Shop


class Call(NamedTuple):
    """A call with its parameters checked. `base` is the double's own address."""

    account: Account
    outbox: Outbox
    base: str
    ids: dict[str, str]
    params: Document

    @property
    def shop(self) -> Shop:
        """The account at work, for what happens without a call too."""
        return Shop(self.account, self.outbox, self.base)


class Route(NamedTuple):
    """A method and path of Stripe's API; `params` is the package's type of its parameters."""

    method: str
    path: str
    answer: Callable[[Call], Document]
    params: type

    def ids_in(self, method: str, path: str) -> dict[str, str] | None:
        """Return the ids in a path of this route, None for any other path."""
        return ids_in(self.path, path) if method == self.method else None


def ids_in(pattern: str, path: str) -> dict[str, str] | None:
    """Return the ids that stand in a path at the `{name}`s of a pattern, None for another path."""
    expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
    found = re.fullmatch(expression, path)
    return None if found is None else found.groupdict()


def matching(
    routes: Sequence[Route], method: str, path: str
) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a call and the ids in its path."""
    for route in routes:
        ids = route.ids_in(method, path)
        if ids is not None:
            return route, ids
    return None
