"""Saved views in the table: those of an environment in one item, read with one request."""

from collections.abc import Iterable
from typing import NamedTuple

from orchard.domain.saved_views import View
from orchard.store import user_keys
from orchard.store.session import Session
from orchard.store.statements import Item, Put


class Kept(NamedTuple):
    """The views as they were read, by name; `revision` counts their changes."""

    views: tuple[View, ...]
    revision: int


def read(session: Session) -> Kept:
    """Return the saved views."""
    return kept(session.table.get(user_keys.saved_views(session.tenant)))


def kept(item: Item | None) -> Kept:
    """Return the saved views from their item, which is not there before the first."""
    if item is None:
        return Kept((), 0)
    return Kept(tuple(map(_view, item["views"])), int(item["revision"]))


def written(session: Session, before: Kept, views: Iterable[View]) -> Put:
    """Return the write of other views; refused if they are not as they were read any more."""
    place = user_keys.saved_views(session.tenant)
    item: Item = {
        "pk": place.pk,
        "sk": place.sk,
        "views": [view._asdict() for view in views],
        "revision": before.revision + 1,
    }
    if before.revision == 0:
        return Put(item, "attribute_not_exists(pk)")
    return Put(item, "revision = :revision", {":revision": before.revision})


def _view(item: Item) -> View:
    return View(
        name=item["name"],
        query=item["query"],
        by=item["by"],
        saved_at=int(item["saved_at"]),
        version=int(item["version"]),
    )
