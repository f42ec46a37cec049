"""What the balances of a customer paid for its usage: by time, by balance, by group."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain.aggregation import OTHER, Tally, largest
from orchard.domain.ledger import Details
from orchard.domain.quantity import ZERO


class Use(NamedTuple):
    """One event: its part in the sums, the bin it falls into, and what it drew (None: nothing)."""

    tally: Tally
    begun: int
    deductions: list[Details] | None


class Source(NamedTuple):
    """A balance. The slices that entities have of one row differ by entity only."""

    feature_id: str
    balance_id: str
    entity_id: str | None


class Draw(NamedTuple):
    """So much, by so many events, which tracked these names.

    `latest` is what the newest of them says of the balance.
    """

    deducted: Decimal
    events: int
    names: frozenset[str]
    latest: Mapping[str, Any]

    def plus(self, more: "Draw", *, another: bool = True) -> "Draw":
        """Return both together; `another` says that an older event drew the other one."""
        return Draw(
            self.deducted + more.deducted,
            self.events + (more.events if another else 0),
            self.names | more.names,
            self.latest,
        )


class Drawn(NamedTuple):
    """One bin: draws by balance, events by the feature drawn on, draws by balance id and group."""

    balances: dict[Source, Draw]
    events: dict[str, int]
    groups: dict[str, dict[str, Draw]]


def collect(uses: Iterable[Use], most_groups: int) -> dict[int, Drawn]:
    """Add up what events drew, by bin; the newest event comes first.

    Of each balance at most so many groups are told apart, those that drew most in the whole range;
    the others are one more, `Other`.
    """
    found: dict[int, Drawn] = defaultdict(lambda: Drawn({}, {}, {}))
    for use in uses:
        drawn = found[use.begun]
        paid, group = _paid(use), use.tally.group
        for source, draw in paid.items():
            _add(drawn.balances, source, draw)
            if group is not None:
                _add(drawn.groups.setdefault(source.balance_id, {}), group, draw)
        for feature_id in {source.feature_id for source in paid}:
            drawn.events[feature_id] = drawn.events.get(feature_id, 0) + 1
    kept = _kept(found.values(), most_groups)
    return {begun: drawn._replace(groups=_shown(drawn, kept)) for begun, drawn in found.items()}


def names_of_balances(found: Iterable[Drawn]) -> dict[str, frozenset[str]]:
    """Return all that was tracked and drew on each balance, by the id of the balance."""
    names: dict[str, frozenset[str]] = {}
    for drawn in found:
        for source, draw in drawn.balances.items():
            names[source.balance_id] = names.get(source.balance_id, frozenset()) | draw.names
    return names


def _paid(use: Use) -> dict[Source, Draw]:
    """What one event drew on each balance, if it was for several features even more than once."""
    paid: dict[Source, Draw] = {}
    for one in use.deductions or ():
        source = Source(one["feature_id"], one["balance_id"], one.get("entity_id"))
        draw = Draw(one["value"], 1, frozenset({use.tally.name}), one)
        paid[source] = paid[source].plus(draw, another=False) if source in paid else draw
    return paid


def _add[K](draws: dict[K, Draw], key: K, draw: Draw) -> None:
    draws[key] = draws[key].plus(draw) if key in draws else draw


def _kept(found: Iterable[Drawn], most: int) -> dict[str, set[str]]:
    """The groups of each balance that are shown apart."""
    sizes: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for drawn in found:
        for balance_id, groups in drawn.groups.items():
            for group, draw in groups.items():
                sizes[balance_id][group] += draw.deducted
    return {balance_id: largest(of_balance, most) for balance_id, of_balance in sizes.items()}


def _shown(drawn: Drawn, kept: Mapping[str, set[str]]) -> dict[str, dict[str, Draw]]:
    shown: dict[str, dict[str, Draw]] = {}
    for balance_id, groups in drawn.groups.items():
        into = shown.setdefault(balance_id, {})
        for group, draw in groups.items():
            _add(into, group if group in kept[balance_id] else OTHER, draw)
    return shown
