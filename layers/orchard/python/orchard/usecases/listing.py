"""Pages of customers and of their balances."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from orchard.contracts import balance as contract
from orchard.contracts.cursor import Cursor, page
from orchard.contracts.customer_reads import ListCustomersRequest, PlanFilter
from orchard.contracts.granting import ListBalancesRequest
from orchard.domain import summary
from orchard.domain.customer import tokens
from orchard.domain.holding import Place
from orchard.domain.row import Row
from orchard.errors import InvalidInputs
from orchard.store import customer_listing, customers, entities
from orchard.store.customer_listing import Wanted
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases import viewing

#: How many customers of a page are read at the same time.
_AT_ONCE = 16


def list_customers(session: Session, request: ListCustomersRequest) -> dict[str, Any]:
    """Return a page of customers, newest first unless asked otherwise."""
    wanted = _wanted(request)
    entries = customer_listing.entries(session, wanted)
    found = page(entries, request.limit, lambda entry: Cursor(entry.created_at, entry.hot_id))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        accounts = threads.map(lambda entry: customers.find(session, entry.hot_id), found.items)
        shown = [
            viewing.brief(session, narrowed(account, request.subscription_status))
            for account in accounts
            if account is not None and _still_holds(session, account, wanted)
        ]
    return {"list": shown, "next_cursor": found.next_cursor}


def list_balances(session: Session, request: ListBalancesRequest) -> dict[str, Any]:
    """Return the sources of balances: of one customer, or of all, newest customers first."""
    if request.entity_id is not None:
        if request.customer_id is None:
            raise InvalidInputs("entity_id: needs customer_id")
        customer = customers.locate(session, request.customer_id)
        entities.require(session, customer, request.entity_id)
    after = None if request.after is None else (-request.after.time, request.after.id)
    rest = (
        source for source in _sources(session, request) if after is None or source.place > after
    )
    found = page(rest, request.limit, lambda source: Cursor(-source.place[0], source.place[1]))
    return {
        "list": [_source(source) for source in found.items],
        "has_more": found.next_cursor is not None,
        "next_cursor": found.next_cursor,
    }


def tokens_of(plans: Sequence[PlanFilter] | None, status: str | None) -> tuple[str, ...]:
    """Return what one of a holder's tokens must be, for these plans and this status."""
    if plans:
        return tuple(f"{status or 'any'}:{named}" for plan in plans for named in _versions(plan))
    return () if status is None else (f"{status}:",)


def narrowed(account: Account, status: str | None) -> Account:
    """Return the account as it is shown: with a status asked for, only subscriptions in it."""
    if status is None:
        return account
    return account._replace(plans=tuple(one for one in account.plans if one.status == status))


def _wanted(request: ListCustomersRequest) -> Wanted:
    span = request.created_at_range
    return Wanted(
        after=request.after and (request.after.time, request.after.id),
        newest_first=request.sort_order == "desc",
        created_from=None if span is None else span.start,
        created_to=None if span is None else span.end,
        search=request.search.strip().lower(),
        tokens=tokens_of(request.plans, request.subscription_status),
        processors=tuple(request.processors or ()),
    )


def _still_holds(session: Session, account: Account, wanted: Wanted) -> bool:
    """Look again where plans are asked for: the index does not see a trial end."""
    if not wanted.tokens:
        return True
    return not set(wanted.tokens).isdisjoint(tokens(account.plans, session.now))


def _versions(plan: PlanFilter) -> list[str]:
    """The names under which a customer's plans are indexed."""
    if not plan.versions:
        return [plan.id]
    return [f"{plan.id}/{version}" for version in plan.versions]


class _Source(NamedTuple):
    """A row with its place in the list: customers by creation, then rows by id."""

    place: tuple[int, str]
    customer_id: str
    held: Place
    row: Row


def _sources(session: Session, request: ListBalancesRequest) -> Iterator[_Source]:
    if request.statuses is not None and "active" not in request.statuses:
        return
    for account in _accounts(session, request):
        owner = account.customer
        rows = sorted(_rows(session, account, request), key=lambda entry: _name(*entry))
        for held, row in rows:
            position = (-owner.created_at, f"{owner.hot_id}/{_name(held, row)}")
            yield _Source(position, owner.hot_id, held, row)


def _name(held: Place, row: Row) -> str:
    """What tells a source apart within a customer: slices of one row have the same id."""
    return row.id if held.entity_id is None else f"{row.id}/{held.entity_id}"


def _accounts(session: Session, request: ListBalancesRequest) -> Iterator[Account]:
    if request.customer_id is not None:
        yield customers.require(session, request.customer_id)
        return
    after = request.after and (request.after.time, request.after.id.rpartition("/")[0])
    wanted = Wanted(after=after, from_place=True)
    for entry in customer_listing.entries(session, wanted):
        account = customers.find(session, entry.hot_id)
        if account is not None:
            yield account


def _rows(
    session: Session, account: Account, request: ListBalancesRequest
) -> Iterator[tuple[Place, Row]]:
    for place, held in account.state(session.now).items():
        if request.feature_id not in (None, place.feature_id):
            continue
        if request.entity_id is not None and place.entity_id not in (None, request.entity_id):
            continue
        for row in held.own:
            if "plan_id" not in request.model_fields_set or row.plan_id == request.plan_id:
                yield place, row


def _source(source: _Source) -> dict[str, Any]:
    row, entity_id = source.row, source.held.entity_id
    return {
        **contract.source(summary.line(row)),
        "feature_id": source.held.feature_id,
        "status": "active",
        "rollovers": [contract.rollover(one) for one in row.rollovers],
        "customer_id": source.customer_id,
        "entity_id": entity_id,
        "created_at": row.created_at,
        "source": "customer" if entity_id is None else "entity",
        "allocation": None,
    }
