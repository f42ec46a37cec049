"""A balance as a child would keep it: whole units, one at a time, one thing after another.

Written without the engine's code and without its cleverness, to be compared with it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

DAY = 86_400_000
FAR = 10**18


@dataclass
class Carried:
    """What an earlier day left over."""

    left: int
    expires: int
    used: int = 0


@dataclass
class Source:
    """Some units, how many of them are left, and what happens to them."""

    name: str
    born: int
    allowance: int
    left: int
    adjusted: int = 0
    resets: int | None = None
    expires: int = FAR
    unlimited: bool = False
    #: How far below zero it may go when there is a price, and when it is free.
    priced: int = 0
    seats: bool = False
    #: How many units may be carried over for a month, in all.
    carries: int | None = None
    carried: list[Carried] = field(default_factory=list)

    @property
    def full(self) -> int:
        return self.allowance + self.adjusted


def in_order(sources: list[Source]) -> list[Source]:
    """Who pays first: unlimited, daily, sooner gone, without overage, older."""

    def rank(one: Source) -> tuple[object, ...]:
        overage = one.priced > 0 or one.seats
        return not one.unlimited, one.resets is None, one.expires, overage, one.born, one.name

    return sorted(sources, key=rank)


@dataclass
class Rules:
    """What limits the use of all sources together: overage, and units a day (UTC)."""

    overage: bool | None = None
    owed: int = FAR
    daily: int | None = None
    used: int = 0
    ends: int = 0


class Sequential:
    """All sources of one feature."""

    def __init__(self, sources: list[Source], rules: Rules) -> None:
        self.sources = in_order([replace(one, carried=[]) for one in sources])
        self.rules = replace(rules)

    def passes(self, now: int) -> None:
        """Time passes: some sources end, others begin a new day."""
        self.sources = [one for one in self.sources if one.expires > now]
        for one in self.sources:
            one.carried = [some for some in one.carried if some.expires > now]
            if one.resets is not None and one.resets <= now:
                self._new_day(one, one.resets, now)
        if self.rules.daily is not None and self.rules.ends <= now:
            self.rules.used, self.rules.ends = 0, (now // DAY + 1) * DAY

    def take(self, units: int, *, seats: bool = True, beyond: bool = False) -> int:
        """Take units; return how many found no place."""
        for done in range(units):
            if not self._take_one(seats=seats, beyond=beyond):
                return units - done
        return 0

    def give_back(self, units: int, *, beyond: bool = False) -> int:
        """Give units back; return how many found no place."""
        for done in range(units):
            if not self._give_one(beyond=beyond):
                return units - done
        return 0

    def set_left(self, wanted: int) -> None:
        """Make the sources hold so many units together; an unlimited one bears it all."""
        for one in self.sources:
            if one.unlimited:
                one.left += wanted - sum(other.left for other in self.sources)
                return
        while sum(one.left for one in self.sources) > wanted:
            self._first(lambda one: one.left > 0).left -= 1
        while sum(one.left for one in self.sources) < wanted:
            self._first(lambda one: one.left < 0).left += 1

    def set_grant(self, wanted: int) -> None:
        """Make what was granted so many units: the first source bears the difference."""
        for one in self.sources:
            one.adjusted = 0
        self.sources[0].adjusted = wanted - sum(one.allowance for one in self.sources)

    def add(self, source: Source) -> None:
        self.sources = in_order([*self.sources, replace(source, carried=[])])

    @property
    def held(self) -> int:
        """Everything there is, below zero included."""
        carried = sum(some.left for one in self.sources for some in one.carried)
        return carried + sum(one.left for one in self.sources)

    def _take_one(self, *, seats: bool, beyond: bool) -> bool:
        unlimited = [one for one in self.sources if one.unlimited]
        daily = self.rules.daily
        if daily is not None and not unlimited:
            if self.rules.used >= daily and not beyond:
                return False
            taken = self._pay_one(unlimited, seats=seats, beyond=beyond)
            self.rules.used += taken
            return taken
        return self._pay_one(unlimited, seats=seats, beyond=beyond)

    def _pay_one(self, unlimited: list[Source], *, seats: bool, beyond: bool) -> bool:
        carried = sorted(
            (some for one in self.sources for some in one.carried if some.left),
            key=lambda some: some.expires,
        )
        if carried and not unlimited:
            carried[0].left -= 1
            carried[0].used += 1
            return True
        payers = unlimited or [one for one in self.sources if one.left > 0]
        if not payers and sum(max(0, -one.left) for one in self.sources) < self.rules.owed:
            owing = [one for one in self.sources if self._may_owe(one, seats=seats)]
            payers = self.sources if beyond else owing
        if payers:
            payers[0].left -= 1
        return bool(payers)

    def _give_one(self, *, beyond: bool) -> bool:
        getters = (
            [one for one in self.sources if one.unlimited]
            or [one for one in self.sources if one.left < 0]
            or (self.sources if beyond else [])
            or [one for one in self.sources if one.left < one.full]
        )
        if getters:
            getters[0].left += 1
        return bool(getters)

    def _may_owe(self, one: Source, *, seats: bool) -> bool:
        allowed = self.rules.overage
        if allowed is False:
            return False
        if one.priced:
            return one.left > -one.priced
        is_open = allowed and not any(other.priced for other in self.sources)
        return bool(is_open) or (one.seats and seats)

    def _first(self, wanted: Callable[[Source], bool]) -> Source:
        return next((one for one in self.sources if wanted(one)), self.sources[0])

    def _new_day(self, one: Source, boundary: int, now: int) -> None:
        day = boundary
        while day <= now:
            day += DAY
        kept = [some for some in one.carried if some.left]
        if one.carries is not None and one.left > 0 and _month_after(boundary) > now:
            kept.append(Carried(one.left, _month_after(boundary)))
        while one.carries is not None and sum(some.left for some in kept) > one.carries:
            next(some for some in kept if some.left).left -= 1
        one.carried = [some for some in kept if some.left and one.carries is not None]
        one.left, one.adjusted, one.resets = one.allowance, 0, day


def _month_after(at: int) -> int:
    """Correct for days that every month has."""
    date = datetime.fromtimestamp(at / 1000, UTC)
    assert date.day < 29
    return int(date.replace(month=date.month + 1).timestamp() * 1000)
