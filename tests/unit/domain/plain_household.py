"""A customer with entities, features and credits as a child would keep its books.

Everything is taken and given back one grain at a time: the part of a unit that costs one credit.
Written without the engine's code and without its cleverness, to be compared with it. All numbers
are multiples of a quarter, so floats are exact.
"""

from copy import deepcopy
from dataclasses import dataclass, field

DAY = 86_400_000
FAR = 10**18

#: What one unit takes from the rows of each feature that can pay for it.
COSTS: dict[str, dict[str, float]] = {
    "words": {"words": 1, "credits": 2},
    "calls": {"calls": 1, "credits": 4},
    "credits": {"credits": 1},
}
GRAINS = {"words": 0.5, "calls": 0.25, "credits": 1}


@dataclass(eq=False)
class Carried:
    """What an earlier day left over."""

    left: float
    expires: int
    used: float = 0


@dataclass(eq=False)
class Source:
    """Some units of a feature. `owner` is an entity; `sliced`: each entity has such a source."""

    name: str
    feature: str
    born: int
    allowance: float
    left: float
    owner: str | None = None
    sliced: bool = False
    planned: bool = False
    add_on: bool = False
    adjusted: float = 0
    resets: int | None = None
    expires: int = FAR
    unlimited: bool = False
    #: How far below zero it may go at a price; 0 without a price.
    priced: float = 0
    #: How many units may be carried over for a month, in all.
    carries: int | None = None
    carried: list[Carried] = field(default_factory=list)
    #: What was taken away for a while: how much, and until when.
    kept: list[tuple[float, int]] = field(default_factory=list)
    #: Added for a while.
    added: bool = False
    #: +1 at each new day.
    day: int = 0

    @property
    def full(self) -> float:
        return self.allowance + self.adjusted

    @property
    def owed(self) -> float:
        return max(0, -self.left)

    @property
    def used(self) -> float:
        """By somebody: not what an edit gave or took for a while."""
        return (self.allowance if self.added else self.full) - self.left - self.kept_back

    @property
    def kept_back(self) -> float:
        return sum(amount for amount, _end in self.kept)

    def give_back(self, now: int) -> None:
        self.left += sum(amount for amount, end in self.kept if end <= now)
        self.kept = [(amount, end) for amount, end in self.kept if end > now]


@dataclass
class Limit:
    """So many units a day, of events of one kind or of all."""

    most: float
    kind: str | None = None
    on: bool = True
    used: float = 0
    ends: int = 0

    def counts(self, kind: str | None) -> bool:
        return self.kind in (None, kind)


@dataclass
class Spend:
    """So many units of overage, or so many percent of what plans include."""

    most: float
    percent: bool = False
    on: bool = True


@dataclass
class Rules:
    """What was set for one feature, by the customer or for one entity."""

    overage: bool | None = None
    spend: Spend | None = None
    limits: list[Limit] = field(default_factory=list)


@dataclass(eq=False)
class Part:
    """What a lock took from one place."""

    source: Source
    carried: Carried | None
    day: int
    amount: float
    units: float


@dataclass
class Lock:
    """Units that wait to be confirmed or released."""

    who: str | None
    feature: str
    kind: str | None
    units: float
    parts: list[Part]


