"""What all that happens needs: the account, where its reports go, the double's address."""

from collections.abc import Callable
from typing import NamedTuple

from local.stripe.account import Account, Document
from local.stripe.reports import Outbox

type View = Callable[[Document], Document]


class Shop(NamedTuple):
    """The account at work. `base` is the double's own address."""

    account: Account
    outbox: Outbox
    base: str

    def now(self) -> int:
        """Return the account's time in seconds."""
        return self.account.clock()

    def add(self, kind: str, one: Document) -> Document:
        """Keep a new object."""
        self.account.objects(kind)[one["id"]] = one
        return one

    def report(self, kind: str, one: Document, view: View | None = None) -> None:
        """Report an object as it is now."""
        self.outbox.report(kind, one if view is None else view(one))

    def change(
        self, one: Document, changes: Document, *kinds: str, view: View | None = None
    ) -> Document:
        """Change an object and report that; what was before is told by `*.updated` alone.

        A change that changes nothing is reported only by the other kinds.
        """
        shown = view or _as_it_is
        before = {name: value for name, value in shown(one).items() if name in changes}
        one.update(changes)
        after = shown(one)
        previous = {name: value for name, value in before.items() if after[name] != value}
        for kind in kinds:
            if not kind.endswith(".updated"):
                self.outbox.report(kind, after)
            elif previous:
                self.outbox.report(kind, after, previous)
        return one


def _as_it_is(one: Document) -> Document:
    return one
