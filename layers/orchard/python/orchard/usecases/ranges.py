"""The time that a question about usage is about: spans that look back, or a start and an end."""

from collections.abc import Sequence

from orchard.domain import cycle
from orchard.domain.aggregation import Span
from orchard.domain.interval import DAY_MS, SPANS_MS
from orchard.store import customers
from orchard.store.session import Session

_HOUR_MS = SPANS_MS["hour"]
_DAYS = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
_CYCLES = {"1bc": 1, "3bc": 3}
#: What stands for a cycle where there is none.
_NO_CYCLE_MS = DAY_MS


def named(
    session: Session, name: str, customer_id: str | None, names: Sequence[str], horizon: int
) -> Span:
    """Return a span that looks back from now: so many days, or cycles of a customer's billing.

    It begins with a full hour and ends now, but `last_cycle` is exactly the cycle before the
    present one, or the present one if what has it began therein. Before the `horizon`, when hours
    are forgotten, it is cut to full days.
    Errors: `CustomerNotFound`.
    """
    if name in _DAYS:
        return _back(session.now, _DAYS[name] * DAY_MS, horizon)
    present = None
    if customer_id is not None:
        account = customers.require(session, customer_id)
        state = account.state(session.now)
        present = cycle.present(account.plans, state, names, session.now)
    if name in _CYCLES:
        length = _NO_CYCLE_MS if present is None else present.length * _CYCLES[name]
        return _back(session.now, length, horizon)
    if present is None:
        return _back(session.now, _NO_CYCLE_MS, horizon)
    start, end = cycle.previous(present)
    return Span(*(at - at % DAY_MS if at < horizon else at for at in (start, end)))


def _back(now: int, length: int, horizon: int) -> Span:
    start = now - length
    grain = DAY_MS if start - start % _HOUR_MS < horizon else _HOUR_MS
    return Span(start - start % grain, now + 1)