class Household:
    """All that a customer and its entities have."""

    def __init__(self, now: int, *, pooled: bool) -> None:
        self.now = now
        self.pooled = pooled
        self.entities = ["a"]
        self.moulds: list[Source] = []
        self.sources: list[Source] = []
        self.rules: dict[tuple[str, str | None], Rules] = {}

    # What there is.

    def add(self, source: Source) -> None:
        """A grant; one for each entity gives to those that are there and those to come."""
        if not source.sliced:
            self.sources.append(source)
            return
        self.moulds.append(source)
        for entity in self.entities:
            self._slice(source, entity)

    def join(self, entity: str) -> None:
        self.entities.append(entity)
        for mould in self.moulds:
            self._slice(mould, entity)

    def leave(self, entity: str) -> None:
        """With an entity goes all that is its own."""
        self.entities.remove(entity)
        self.sources = [one for one in self.sources if one.owner != entity]
        self.rules = {at: rules for at, rules in self.rules.items() if at[1] != entity}

    def passes(self, now: int) -> None:
        """Time passes: sources end, days begin, what was carried over goes."""
        self.now = now
        self.sources = [one for one in self.sources if one.expires > now]
        self.moulds = [one for one in self.moulds if one.expires > now]
        for one in (*self.sources, *self.moulds):
            one.carried = [some for some in one.carried if some.expires > now]
            one.give_back(now if one.resets is None else min(now, one.resets))
            if one.resets is not None and one.resets <= now:
                _new_day(one, one.resets, now)
            one.give_back(now)
        for rules in self.rules.values():
            for limit in rules.limits:
                if limit.ends <= now:
                    limit.used, limit.ends = 0, _midnight(now)

    def set_rules(self, feature: str, who: str | None, rules: Rules) -> None:
        """New rules; a limit on the same events goes on counting where it was."""
        before = self.rules.get((feature, who), Rules())
        for limit in rules.limits:
            limit.ends = _midnight(self.now)
            for old in before.limits:
                if old.kind == limit.kind:
                    limit.used = old.used
        self.rules[feature, who] = rules

    def visible(self, who: str | None, feature: str) -> list[Source]:
        """Who can use which sources, in the order in which they pay."""
        return self._in_order(who, [feature])

    # Using.

    def use(
        self, who: str | None, feature: str, units: float, mode: str, kind: str | None = None
    ) -> tuple[list[Part], float]:
        """Take units, or give back; return who paid, first come first, and what found no place."""
        payers = self._in_order(who, list(COSTS[feature]))
        paid: dict[tuple[Source, Carried | None], Part] = {}
        grain, left = GRAINS[feature], abs(units)
        free = [one for one in payers if one.unlimited]
        while left > 0:
            if free:
                chosen: tuple[Source, Carried | None] | None = free[0], None
            elif units > 0:
                chosen = self._payer(who, feature, payers, mode, kind)
            else:
                chosen = _getter(payers, mode)
            if chosen is None:
                break
            source, carried = chosen
            amount = grain * COSTS[feature][source.feature] * (1 if units > 0 else -1)
            part = paid.setdefault(chosen, Part(source, carried, source.day, 0, 0))
            part.amount, part.units = part.amount + amount, part.units + grain
            _move(source, carried, -amount)
            left -= grain
            if units > 0 and not free:
                self._count(who, feature, grain, kind)
                if source.feature != feature:
                    self._count(who, source.feature, amount, kind)
        return list(paid.values()), left

    def fits(self, who: str | None, feature: str, units: float, kind: str | None) -> bool:
        """Whether all of it would find a place."""
        return deepcopy(self).use(who, feature, units, "reject", kind)[1] == 0

    def unwind(self, lock: Lock, units: float) -> float:
        """Give back what a lock took last, and so on; return what has nowhere to go back to."""
        left, missing, credits_back = abs(units), 0.0, 0.0
        for part in reversed(lock.parts):
            portion = min(left, part.units)
            left -= portion
            source, carried = part.source, part.carried
            if lock.who not in (None, *self.entities) and source.owner == lock.who:
                continue
            back = part.amount / part.units * portion
            if source not in self.sources or (carried and carried not in source.carried):
                missing += portion
            elif carried or source.day == part.day:
                _move(source, carried, back)
                if source.feature != lock.feature and back > 0:
                    credits_back += back
        if units > 0:
            self._uncount(lock, units, credits_back)
        return missing if units > 0 else -missing

    def settle(self, lock: Lock, final: float) -> None:
        """Make `final` of what a lock reserved."""
        same = lock.units * final > 0
        kept = min(abs(final), abs(lock.units)) * (1 if lock.units > 0 else -1) if same else 0
        missing = self.unwind(lock, lock.units - kept)
        for units in (-missing, final - kept):
            self.use(lock.who, lock.feature, units, "cap", lock.kind)

    # Editing.

    def set_left(self, sources: list[Source], wanted: float) -> None:
        """Make sources hold so many units together; an unlimited one bears it all."""
        for one in sources:
            if one.unlimited:
                one.left += wanted - _left(sources)
                return
        grain = GRAINS[sources[0].feature]
        first = _lasting(sources)[0]
        while _left(sources) > wanted:
            next((one for one in sources if one.left > 0), first).left -= grain
        while _left(sources) < wanted:
            next((one for one in sources if one.left < 0), first).left += grain

    def edit(self, sources: list[Source], name: str, number: float) -> None:
        match name:
            case "remaining":
                self.set_left(sources, number)
            case "add":
                self.set_left(sources, _left(sources) + number)
            case "usage":
                self.set_left(sources, sum(one.full for one in sources) - number)
            case "balance":
                _lasting(sources)[0].adjusted += number - _left(sources)
                self.set_left(sources, number)
            case _:
                lasting = _lasting(sources)
                for one in lasting:
                    one.adjusted = 0
                lasting[0].adjusted = number - sum(one.allowance for one in lasting)

    def edit_until(
        self,
        who: str | None,
        sources: list[Source],
        name: str,
        edit: tuple[str, float],
        end: int,
    ) -> bool:
        """Give or take until an end; what is given is a source of its own, of this name."""
        (by, number), left = edit, _left(sources)
        if any(one.unlimited for one in sources):
            return False
        more = _more(sources, by, number)
        if by == "remaining" and number < 0 < more:
            return False
        if more > 0:
            given = Source(name, sources[0].feature, self.now, more, more, owner=who, added=True)
            given.adjusted, given.expires = -more if by == "usage" else 0, end
            self.sources.append(given)
            return True
        # Who goes earlier would take a part of it along.
        sources = sorted(sources, key=lambda one: one.expires < end)
        before = _all_left(sources)
        self.set_left(sources, left + more)
        for one, was in zip(sources, before, strict=True):
            if was != one.left:
                one.kept.append((was - one.left, end))
        return True

    def redate(self, sources: list[Source], name: str, at: int) -> bool:
        """Move the earliest date there is; slices of one source share their dates."""
        if name == "resets":
            sources = [one for one in sources if one.resets is not None]
        if not sources:
            return False
        first = min(sources, key=lambda one: getattr(one, name))
        if name == "expires" and first.priced and first.resets is not None:
            return False
        for one in (*sources, *self.moulds):
            if one.name == first.name:
                setattr(one, name, at)
        return True

    def level(self, who: str | None, feature: str) -> None:
        """What some owe is taken from what others have left, as if all was used anew."""
        sources = [one for one in self.visible(who, feature) if one.owner == who]
        if min(_all_left(sources)) < 0 < max(_all_left(sources)):
            wanted = _left(sources)
            for one in sources:
                one.left = one.allowance - one.kept_back
                one.adjusted = one.adjusted if one.added else 0
            self.set_left(sources, wanted)

    def delete(self, removed: list[Source], *, recalculate: bool) -> None:
        """Take sources away; the rest bears what they used, or the first stays to bear it."""
        names = {one.name for one in removed}
        who, feature = removed[0].owner, removed[0].feature
        used = sum(one.used for one in removed)
        self.sources = [one for one in self.sources if one not in removed]
        if removed[0].sliced:
            who = None
            self.moulds = [one for one in self.moulds if one.name not in names]
        others = [one for one in self._in_order(who, [feature]) if who is None or one.owner == who]
        if recalculate and others:
            self.set_left(others, _left(others) - used)
        elif recalculate and used > 0:
            kept = removed[0]
            kept.left, kept.adjusted, kept.carried, kept.kept = -used, -kept.allowance, [], []
            kept.added = False
            kept.resets = None
            self.sources.append(kept)

    # How it is done.

    def _slice(self, mould: Source, entity: str) -> None:
        one = deepcopy(mould)
        one.owner, one.left, one.carried = entity, mould.allowance, []
        self.sources.append(one)

    def _in_order(self, who: str | None, features: list[str]) -> list[Source]:
        def can_use(one: Source) -> bool:
            if who is None:
                return one.owner is None or one.sliced
            return one.owner == who or (one.owner is None and self.pooled)

        def rank(one: Source) -> tuple[object, ...]:
            return (
                one.owner is None or one.sliced,
                features.index(one.feature) > 0,
                not one.unlimited,
                one.resets is None,
                one.expires,
                one.add_on,
                one.priced > 0,
                one.born,
                not one.planned,
                one.name,
                one.owner or "",
            )

        found = [one for one in self.sources if one.feature in features and can_use(one)]
        return sorted(found, key=rank)

    def _payer(
        self, who: str | None, feature: str, payers: list[Source], mode: str, kind: str | None
    ) -> tuple[Source, Carried | None] | None:
        beyond = mode == "overflow"
        if not beyond:
            if self._window(who, feature, kind) < GRAINS[feature]:
                return None
            closed = self._window(who, "credits", kind) < 1
            payers = [one for one in payers if not (closed and one.feature != feature)]
        held = [one for one in payers if one.left > 0]
        owing = [one for one in payers if beyond or self._may_owe(who, one)]
        owing = sorted(owing, key=lambda one: one.added)
        able = (one for one in owing if self._spend(who, one.feature) >= GRAINS[one.feature])
        return _soonest(payers) or next(((one, None) for one in (*held, *able)), None)

    def _may_owe(self, who: str | None, one: Source) -> bool:
        allowed = self._allowed(who, one.feature)
        if allowed is False:
            return False
        if one.priced:
            return one.left > -one.priced
        has_price = any(other.priced for other in self.visible(who, one.feature))
        return bool(allowed) and not has_price

    def _allowed(self, who: str | None, feature: str) -> bool | None:
        own = self.rules.get((feature, who), Rules()).overage
        return self.rules.get((feature, None), Rules()).overage if own is None else own

    def _spend(self, who: str | None, feature: str) -> float:
        """How much more overage the limit allows: an entity's own, or that of all together."""
        limit = self.rules.get((feature, who), Rules()).spend
        counted = self.visible(who, feature)
        if who is None or limit is None:
            limit = self.rules.get((feature, None), Rules()).spend
            counted = [one for one in self.sources if one.feature == feature]
        if limit is None or not limit.on:
            return FAR
        most = limit.most
        if limit.percent:
            main = [one for one in counted if one.planned and not (one.add_on or one.unlimited)]
            included = sum(one.allowance for one in main)
            if not included:
                return FAR
            most = limit.most * included / 100
        return most - sum(one.owed for one in counted)

    def _limits(self, who: str | None, feature: str) -> list[Limit]:
        shared = self.rules.get((feature, None), Rules()).limits
        if who is None:
            return shared
        own = self.rules.get((feature, who), Rules()).limits
        kinds = [limit.kind for limit in own]
        return [*own, *(limit for limit in shared if limit.kind not in kinds)]

    def _window(self, who: str | None, feature: str, kind: str | None) -> float:
        held = (one for one in self._limits(who, feature) if one.on and one.counts(kind))
        return min((limit.most - limit.used for limit in held), default=FAR)

    def _uncount(self, lock: Lock, units: float, credits_back: float) -> None:
        if any(part.source.unlimited for part in lock.parts):
            return
        self._count(lock.who, lock.feature, -units, lock.kind)
        if lock.feature != "credits":
            self._count(lock.who, "credits", -credits_back, lock.kind)

    def _count(self, who: str | None, feature: str, units: float, kind: str | None) -> None:
        for limit in self._limits(who, feature):
            if limit.counts(kind):
                limit.used = max(0, limit.used + units)


