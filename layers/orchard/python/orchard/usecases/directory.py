"""The customers as people look through them: a page at a time, of bounded cost.

A page asks the table at most three times: for two stretches of the index, or who is called exactly
so and one stretch; and for what the customers found hold.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orchard.contracts.cursor import Cursor, decode, encode
from orchard.domain import summary
from orchard.domain.catalog import BOOLEAN
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.directory import Sought
from orchard.domain.holding import Place
from orchard.domain.saved_views import View
from orchard.domain.scope import CUSTOMER
from orchard.domain.summary import Summary
from orchard.store import catalog, customer_listing
from orchard.store import directory as store
from orchard.store.customer_listing import Entry, Wanted
from orchard.store.directory import Brief, Exact
from orchard.store.session import Session

LARGEST_PAGE = 50
#: So many stretches of the index are read for a page, and each of so many customers at most: about
#: a megabyte, where DynamoDB ends a page.
STRETCHES, STRETCH = 2, 2500


class Held(NamedTuple):
    """What a customer has of a feature: None if nothing. Entities may have some of their own."""

    balance: Summary | None
    at_entities: bool


class Row(NamedTuple):
    """A customer with the plans it holds, of which there are `more`, and balances by feature."""

    customer: Customer
    plans: tuple[CustomerPlan, ...]
    more: int
    held: Mapping[str, Held]


class Found(NamedTuple):
    """A page, and the saved views. `following` and `previous` are cursors of the pages beside it.

    `looked_at` is when the last customer was created that was looked at, if the page could hold
    more than was found until there.
    """

    rows: list[Row]
    views: tuple[View, ...]
    following: str | None = None
    previous: str | None = None
    looked_at: int | None = None


class Choices(NamedTuple):
    """What can be asked for: names by id of plans, and of features that have balances."""

    plans: Mapping[str, str]
    features: Mapping[str, str]


class Spot(NamedTuple):
    """Where a page is: behind a cursor, or up to one; "" for neither: the first page."""

    after: str = ""
    before: str = ""


class _Walk(NamedTuple):
    """Customers in the order in which they were met, and where more may be."""

    met: list[Entry]
    further: Entry | None = None
    is_full: bool = False


def choices(session: Session) -> Choices:
    """Return what can be asked for, as it was at most half a minute ago."""
    known = catalog.cached(session)
    plans = {one.id: one.name or one.id for one in known.current_plans()}
    metered = (one for one in known.features.values() if one.type != BOOLEAN)
    return Choices(plans, {one.id: one.name or one.id for one in metered})


def page(session: Session, sought: Sought, spot: Spot) -> Found:
    """Return a page of the customers that are meant. Errors: `invalid_cursor`."""
    place = decode(spot.before or spot.after) if spot.before or spot.after else None
    search = sought.search.strip()
    exact = store.exact(session, search) if search and place is None else Exact()
    size = _size(sought) - len(exact.hot_ids)
    walk = _Walk([])
    if not exact.is_only:
        stretches = STRETCHES - bool(search and place is None)
        walk = _walked(session, _wanted(sought, place, back=bool(spot.before)), size, stretches)
    met = [one for one in walk.met if one.hot_id not in exact.hot_ids]
    sight = store.sight(session, [*exact.hot_ids, *(one.hot_id for one in met)], sought.read)
    rows = _rows(session, sought, sight.briefs)
    further = walk.further and encode(Cursor(*walk.further))
    looked_at = walk.further and walk.further.created_at
    if walk.is_full and (sought.threshold is None or len(rows) == _size(sought)):
        looked_at = None
    if spot.before:
        return Found(rows[::-1], sight.views, _first(rows), further, looked_at)
    return Found(rows, sight.views, further, _first(rows) if place else None, looked_at)


def _size(sought: Sought) -> int:
    """How many customers are shown, so that one request reads them and their balances."""
    return min(LARGEST_PAGE, store.MOST_ITEMS // (1 + len(sought.read)))


def _wanted(sought: Sought, place: Cursor | None, *, back: bool) -> Wanted:
    return Wanted(
        after=place and (place.time, place.id),
        newest_first=sought.newest_first is not back,
        created_from=sought.created_from,
        created_to=sought.created_to,
        search=sought.search.strip().lower(),
        tokens=() if sought.token is None else (sought.token,),
        no_plan=sought.no_plan,
    )


def _walked(session: Session, wanted: Wanted, size: int, stretches: int) -> _Walk:
    """Read on until a page is full, the index ends, or enough of it was read."""
    is_narrow = bool(wanted.search or wanted.tokens or wanted.no_plan)
    met: list[Entry] = []
    end: Entry | None = None
    for _ in range(stretches):
        read = customer_listing.stretch(session, wanted, STRETCH if is_narrow else size + 1)
        met, end = met + read.found, read.end
        if len(met) > size or end is None:
            break
        wanted = wanted._replace(after=end, from_place=False)
    if len(met) > size:
        return _Walk(met[:size], met[size - 1], is_full=True)
    return _Walk(met, end)


def _rows(session: Session, sought: Sought, briefs: Iterable[Brief]) -> list[Row]:
    """Those that are what is sought now: the index lags, and does not see a trial end."""
    shown = (_row(one, sought, session.now) for one in briefs if _is_meant(one, sought, session))
    return [row for row in shown if _is_beyond(row, sought)]


def _is_meant(one: Brief, sought: Sought, session: Session) -> bool:
    created_at = one.customer.created_at
    if not (sought.created_from or 0) <= created_at <= (sought.created_to or created_at):
        return False
    return (one.more > 0 and not sought.no_plan) or sought.holds(one.plans, session.now)


def _is_beyond(row: Row, sought: Sought) -> bool:
    threshold = sought.threshold
    return threshold is None or threshold.holds(row.held[threshold.feature_id].balance)


def _row(one: Brief, sought: Sought, now: int) -> Row:
    plans = tuple(plan for plan in one.plans if plan.is_held(now))
    return Row(one.customer, plans, one.more, dict(_held(one, sought.read, now)))


def _held(one: Brief, features: Iterable[str], now: int) -> Iterable[tuple[str, Held]]:
    for name in features:
        stored = one.balances.get(name)
        if stored is None:
            yield name, Held(None, at_entities=False)
        else:
            holding = stored.current(now)
            seen = summary.seen({Place(name): holding}, CUSTOMER, name)
            yield name, Held(summary.summary(seen), at_entities=holding.spread)


def _first(rows: list[Row]) -> str | None:
    """The cursor of the row that was met first; None if there are no rows."""
    if not rows:
        return None
    customer = rows[0].customer
    return encode(Cursor(customer.created_at, customer.hot_id))
