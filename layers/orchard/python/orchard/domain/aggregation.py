"""Usage summed over time: bins of a range, where each part of it is found, sums and groups.

Times are UTC milliseconds; a span ends before its `end`.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import interval
from orchard.domain.interval import DAY_MS, SPANS_MS
from orchard.domain.ledger import DAY, HOUR
from orchard.domain.quantity import ZERO

#: The grain of what no roll-up holds: parts of hours.
EVENT = "EVENT"
#: The group of all that are too many to be shown, and of what has no value to be grouped by.
OTHER, NOTHING = "Other", "null"
_HOUR_MS = SPANS_MS["hour"]
#: 1970 began on a Thursday: so long before was a Monday.
_MONDAY_MS = 3 * DAY_MS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """From `start` until before `end`."""

    start: int
    end: int


class Piece(NamedTuple):
    """A part of a range, and what it can be summed up from: days, hours or single events."""

    grain: str
    start: int
    end: int


class Tally(NamedTuple):
    """Some uses of one name: when (or when the span that sums them up begins), how many, how much.

    `group` is what they are grouped by, if anything.
    """

    name: str
    at: int
    uses: int
    value: Decimal
    group: str | None = None


class Sum(NamedTuple):
    """So many uses and what they come to."""

    uses: int = 0
    value: Decimal = ZERO

    def plus(self, uses: int, value: Decimal) -> "Sum":
        """Return the sum with some more."""
        return Sum(self.uses + uses, self.value + value)


type ByBin = Mapping[int, Sum]
type Size = Callable[[ByBin], Decimal]


class Series(NamedTuple):
    """Sums by name and bin; by name, group and bin as well, if groups were asked for.

    Bins and groups without a use are absent.
    """

    bins: Sequence[int]
    values: Mapping[str, ByBin]
    groups: Mapping[str, Mapping[str, ByBin]] | None

    def total(self, name: str) -> Sum:
        """All uses of a name."""
        return _whole(self.values[name])


def bin_start(at: int, size: str) -> int:
    """Return when the bin (`hour`, `day`, `week` or `month`) begins that a time belongs to."""
    if size == "week":
        return at - (at + _MONDAY_MS) % SPANS_MS["week"]
    if size == "month":
        return _month_start(at)
    return at - at % SPANS_MS[size]


def bins(span: Span, size: str) -> Iterator[int]:
    """Yield the beginnings of all bins that a span touches."""
    begun = bin_start(span.start, size)
    while begun < span.end:
        yield begun
        begun = interval.after(begun, size, 1)


def pieces(span: Span, *, by_hour: bool) -> list[Piece]:
    """Return a span cut up into whole days, else whole hours, else what only events can tell.

    `by_hour` leaves days out, for bins that are smaller.
    """
    outer = Piece(EVENT, span.start, span.end)
    hours = _whole_spans(outer, HOUR, _HOUR_MS)
    return [
        part
        for piece in hours
        for part in (
            _whole_spans(piece, DAY, DAY_MS) if piece.grain == HOUR and not by_hour else [piece]
        )
    ]


def series(
    names: Sequence[str], starts: Sequence[int], tallies: Iterable[Tally], *, grouped: bool
) -> Series:
    """Add up what falls into the bins that begin at `starts`; what begins earlier counts there."""
    values: dict[str, dict[int, Sum]] = {name: {} for name in names}
    groups: dict[str, dict[str, dict[int, Sum]]] = {name: {} for name in names}
    for tally in tallies:
        begun = bin_of(starts, tally.at)
        _add(values[tally.name], begun, tally)
        if grouped:
            _add(groups[tally.name].setdefault(tally.group or NOTHING, {}), begun, tally)
    return Series(starts, values, groups if grouped else None)


def bin_of(starts: Sequence[int], at: int) -> int:
    """Return the beginning of the bin that a time falls into."""
    return starts[max(0, bisect_right(starts, at) - 1)]


def collapsed(found: Series, most: int, *, by_count: bool) -> Series:
    """Return the series with at most so many groups of each name; the rest is one more, `Other`.

    The groups with the largest sums (or counts) over the whole range stay.
    """
    if found.groups is None:
        return found

    def size(by_bin: ByBin) -> Decimal:
        whole = _whole(by_bin)
        return Decimal(whole.uses) if by_count else whole.value

    kept = {name: _collapsed(of_name, most, size) for name, of_name in found.groups.items()}
    return found._replace(groups=kept)


def largest(sizes: Mapping[str, Decimal], most: int) -> set[str]:
    """Return at most so many groups, the largest by amount; of equal ones the first by name."""
    return set(sorted(sizes, key=lambda group: (-abs(sizes[group]), group))[:most])


def _collapsed(groups: Mapping[str, ByBin], most: int, size: Size) -> Mapping[str, ByBin]:
    kept = largest({group: size(by_bin) for group, by_bin in groups.items()}, most)
    shown: dict[str, dict[int, Sum]] = {}
    for group, by_bin in groups.items():
        into = shown.setdefault(group if group in kept else OTHER, {})
        for begun, one in by_bin.items():
            into[begun] = into.get(begun, Sum()).plus(*one)
    return shown


def _whole(by_bin: ByBin) -> Sum:
    whole = Sum()
    for one in by_bin.values():
        whole = whole.plus(*one)
    return whole


def _add(by_bin: dict[int, Sum], begun: int, tally: Tally) -> None:
    by_bin[begun] = by_bin.get(begun, Sum()).plus(tally.uses, tally.value)


def _whole_spans(piece: Piece, grain: str, length: int) -> list[Piece]:
    """The part of a piece that is made of whole spans, between what is left before and after it."""
    first = -(-piece.start // length) * length
    last = piece.end // length * length
    if first >= last:
        return [piece]
    cut = [
        Piece(piece.grain, piece.start, first),
        Piece(grain, first, last),
        Piece(piece.grain, last, piece.end),
    ]
    return [one for one in cut if one.start < one.end]


def _month_start(at: int) -> int:
    day = _EPOCH + timedelta(milliseconds=at)
    first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - _EPOCH) // timedelta(milliseconds=1)
