"""Saved views of the customers list: all who use the dashboard see those of their environment."""

from collections.abc import Callable, Sequence

from orchard.domain import saved_views as rules
from orchard.domain.saved_views import LONGEST_ADDRESS, View
from orchard.errors import InvalidInputs
from orchard.store import saved_views
from orchard.store.optimistic import optimistic
from orchard.store.session import Session


def every(session: Session) -> tuple[View, ...]:
    """Return the saved views, by name: one read."""
    return saved_views.read(session).views


def save(session: Session, name: str, query: str, *, replacing: bool = False) -> View:
    """Keep an address under a name. Saved again, nothing changes.

    Errors: `InvalidInputs` for the name or an address that is too long, `NameTaken`, `Invalid`
    with code `too_many_views`.
    """
    if len(query.encode()) > LONGEST_ADDRESS:
        raise InvalidInputs("This view asks for too much to be kept: make its search shorter")
    new = View(rules.name_of(name), query, session.actor, session.now)
    _change(session, lambda views: rules.with_view(views, new, replacing=replacing))
    return new


def delete(session: Session, name: str) -> View | None:
    """Remove a view and return it; None if there is none with this name."""
    gone: list[View] = []

    def without(views: Sequence[View]) -> tuple[View, ...]:
        gone[:] = [one for one in views if one.is_called(name)]
        return rules.without(views, name)

    _change(session, without)
    return gone[0] if gone else None


def _change(session: Session, change: Callable[[Sequence[View]], tuple[View, ...]]) -> None:
    """Change the views as nobody else changes them."""

    def attempt() -> None:
        kept = saved_views.read(session)
        views = change(kept.views)
        if not _same(views, kept.views):
            session.commit(saved_views.written(session, kept, views))

    optimistic(attempt)


def _same(views: Sequence[View], others: Sequence[View]) -> bool:
    return len(views) == len(others) and all(map(View.is_same, views, others))
