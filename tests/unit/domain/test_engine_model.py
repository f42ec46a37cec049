"""The engine under traffic ends where one thing after another would have ended.

Requests run beside each other as they do on the table: bare counting under a condition, and
changes that are decided on an image read earlier and written if its version still holds.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from orchard.domain import balance, edits, ledger, pool
from orchard.domain.edits import Edit
from orchard.domain.holding import Controls, Holding, SpendLimit, UsageLimit
from orchard.domain.ledger import Image
from orchard.domain.pool import Use
from orchard.domain.quantity import UNBOUNDED
from orchard.domain.row import ALLOCATED, NO_OVERAGE, PRICED, RolloverRule, Row, ordered
from orchard.domain.scope import CUSTOMER
from orchard.domain.sources import ONE, Overage, Sources
from tests.unit.domain.rows import HERE, changed
from tests.unit.domain.sequential import DAY, FAR, Rules, Sequential, Source

#: 1 September 2026, 00:00 UTC.
START = 1_788_220_800_000
HOUR = 3_600_000
LAST = START + 20 * DAY

UNITS = st.integers(1, 40)

type Act = Callable[[Sequential], int]
type Decide = Callable[[Holding], tuple[Holding, Decimal]]


def left(account: Sequential) -> int:
    return sum(one.left for one in account.sources)


def full(account: Sequential) -> int:
    return sum(one.full for one in account.sources)


EDITS: dict[str, Callable[[Sequential, int], None]] = {
    "remaining": Sequential.set_left,
    "add": lambda account, number: account.set_left(left(account) + number),
    "usage": lambda account, number: account.set_left(full(account) - number),
    "included_grant": Sequential.set_grant,
}


class Stored(NamedTuple):
    """A balance on the table, with the rules under which it may be written."""

    holding: Holding
    pending: Decimal
    headroom: Decimal
    due_at: int
    plain: bool
    version: int

    def counted(self, units: int, now: int) -> "Stored | None":
        if not (self.plain and self.headroom >= units and self.due_at > now):
            return None
        return self._replace(pending=self.pending + units, headroom=self.headroom - units)

    def settled(self, read: "Stored", holding: Holding) -> "Stored | None":
        counter = balance.counter(holding)
        difference = counter.headroom - read.headroom
        if self.version != read.version or self.headroom < -difference:
            return None
        return Stored(
            holding,
            self.pending - read.pending,
            self.headroom + difference,
            counter.due_at,
            counter.plain,
            self.version + 1,
        )


class Request(NamedTuple):
    """Something to do, as the engine decides it and as the plain account does it."""

    decide: Decide
    act: Act
    now: int
    #: Whether what it moves is usage: then the ledger must tell exactly that.
    is_usage: bool = False
    #: Whether it does nothing at all unless everything fits.
    whole: bool = False


class Decided(NamedTuple):
    """A request that was decided on an image and waits to be written."""

    request: Request
    read: Stored
    holding: Holding
    #: How many requests were done when the image was read.
    position: int


def row_of(source: Source) -> Row:
    carries = source.carries
    overage = ALLOCATED if source.seats else PRICED if source.priced else NO_OVERAGE
    return Row(
        id=source.name,
        created_at=source.born,
        unlimited=source.unlimited,
        allowance=Decimal(source.allowance),
        balance=Decimal(source.left),
        interval="one_off" if source.resets is None else "day",
        next_reset_at=source.resets,
        expires_at=None if source.expires == FAR else source.expires,
        overage=overage,
        overage_limit=None if source.seats else Decimal(source.priced),
        price={} if source.priced else None,
        rollover=None if carries is None else RolloverRule(Decimal(carries), None, 1),
    )


def controls_of(rules: Rules) -> Controls:
    spend = None if rules.owed == FAR else SpendLimit(Decimal(rules.owed))
    limits = []
    if rules.daily is not None:
        limits = [UsageLimit(Decimal(rules.daily), "day", anchor="utc", resets_at=rules.ends)]
    return Controls(rules.overage, spend, tuple(limits))


RULES = st.builds(
    Rules,
    overage=st.sampled_from([None, None, True, False]),
    owed=st.just(FAR) | st.integers(0, 15),
    daily=st.none() | st.integers(0, 60),
    ends=st.just(START + DAY),
)


@st.composite
def sources(draw: st.DrawFn, name: str, now: int) -> Source:
    granted = draw(st.integers(0, 30))
    kind = draw(st.sampled_from(["plain", "daily", "daily", "priced", "seats"]))
    daily = kind != "seats" and (kind == "daily" or draw(st.booleans()))
    return Source(
        name=name,
        born=now,
        allowance=granted,
        left=granted,
        resets=now + draw(st.integers(1, 48)) * HOUR if daily else None,
        expires=now + draw(st.integers(1, 200)) * HOUR if draw(st.booleans()) else FAR,
        unlimited=kind == "plain" and not daily and draw(st.integers(0, 9)) == 0,
        priced=draw(st.integers(1, 20)) if kind == "priced" else 0,
        seats=kind == "seats",
        carries=draw(st.integers(0, 40)) if daily and draw(st.booleans()) else None,
    )


class Traffic(RuleBasedStateMachine):
    """One balance, a clock, and requests at every stage."""

    waiting: Bundle[Decided | None] = Bundle("waiting")

    @initialize(data=st.data(), count=st.integers(0, 4), rules=st.just(Rules()) | RULES)
    def grant(self, data: st.DataObject, count: int, rules: Rules) -> None:
        self.now = START
        self.bounds = rules
        self.first = [data.draw(sources(f"row{index}", START)) for index in range(count)]
        rows = ordered(tuple(row_of(source) for source in self.first))
        holding = Holding(rows, controls_of(rules))
        counter = balance.counter(holding)
        self.stored = Stored(
            holding, Decimal(0), counter.headroom, counter.due_at, counter.plain, version=1
        )
        self.done: list[Request] = []
        self.granted = count

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        self.now = min(LAST, self.now + hours * HOUR)

    @rule(units=UNITS, late=st.integers(0, 2))
    def track(self, units: int, late: int) -> None:
        """Count if the counter decides, else look at the rows; some clocks are behind."""
        request = self._usage(units, Overage.CAP, self.now - late * HOUR)
        counted = self.stored.counted(units, request.now)
        if counted is None:
            self._at_once(request)
        else:
            self._told(counted, request, Decimal(units))
            self.stored = counted
            self.done.append(request)

    @rule(target=waiting, units=UNITS, overage=st.sampled_from(Overage), back=st.booleans())
    def begin_usage(self, units: int, overage: Overage, back: bool) -> Decided | None:  # noqa: FBT001 - drawn
        return self._decided(self._usage(-units if back else units, overage, self.now))

    @rule(target=waiting, field=st.sampled_from(sorted(EDITS)), number=st.integers(-20, 60))
    def begin_edit(self, field: str, number: int) -> Decided | None:
        fields: dict[str, Any] = {field: Decimal(number)}
        edit = Edit(**fields)

        def change(chosen: Sources) -> Sources:
            return edits.edited(chosen, edit) if chosen else chosen

        def decide(held: Holding) -> tuple[Holding, Decimal]:
            return held._replace(rows=changed(held.rows, change)), Decimal(0)

        def act(account: Sequential) -> int:
            if account.sources:
                EDITS[field](account, number)
            return 0

        return self._decided(Request(decide, act, self.now))

    @rule(target=waiting, data=st.data())
    def begin_further_source(self, data: st.DataObject) -> Decided | None:
        source = data.draw(sources(f"row{self.granted}", self.now))
        self.granted += 1

        def act(account: Sequential) -> int:
            account.add(source)
            return 0

        def decide(held: Holding) -> tuple[Holding, Decimal]:
            return held._replace(rows=ordered((*held.rows, row_of(source)))), Decimal(0)

        return self._decided(Request(decide, act, self.now))

    @rule(target=waiting)
    def begin_reset(self) -> Decided | None:
        """What the job does for what is due."""
        return self._decided(Request(lambda held: (held, Decimal(0)), lambda _: 0, self.now))

    @rule(decided=consumes(waiting))
    def write(self, decided: Decided | None) -> None:
        """Write what was decided; if others came first, decide anew on what is there now."""
        if decided is not None and not self._written(decided):
            self._at_once(decided.request)

    @rule(decided=consumes(waiting))
    def write_another(self, decided: Decided | None) -> None:
        """So that writing is as frequent as deciding."""
        self.write(decided)

    @invariant()
    def ends_where_the_plain_account_ends(self) -> None:
        account = self._account(len(self.done))
        held = balance.settled(self.stored.holding, self.stored.pending)
        counted = [(limit.used, limit.resets_at) for limit in held.controls.usage_limits]
        rules = account.rules
        assert counted == ([] if rules.daily is None else [(rules.used, rules.ends)])
        assert [seen(row) for row in held.rows] == [
            (
                one.name,
                one.left,
                one.adjusted,
                one.resets,
                [(some.left, some.used, some.expires) for some in one.carried],
            )
            for one in account.sources
        ]

    @invariant()
    def headroom_is_the_room_left_by_what_is_pending(self) -> None:
        room = balance.room(self.stored.holding)
        assert self.stored.headroom == room - self.stored.pending
        assert self.stored.headroom >= 0
        if room < UNBOUNDED:
            account = self._account(len(self.done))
            assert account.take(int(self.stored.headroom)) == 0
            assert account.take(1) == 1

    def _usage(self, units: int, overage: Overage, now: int) -> Request:
        beyond = overage is Overage.OVERFLOW

        def act(account: Sequential) -> int:
            if units < 0:
                return account.give_back(-units, beyond=beyond)
            return account.take(units, seats=overage is not Overage.REJECT, beyond=beyond)

        def decide(held: Holding) -> tuple[Holding, Decimal]:
            use = Use(HERE.feature_id, Decimal(units), {HERE.feature_id: ONE}, overage)
            drawn = pool.draw({HERE: held}, CUSTOMER, use)
            return drawn.state[HERE], drawn.left

        whole = overage is Overage.REJECT and units > 0
        return Request(decide, act, now, is_usage=True, whole=whole)

    def _decided(self, request: Request) -> Decided | None:
        read = self.stored
        held, left = request.decide(balance.current(read.holding, read.pending, request.now))
        account = self._account(len(self.done))
        account.passes(request.now)
        assert request.act(account) == left
        if request.whole and left > 0:
            return None
        return Decided(request, read, held, len(self.done))

    def _at_once(self, request: Request) -> None:
        decided = self._decided(request)
        assert decided is None or self._written(decided)

    def _written(self, decided: Decided) -> bool:
        written = self.stored.settled(decided.read, decided.holding)
        if written is None:
            return False
        before = self._account(decided.position)
        before.passes(decided.request.now)
        held = before.held
        decided.request.act(before)
        if decided.request.is_usage:
            self._told(written, decided.request, Decimal(held - before.held))
        self.stored = written
        # It was decided on what it read, so what was counted since counts after it.
        self.done.insert(decided.position, decided.request)
        return True

    def _told(self, written: Stored, request: Request, moved: Decimal) -> None:
        """The ledger, which sees two images and no more, tells what the usage moved."""
        old, new = (Image(one.holding, one.pending, one.version) for one in (self.stored, written))
        passage = ledger.passage(old, new, request.now)
        assert sum(movement.value for movement in passage.movements(HERE)) == moved
        assert passage.earlier == balance.settled(old.holding, old.pending)
        assert passage.after == balance.settled(new.holding, new.pending)

    def _account(self, position: int) -> Sequential:
        """The plain account after the first so many requests."""
        account = Sequential(self.first, self.bounds)
        for request in self.done[:position]:
            account.passes(request.now)
            request.act(account)
        return account


def seen(row: Row) -> tuple[Any, ...]:
    carried = [(one.balance, one.usage, one.expires_at) for one in row.rollovers]
    return row.id, row.balance, row.adjustment, row.next_reset_at, carried


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
