"""Which of many customers and entities exist, in a few requests for all of them."""

from collections.abc import Collection

from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.stored import Owner

_INTERNAL_PREFIX = "cus_"


def owners(session: Session, customer_ids: Collection[str]) -> dict[str, Owner]:
    """Return those of some customers that exist, by the id given: the caller's or the internal."""
    found = _by_id(session, {named: named for named in customer_ids})
    internal = {
        keys.pointer(session.tenant, named): named
        for named in customer_ids
        if named not in found and named.startswith(_INTERNAL_PREFIX)
    }
    leading = session.table.batch_get(list(internal))
    return found | _by_id(session, {internal[key]: one["hot_id"] for key, one in leading.items()})


def entities(session: Session, wanted: Collection[tuple[Owner, str]]) -> set[tuple[Owner, str]]:
    """Return those of some entities, each of a customer, that exist."""
    places = {
        keys.entity(session.tenant, owner.hot_id, entity_id): (owner, entity_id)
        for owner, entity_id in wanted
    }
    found = session.table.batch_get(list(places))
    return {
        places[key]
        for key, item in found.items()
        if item["internal_id"] == places[key][0].internal_id
    }


def _by_id(session: Session, hot_ids: dict[str, str]) -> dict[str, Owner]:
    places: dict[str, Key] = {
        named: keys.customer(session.tenant, hot_id) for named, hot_id in hot_ids.items()
    }
    found = session.table.batch_get(sorted(set(places.values())))
    return {
        named: Owner(found[key]["hot_id"], found[key]["internal_id"])
        for named, key in places.items()
        if key in found
    }
