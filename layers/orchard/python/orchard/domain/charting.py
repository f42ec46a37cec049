"""Usage bin by bin, told from what a balance showed: what rose without a change that explains it.

So it is what was taken from this balance, by whatever feature it pays for, when it was taken.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from orchard.domain.history import HIDDEN, RESET, Bin, Figures, Mark, Point
from orchard.domain.quantity import ZERO

_NOTHING = Figures(HIDDEN)


class Track(NamedTuple):
    """What one balance showed, point after point, until it ended (None: it did not)."""

    points: tuple[Point, ...]
    entity_id: str | None = None
    end: int | None = None

    def at(self, instants: Sequence[int]) -> list[Figures]:
        """Return what was shown at some instants."""
        times = [point.time for point in self.points]
        return [self._shown(bisect_right(times, instant), instant) for instant in instants]

    def is_about(self, mark: Mark) -> bool:
        """Whether a change was one of this balance."""
        lived = bool(self.points) and self.points[0].time <= mark.time
        is_over = self.end is not None and mark.time > self.end
        return mark.entity_id == self.entity_id and lived and not is_over

    def _shown(self, passed: int, instant: int) -> Figures:
        if not passed or (self.end is not None and instant >= self.end):
            return _NOTHING
        return self.points[passed - 1].figures


def joined(runs: Sequence[tuple[Point, ...]]) -> tuple[Point, ...]:
    """Return the points of runs that follow each other: each shows until the next begins."""
    points: list[Point] = []
    for run in runs:
        while points and run and points[-1].time >= run[0].time:
            points.pop()
        points += run
    return tuple(points)


def used(track: Track, marks: Iterable[Mark], bins: Sequence[Bin], start: int) -> list[Decimal]:
    """Return what was used of a balance in each of the bins, from `start` on.

    What gave usage back counts against it. `marks` are all changes of this balance in that time.
    """
    sums = [ZERO] * len(bins)
    periods = [one.period for one in bins]

    def add(time: int, value: Decimal) -> None:
        if start <= time <= bins[-1].instant:
            sums[bisect_right(periods, time) - 1] += value

    rises = [(old, new) for old, new in pairwise(track.points) if old.seq != new.seq]
    for old, new in rises:
        add(new.time, new.figures.usage - old.figures.usage)
    for mark in marks:
        if mark.kind != RESET or _is_in(rises, mark):
            add(mark.time, _usage(mark.before) - _usage(mark.after))
    return sums


def _is_in(rises: Iterable[tuple[Point, Point]], reset: Mark) -> bool:
    """Whether a write showed a reset itself; most show at their time, without any write."""
    return any(
        new.time == reset.time and old.figures.usage == _usage(reset.before) for old, new in rises
    )


def _usage(side: Mapping[str, Any]) -> Decimal:
    return Decimal(side.get("usage", ZERO))