def _more(sources: list[Source], by: str, number: float) -> float:
    """By how much an edit changes what can be used."""
    if by == "add":
        return number
    if by == "usage":
        return sum(one.full for one in sources) - number - _left(sources)
    usable = sum(max(0, one.left) for one in sources)
    return number - (usable if number >= 0 else _left(sources))


def _lasting(sources: list[Source]) -> list[Source]:
    return [one for one in sources if not one.added] or sources


def _all_left(sources: list[Source]) -> list[float]:
    return [one.left for one in sources]


def _left(sources: list[Source]) -> float:
    return sum(_all_left(sources))


def _soonest(payers: list[Source]) -> tuple[Source, Carried] | None:
    """Who has something carried over that goes before all else carried over."""
    carried = [(one, some) for one in payers for some in one.carried if some.left > 0]
    return min(carried, key=lambda pair: pair[1].expires, default=None)


def _getter(payers: list[Source], mode: str) -> tuple[Source, None] | None:
    beyond = mode == "overflow"
    found = (
        [one for one in payers if one.left < 0 and (beyond or not one.kept or one.used > 0)]
        or (_lasting(payers) if beyond and payers else [])
        or [one for one in payers if one.used > 0]
    )
    return (found[0], None) if found else None


def _move(source: Source, carried: Carried | None, amount: float) -> None:
    if carried is None:
        source.left += amount
    else:
        carried.left += amount
        carried.used -= amount


def _new_day(one: Source, boundary: int, now: int) -> None:
    day = boundary
    while day <= now:
        day += DAY
    kept = [some for some in one.carried if some.left > 0]
    expires = boundary + 30 * DAY
    if one.carries is not None and one.left > 0 and expires > now:
        kept.append(Carried(one.left, expires))
    if one.carries is not None:
        surplus = sum(some.left for some in kept) - one.carries
        for some in sorted(kept, key=lambda some: some.expires):
            cut = max(0, min(surplus, some.left))
            some.left -= cut
            surplus -= cut
    one.carried = [some for some in kept if some.left > 0]
    # What comes back meanwhile is not withheld on the new day.
    one.kept = [(amount, end) for amount, end in one.kept if end > now]
    one.left, one.adjusted, one.resets = one.allowance - one.kept_back, 0, day
    one.day += 1


def _midnight(now: int) -> int:
    """The next one, UTC."""
    return (now // DAY + 1) * DAY
