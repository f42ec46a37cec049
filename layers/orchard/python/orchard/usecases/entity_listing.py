"""Pages of entities: of one customer, or of all."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from orchard.contracts import entity as contract
from orchard.contracts.cursor import Cursor, page
from orchard.contracts.entity_reads import ListEntitiesRequest
from orchard.domain.customer import tokens
from orchard.domain.entity import Entity, plans_of
from orchard.store import customer_listing, customers, entities
from orchard.store.customer_listing import Wanted
from orchard.store.customers import Account
from orchard.store.entities import Entry
from orchard.store.session import Session
from orchard.usecases import entity_reads, listing

#: How many customers are read at the same time.
_AT_ONCE = 16


def list_entities(session: Session, request: ListEntitiesRequest) -> dict[str, Any]:
    """Return a page of entities, newest first; an empty one for an unknown customer."""
    wanted = listing.tokens_of(request.plans, request.subscription_status)
    known: dict[str, Account] = {}
    if request.customer_id is None:
        entries = _of_everybody(session, request, wanted)
    else:
        account = customers.find(session, request.customer_id)
        entries = iter(()) if account is None else _of_one(session, account, request, wanted)
        known = {} if account is None else {account.customer.hot_id: account}
    found = page(entries, request.limit, lambda entry: Cursor(entry.created_at, entry.place))
    known |= _accounts(session, {entry.hot_id for entry in found.items} - known.keys())
    shown = (
        _view(session, account, entity, request)
        for account, entity in _present(found.items, known)
        if _holds(session, account, entity, wanted)
    )
    return {"list": list(shown), "next_cursor": found.next_cursor}


def _of_everybody(
    session: Session, request: ListEntitiesRequest, wanted: tuple[str, ...]
) -> Iterator[Entry]:
    """Entities in the index; plans and processors are their customers', so those come first."""
    found = entities.entries(session, request.after, request.search.strip().lower())
    processors = tuple(request.processors or ())
    if not wanted and not processors:
        return found
    asked = Wanted(tokens=wanted, processors=processors)
    holders = {entry.hot_id for entry in customer_listing.entries(session, asked)}
    return (entry for entry in found if entry.hot_id in holders)


def _of_one(
    session: Session, account: Account, request: ListEntitiesRequest, wanted: tuple[str, ...]
) -> Iterator[Entry]:
    linked = ["stripe"] if account.customer.stripe_id else []
    if request.processors and not set(request.processors).intersection(linked):
        return
    after, text = request.after, request.search.strip().lower()
    for entity in sorted(account.entities, key=_age, reverse=True):
        is_meant = text in f"{entity.id}\n{entity.name or ''}".lower()
        is_further = after is None or _age(entity) < after
        if is_meant and is_further and _holds(session, account, entity, wanted):
            yield Entry(*_age(entity), account.customer.hot_id)


def _age(entity: Entity) -> tuple[int, str]:
    return entity.created_at, entity.place


def _accounts(session: Session, hot_ids: Iterable[str]) -> dict[str, Account]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        found = threads.map(lambda hot_id: customers.find(session, hot_id), hot_ids)
        return {account.customer.hot_id: account for account in found if account is not None}


def _present(
    entries: Iterable[Entry], known: Mapping[str, Account]
) -> Iterator[tuple[Account, Entity]]:
    """The entities that are still where the index found them."""
    places = {
        (hot_id, entity.place): (account, entity)
        for hot_id, account in known.items()
        for entity in account.entities
    }
    for entry in entries:
        if (entry.hot_id, entry.place) in places:
            yield places[entry.hot_id, entry.place]


def _holds(session: Session, account: Account, entity: Entity, wanted: tuple[str, ...]) -> bool:
    """Whether the entity has one of the plans asked for, of its own or from its customer."""
    held = plans_of(entity, account.plans)
    return not wanted or not set(wanted).isdisjoint(tokens(held, session.now))


def _view(
    session: Session, account: Account, entity: Entity, request: ListEntitiesRequest
) -> dict[str, Any]:
    shown = listing.narrowed(account, request.subscription_status)
    profile = entity_reads.profile_of(session, shown, entity)
    return contract.entity(entity, profile, merge_controls=False)
