"""The caps on grants by support, and what was granted of late, in the table.

Each environment has its own caps: features belong to an environment too.
"""

from collections.abc import Mapping
from typing import NamedTuple

from orchard.domain.quantity import ZERO
from orchard.domain.support_caps import NONE, WINDOW_MS, Caps, Grant, Grants
from orchard.store import user_keys
from orchard.store.session import Session
from orchard.store.statements import Item, Put


class Kept(NamedTuple):
    """The caps as they are stored: `version` counts the changes, 0 says that nobody made one."""

    caps: Caps = Caps()
    version: int = 0
    changed_by: str = ""
    changed_at: int = 0


class Whose(NamedTuple):
    """Who grants, to which customer, of which feature."""

    user_id: str
    internal_id: str
    feature_id: str


class Count(NamedTuple):
    """What was granted of late, as it is stored."""

    grants: Grants = NONE
    version: int = 0


def get(session: Session) -> Kept:
    """Return the caps of the environment."""
    return _kept(session.table.get(user_keys.dashboard_settings(session.tenant)))


def put(session: Session, caps: Caps, seen: int) -> Put:
    """Return the write of other caps; refused if they are not those of the version seen."""
    place = user_keys.dashboard_settings(session.tenant)
    item: Item = {
        "pk": place.pk,
        "sk": place.sk,
        "default_cap": caps.default,
        "support_caps": dict(caps.by_feature),
        "version": seen + 1,
        "changed_by": session.actor,
        "changed_at": session.now,
    }
    if not seen:
        return Put(item, "attribute_not_exists(pk)")
    return Put(item, "#version = :seen", {":seen": seen}, {"#version": "version"})


def read(session: Session, whose: Whose) -> tuple[Caps, Count]:
    """Return the caps, and what was granted of late, in one request."""
    own = user_keys.dashboard_settings(session.tenant)
    place = user_keys.grants(session.tenant, *whose)
    found = session.table.batch_get([own, place])
    return _kept(found.get(own)).caps, _count(found.get(place))


def put_count(session: Session, whose: Whose, grants: Mapping[str, Grant], seen: int) -> Put:
    """Return the write of what was granted; refused if it is not the version seen any more."""
    place = user_keys.grants(session.tenant, *whose)
    item: Item = {
        "pk": place.pk,
        "sk": place.sk,
        "grants": {key: one._asdict() for key, one in grants.items()},
        "version": seen + 1,
        "ttl": (session.now + WINDOW_MS) // 1000 + 1,
    }
    if not seen:
        return Put(item, "attribute_not_exists(pk)")
    return Put(item, "#version = :seen", {":seen": seen}, {"#version": "version"})


def _kept(item: Item | None) -> Kept:
    if item is None:
        return Kept()
    caps = Caps(item.get("default_cap", ZERO), item.get("support_caps", {}))
    return Kept(caps, int(item["version"]), item["changed_by"], int(item["changed_at"]))


def _count(item: Item | None) -> Count:
    if item is None:
        return Count()
    grants = {
        key: Grant(int(one["at"]), one["units"], int(one["attempts"]))
        for key, one in item["grants"].items()
    }
    return Count(grants, int(item["version"]))
