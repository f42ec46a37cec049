"""All customers that people look for, with all balances: some at a time, of bounded cost."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from orchard.contracts.cursor import Cursor, encode
from orchard.domain import summary
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.directory import Sought
from orchard.domain.scope import CUSTOMER
from orchard.domain.summary import Summary
from orchard.store import customers
from orchard.store import directory as store
from orchard.store.customers import Account
from orchard.store.session import Session
from orchard.usecases import directory
from orchard.usecases.directory import Spot

#: How many customers are read at the same time.
_AT_ONCE = 16


class Line(NamedTuple):
    """A customer with the plans it holds, its balances by feature, and the features it has on."""

    customer: Customer
    plans: tuple[CustomerPlan, ...]
    balances: Mapping[str, Summary]
    flags: frozenset[str]
    #: Where to go on behind it; None for those that are called exactly as was searched for.
    cursor: str | None


class Batch(NamedTuple):
    """Some customers in order, none perhaps; `cursor` is where to go on, None at the end."""

    lines: list[Line]
    cursor: str | None


def batches(session: Session, sought: Sought, cursor: str = "") -> Iterator[Batch]:
    """Yield the customers behind a cursor as they are asked for. Errors: `invalid_cursor`."""
    # Nothing but what filters need is read twice.
    wanted = sought._replace(features=())
    search = wanted.search.strip()
    exact = frozenset(store.exact(session, search).hot_ids if search else ())
    following: str | None = cursor
    while following is not None:
        found = directory.page(session, wanted, Spot(after=following))
        is_first = not following
        # Whoever is called exactly so comes first, and not once more in its place.
        hot_ids = [one.customer.hot_id for one in found.rows]
        met = [hot_id for hot_id in hot_ids if is_first or hot_id not in exact]
        following = found.following
        yield Batch(_lines(session, met, exact), following)


def _lines(session: Session, hot_ids: list[str], exact: frozenset[str]) -> list[Line]:
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        accounts = threads.map(lambda hot_id: customers.find(session, hot_id), hot_ids)
        return [_line(session, one, exact) for one in accounts if one is not None]


def _line(session: Session, account: Account, exact: frozenset[str]) -> Line:
    one, state = account.customer, account.state(session.now)
    features = {place.feature_id for place in state}
    views = {name: summary.seen(state, CUSTOMER, name) for name in features}
    totals = {name: summary.summary(view) for name, view in views.items()}
    return Line(
        customer=one,
        plans=tuple(plan for plan in account.plans if plan.is_held(session.now)),
        balances={name: total for name, total in totals.items() if total is not None},
        flags=frozenset(name for name, view in views.items() if summary.flag(view.rows)),
        cursor=None if one.hot_id in exact else encode(Cursor(one.created_at, one.hot_id)),
    )
