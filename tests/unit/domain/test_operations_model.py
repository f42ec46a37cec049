"""All that can happen to a customer's balances, one thing after another, and what never changes.

Several features, credits that pay for two of them, entities, rows for each entity, controls,
locks, edits, deletions and time: after every step the engine stands where plain books stand.
"""

from collections import Counter
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchard.domain import (
    arrangement,
    attachment,
    balance,
    edits,
    locks,
    overrides,
    pool,
    recalculation,
)
from orchard.domain.arrangement import Household
from orchard.domain.attachment import Attached
from orchard.domain.catalog import Plan
from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.deduction import Movement
from orchard.domain.edits import Edit, Selection
from orchard.domain.entity import Entity
from orchard.domain.holding import NOTHING, Holding, Place, State
from orchard.domain.locks import Receipt
from orchard.domain.overrides import Term
from orchard.domain.pool import Drawn, Use
from orchard.domain.row import NO_OVERAGE, PRICED, RolloverRule, Row, ordered
from orchard.domain.scope import Subject
from orchard.domain.sources import ONE, Overage, Sources
from orchard.errors import Invalid
from tests.unit.domain import plain_household as plain
from tests.unit.domain.plain_household import FAR, GRAINS, Limit, Rules, Source, Spend

#: 1 September 2026, 00:00 UTC.
START = 1_788_220_800_000
HOUR = 3_600_000
LAST = START + 20 * 24 * HOUR

COSTS = {
    feature: {name: Decimal(cost) for name, cost in costs.items()}
    for feature, costs in plain.COSTS.items()
}
SYSTEMS = {"words": ("credits",), "calls": ("credits",)}
FEATURES = ["words", "words", "words", "credits", "credits", "calls"]
WHO = st.sampled_from([None, "a", "a", "b", "c"])
AMOUNTS = st.integers(1, 24)
PLAN = Plan(id="pro", version=1, name="Pro", created_at=START)
HELD = CustomerPlan(id="held", plan_id="pro", plan_version=1, started_at=START)


class Box(NamedTuple):
    """A balance on the table."""

    holding: Holding
    pending: Decimal
    headroom: Decimal
    due_at: int
    plain: bool

    def counted(self, value: Decimal, now: int) -> "Box | None":
        if not (self.plain and self.headroom >= value and self.due_at > now):
            return None
        return self._replace(pending=self.pending + value, headroom=self.headroom - value)


class Reserved(NamedTuple):
    """A lock as the engine and as the books remember it."""

    receipt: Receipt
    lock: plain.Lock


def boxed(holding: Holding) -> Box:
    counter = balance.counter(holding)
    return Box(holding, Decimal(0), counter.headroom, counter.due_at, counter.plain)


def number(amount: float) -> Decimal:
    return Decimal(amount)


def row_of(one: Source) -> Row:
    limit = None if one.priced in (0, FAR) else number(one.priced)
    return Row(
        id=one.name,
        created_at=one.born,
        entity_id=one.owner,
        entity_feature_id="seats" if one.sliced else None,
        plan_id="pro" if one.planned else None,
        add_on=one.add_on,
        unlimited=one.unlimited,
        allowance=number(one.allowance),
        balance=number(one.allowance),
        interval="one_off" if one.resets is None else "day",
        next_reset_at=one.resets,
        expires_at=None if one.expires == FAR else one.expires,
        overage=PRICED if one.priced else NO_OVERAGE,
        overage_limit=limit,
        price={"max_purchase": limit} if one.priced else None,
        rollover=None if one.carries is None else RolloverRule(number(one.carries), None, 1),
    )


def lists(rules: dict[tuple[str, str | None], Rules], who: str | None) -> dict[str, Any]:
    """Billing controls as a customer or an entity has them."""
    found: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("overage_allowed", "spend_limits", "usage_limits")
    }
    for (feature, owner), one in rules.items():
        if owner != who:
            continue
        if one.overage is not None:
            entry: dict[str, Any] = {"feature_id": feature, "enabled": one.overage}
            found["overage_allowed"].append(entry)
        if one.spend is not None:
            kind = "usage_percentage" if one.spend.percent else "absolute"
            entry = {"feature_id": feature, "enabled": one.spend.on, "limit_type": kind}
            found["spend_limits"].append({**entry, "overage_limit": one.spend.most})
        for limit in one.limits:
            entry = {"feature_id": feature, "limit": limit.most, "enabled": limit.on}
            if limit.kind:
                entry["filter"] = {"properties": {"kind": limit.kind}}
            found["usage_limits"].append({**entry, "interval": "day", "anchor": "utc"})
    return found


@st.composite
def sources(draw: st.DrawFn, name: str, now: int, who: str | None) -> Source:
    granted = draw(st.integers(0, 12))
    kind = draw(st.sampled_from(["plain", "daily", "priced", "priced"]))
    daily = kind == "daily" or draw(st.booleans())
    price = draw(st.sampled_from([FAR, 1, 3, 8])) if kind == "priced" else 0
    planned = draw(st.booleans())
    return Source(
        name=name,
        feature=draw(st.sampled_from(FEATURES)),
        born=now,
        allowance=granted,
        left=granted,
        owner=who,
        sliced=who is None and draw(st.integers(0, 3)) == 0,
        planned=planned,
        add_on=planned and draw(st.booleans()),
        resets=now + draw(st.integers(1, 48)) * HOUR if daily else None,
        expires=now + draw(st.integers(1, 200)) * HOUR if draw(st.booleans()) else FAR,
        unlimited=not daily and not price and draw(st.integers(0, 9)) == 0,
        priced=price,
        carries=draw(st.integers(0, 16)) if daily and draw(st.booleans()) else None,
    )


LIMITS = st.builds(Limit, most=st.integers(0, 20), on=st.integers(0, 4).map(bool))
SPENDS = st.builds(Spend, most=st.integers(0, 8), on=st.integers(0, 4).map(bool)) | st.builds(
    Spend, most=st.sampled_from([100, 200]), percent=st.just(value=True)
)


KINDS: st.SearchStrategy[list[str | None]] = st.sampled_from([[], [], [None], ["x"], [None, "x"]])


@st.composite
def rules(draw: st.DrawFn) -> Rules:
    kinds = draw(KINDS)
    limits = [draw(LIMITS) for _kind in kinds]
    for kind, limit in zip(kinds, limits, strict=True):
        limit.kind = kind
    allowed = draw(st.sampled_from([None, None, True, True, False]))
    return Rules(allowed, draw(st.none() | SPENDS | SPENDS), limits)


class Operations(RuleBasedStateMachine):
    """A customer with one entity, and others that come and go."""

    @initialize(data=st.data(), pooled=st.integers(0, 3).map(bool), grants=st.integers(0, 5))
    def begin(self, data: st.DataObject, pooled: bool, grants: int) -> None:  # noqa: FBT001 - drawn
        self.now = START
        self.books = plain.Household(START, pooled=pooled)
        self.boxes: dict[Place, Box] = {}
        self.locks: list[Reserved] = []
        self.newcomers = ["c", "b"]
        self.names = 0
        for _grant in range(grants):
            self.grant(data, data.draw(WHO))

    # What there is.

    @rule(data=st.data(), who=WHO)
    def grant(self, data: st.DataObject, who: str | None) -> None:
        source = data.draw(sources(f"row{self.names}", self.now, self._known(who)))
        self.names += 1
        given = Attached(PLAN, HELD, {source.feature: (row_of(source),)})
        state = attachment.held_after(self._state(), [given], self._entities())
        self.books.add(source)
        self._arrange(state)

    @precondition(lambda self: self.newcomers)
    @rule()
    def join(self) -> None:
        self.books.join(self.newcomers.pop())
        state = self._state()
        slices = attachment.slices(state, self._entities()[-1])
        self._arrange({**state, **{at: Holding(ordered(rows)) for at, rows in slices.items()}})

    @precondition(lambda self: self.books.entities[1:])
    @rule()
    def leave(self) -> None:
        entity = self.books.entities[-1]
        self.books.leave(entity)
        for place in [place for place in self.boxes if place.entity_id == entity]:
            del self.boxes[place]
        self._arrange(self._state())

    @rule(who=WHO, feature=st.sampled_from(FEATURES), wanted=rules())
    def control(self, who: str | None, feature: str, wanted: Rules) -> None:
        self.books.set_rules(feature, self._known(who), wanted)
        self._arrange(self._state())

    @rule(hours=st.integers(1, 30))
    def wait(self, hours: int) -> None:
        """Missed days are one reset, so what time did is written down before more of it passes."""
        self.write_what_time_did()
        self.now = min(LAST, self.now + hours * HOUR)
        self.books.passes(self.now)

    @rule()
    def write_what_time_did(self) -> None:
        for place, one in self.boxes.items():
            if one.due_at <= self.now:
                self.boxes[place] = boxed(balance.current(one.holding, one.pending, self.now))

    # Using.

    @rule(
        who=WHO,
        feature=st.sampled_from(FEATURES),
        grains=AMOUNTS,
        overage=st.sampled_from(Overage),
        kind=st.sampled_from([None, "x"]),
    )
    def track(
        self, who: str | None, feature: str, grains: int, overage: Overage, kind: str | None
    ) -> None:
        self._use(self._known(who), feature, grains * GRAINS[feature], overage, kind)

    @rule(
        who=WHO,
        feature=st.sampled_from(FEATURES),
        grains=AMOUNTS,
        overage=st.sampled_from(Overage),
    )
    def refund(self, who: str | None, feature: str, grains: int, overage: Overage) -> None:
        self._use(self._known(who), feature, -grains * GRAINS[feature], overage, None)

    @rule(
        who=WHO,
        feature=st.sampled_from(FEATURES),
        grains=AMOUNTS,
        back=st.integers(0, 4),
        kind=st.sampled_from([None, "x"]),
    )
    def lock(self, who: str | None, feature: str, grains: int, back: int, kind: str | None) -> None:
        """Reserve units, if they fit; a lock may also give some ahead."""
        who = self._known(who)
        units = grains * GRAINS[feature] * (1 if back else -1)
        use, subject = self._wish(feature, units, Overage.REJECT, kind), self._subject(who)
        before = self._state()
        drawn = pool.draw(before, subject, use)
        fits = units < 0 or self.books.fits(who, feature, units, kind)
        assert (units < 0 or not drawn.left) == fits
        if not fits:
            return
        parts = locks.taken(drawn.movements, COSTS[feature])
        value = locks.reserved(use.amount, parts)
        receipt = Receipt(feature, subject, use.properties, parts, value)
        undone = locks.unwound(drawn.state, receipt, value)
        assert (undone.state, undone.missing) == (before, 0)
        paid, left = self.books.use(who, feature, units, "reject", kind)
        self._conserved(before, drawn, use)
        taken = units if units > 0 else units + left
        self.locks.append(Reserved(receipt, plain.Lock(who, feature, kind, taken, paid)))
        assert [(one.row_id, one.value) for one in parts] == [
            (one.source.name, one.amount) for one in paid
        ]
        self._save(before, drawn.state)

    @precondition(lambda self: self.locks)
    @rule(data=st.data(), grains=st.integers(-8, 30), release=st.booleans())
    def finalize(self, data: st.DataObject, grains: int, release: bool) -> None:  # noqa: FBT001 - drawn
        """Confirm a lock for some amount, or release it."""
        reserved = self.locks.pop(data.draw(st.integers(0, len(self.locks) - 1)))
        receipt, lock = reserved
        final = Decimal(0) if release else number(grains * GRAINS[lock.feature])
        value = receipt.value
        kept = Decimal(0)
        if value * final > 0:
            kept = min(abs(final), abs(value)).copy_sign(value)
        before = self._state()
        gone = None if lock.who in (None, *self.books.entities) else lock.who
        given = locks.unwound(before, receipt, value - kept, gone)
        state = given.state
        for units in (-given.missing, final - kept):
            wanted = Use(lock.feature, units, COSTS[lock.feature], Overage.CAP, receipt.properties)
            state = pool.draw(state, receipt.subject, wanted).state
        self.books.settle(lock, float(final))
        self._save(before, state)

    # Editing.

    @rule(
        data=st.data(),
        who=WHO,
        feature=st.sampled_from(FEATURES),
        name=st.sampled_from(["remaining", "add", "usage", "included_grant", "balance"]),
        wanted=st.integers(-20, 30),
    )
    def edit(
        self, data: st.DataObject, who: str | None, feature: str, name: str, wanted: int
    ) -> None:
        who = self._known(who)
        ours = self.books.visible(who, feature)
        if not ours:
            return
        ids = {one.name for one in ours}
        if data.draw(st.booleans()):
            ids = {data.draw(st.sampled_from(sorted(ids)))}
        self.books.edit([one for one in ours if one.name in ids], name, wanted)

        def change(found: Sources) -> Sources:
            chosen = tuple(source for source in found if source.row.id in ids)
            if name == "balance":
                return edits.regranted(chosen, Decimal(wanted))
            fields: dict[str, Any] = {name: Decimal(wanted)}
            return edits.edited(chosen, Edit(**fields))

        self._change(self._subject(who), feature, change)

    @rule(
        data=st.data(),
        who=WHO,
        feature=st.sampled_from(FEATURES),
        name=st.sampled_from(["remaining", "add", "add", "usage"]),
        wanted=st.integers(-20, 30),
    )
    def edit_until(
        self, data: st.DataObject, who: str | None, feature: str, name: str, wanted: int
    ) -> None:
        who = self._known(who)
        ours = self.books.visible(who, feature)
        if not ours:
            return
        named = data.draw(st.sampled_from([None, *sorted({one.name for one in ours})]))
        chosen = [one for one in ours if named in (None, one.name)]
        label, end = f"row{self.names}", self.now + data.draw(st.integers(1, 60)) * HOUR
        self.names += 1
        fields: dict[str, Any] = {name: Decimal(wanted)}
        asked = self._state(), self._subject(who), feature, Selection(None, named), Edit(**fields)
        if self.books.edit_until(who, chosen, label, (name, wanted), end):
            after = overrides.edited(*asked, term=Term(label, self.now, end))
            self._arrange({place: _labelled(held, label) for place, held in after.items()})
        else:
            with pytest.raises(Invalid):
                overrides.edited(*asked, term=Term(label, self.now, end))

    @rule(
        who=WHO,
        feature=st.sampled_from(FEATURES),
        name=st.sampled_from(["resets", "expires"]),
        hours=st.integers(1, 60),
    )
    def move_a_date(self, who: str | None, feature: str, name: str, hours: int) -> None:
        """Of what all can use: an entity's slice alone has no dates of its own."""
        who, at = self._known(who), self.now + hours * HOUR
        ours = [one for one in self.books.visible(who, feature) if who is None or not one.sliced]
        ids = {one.name for one in ours}
        fields: dict[str, Any] = {"next_reset_at" if name == "resets" else "expires_at": at}

        def change(found: Sources) -> Sources:
            chosen = tuple(source for source in found if source.row.id in ids)
            return edits.edited(chosen, Edit(**fields))

        if self.books.redate(ours, name, at):
            self._change(self._subject(who), feature, change)
        elif ours:
            with pytest.raises(Invalid):
                self._change(self._subject(who), feature, change)

    @precondition(lambda self: self.books.sources)
    @rule(data=st.data())
    def recalculate(self, data: st.DataObject) -> None:
        places = Counter((one.owner, one.feature) for one in self.books.sources)
        most = max(places.values())
        rich = [place for place, count in places.items() if count == most]
        who, feature = data.draw(st.sampled_from(rich))
        held = self._held(feature)
        self.books.level(who, feature)

        def change(found: Sources) -> Sources:
            return recalculation.levelled(tuple(one for one in found if one.row.entity_id == who))

        self._change(Subject(who), feature, change)
        assert self._held(feature) == held

    @precondition(lambda self: self.books.sources)
    @rule(data=st.data(), anew=st.booleans())
    def delete(self, data: st.DataObject, anew: bool) -> None:  # noqa: FBT001 - drawn
        chosen = data.draw(st.sampled_from(self.books.sources))
        removed = [chosen]
        if chosen.sliced:
            same = (one for one in self.books.sources if one.name == chosen.name)
            removed = sorted(same, key=lambda one: one.owner or "")
        before = self._state()
        gone = {one.name for one in removed}
        after: dict[Place, Holding] = {
            place: held._replace(rows=tuple(row for row in held.rows if row.id not in gone))
            for place, held in before.items()
        }
        who = None if chosen.sliced else chosen.owner
        if anew:
            after = self._borne(before, after, Subject(who, pooled=who is None), removed)
        self.books.delete(removed, recalculate=anew)
        self._arrange(after)

    # What never changes.

    @invariant()
    def every_row_is_where_the_books_have_it(self) -> None:
        state = self._state()
        rows = {(place, row.id): row for place, held in state.items() for row in held.own}
        assert {key: told(row) for key, row in rows.items()} == {
            (Place(one.feature, one.owner), one.name): written(one) for one in self.books.sources
        }
        assert {
            (row.id, row.next_reset_at)
            for held in state.values()
            for row in held.rows
            if row.is_mould
        } == {(one.name, one.resets) for one in self.books.moulds}

    @invariant()
    def every_window_counts_what_the_books_count(self) -> None:
        counted = {
            (place.feature_id, place.entity_id, limit.filter): (limit.used, limit.resets_at)
            for place, held in self._state().items()
            for limit in held.controls.usage_limits
        }
        assert counted == {
            (feature, who, (("kind", limit.kind),) if limit.kind else ()): (limit.used, limit.ends)
            for (feature, who), one in self.books.rules.items()
            for limit in one.limits
        }

    @invariant()
    def headroom_is_the_room_left_by_what_is_pending(self) -> None:
        for one in self.boxes.values():
            assert one.headroom == balance.room(one.holding) - one.pending

    # How it is done.

    def _known(self, who: str | None) -> str | None:
        return who if who in self.books.entities else None

    def _subject(self, who: str | None) -> Subject:
        return Subject(who, self.books.pooled if who else True)

    def _entities(self) -> list[Entity]:
        return [
            Entity(
                id=name,
                internal_id=name,
                customer_internal_id="c",
                feature_id="seats",
                created_at=START,
                billing_controls=lists(self.books.rules, name),
            )
            for name in self.books.entities
        ]

    def _state(self) -> dict[Place, Holding]:
        return {
            place: balance.current(one.holding, one.pending, self.now)
            for place, one in self.boxes.items()
        }

    def _held(self, feature: str) -> Decimal:
        return total(self._state(), feature)

    def _arrange(self, state: State) -> None:
        """Write down what all balances hold from now on."""
        customer = Customer("c", "c", START, billing_controls=lists(self.books.rules, None))
        household = Household(customer, (), tuple(self._entities()))
        after = arrangement.arranged(state, household, SYSTEMS, self.now)
        known = {place: held for place, held in after.items() if held != NOTHING}
        self._save({}, {**{place: after[place] for place in self.boxes}, **known})
        for place, held in after.items():
            owned = any(one.owner for one in self.books.sources if one.feature == place.feature_id)
            assert held.spread == (owned and place.entity_id is None)

    def _save(self, before: State, after: State) -> None:
        for place, held in after.items():
            if before.get(place) != held:
                self.boxes[place] = boxed(held)

    def _wish(self, feature: str, units: float, overage: Overage, kind: str | None) -> Use:
        properties = {"kind": kind} if kind else {}
        return Use(feature, number(units), COSTS[feature], overage, properties)

    def _use(
        self, who: str | None, feature: str, units: float, overage: Overage, kind: str | None
    ) -> None:
        if self._counted(who, feature, units, overage):
            _paid, left = self.books.use(who, feature, units, overage.value, kind)
            assert left == 0
            return
        use, before = self._wish(feature, units, overage, kind), self._state()
        drawn = pool.draw(before, self._subject(who), use)
        self._conserved(before, drawn, use)
        if overage is Overage.REJECT and units > 0 and drawn.left:
            assert not self.books.fits(who, feature, units, kind)
            return
        _paid, left = self.books.use(who, feature, units, overage.value, kind)
        assert drawn.left == left
        self._save(before, drawn.state)

    def _counted(self, who: str | None, feature: str, units: float, overage: Overage) -> bool:
        """Take units by a bare counter, if one decides."""
        if who is not None or units < 0 or overage is Overage.OVERFLOW:
            return False
        place, state = Place(feature), self._state()
        if feature != "credits":
            if arrangement.has_part(state.get(place, NOTHING)):
                return False
            place = Place("credits")
        one = self.boxes.get(place)
        value = number(units) * COSTS[feature][place.feature_id]
        counted = None if one is None else one.counted(value, self.now)
        if counted is None:
            return False
        self.boxes[place] = counted
        return True

    def _change(self, subject: Subject, feature: str, change: Any) -> None:
        before = self._state()
        found = pool.candidates(before, subject, {feature: ONE})
        now = {(one.place, one.row.id): one for one in change(found)}
        after = tuple(now.get((one.place, one.row.id), one) for one in found)
        state = pool.regrouped(before, found, after)
        self._save(before, edits.recast(state, feature, found, after))

    def _borne(
        self, before: State, after: dict[Place, Holding], subject: Subject, removed: list[Source]
    ) -> dict[Place, Holding]:
        """What the sources left hold once they bear what the removed ones used."""
        feature = removed[0].feature
        names = {(Place(feature, one.owner), one.name) for one in removed}
        all_of_them = (
            source
            for who in dict.fromkeys(one.owner for one in removed)
            for source in pool.candidates(before, Subject(who), {feature: ONE})
        )
        gone = tuple(one for one in all_of_them if (one.place, one.row.id) in names)
        left = pool.candidates(after, subject, {feature: ONE})
        if left:
            return dict(pool.regrouped(after, left, recalculation.charged(left, gone)))
        if sum(source.row.consumed for source in gone) > 0:
            (kept,) = recalculation.carrier(gone)
            rows = ordered((*after[kept.place].rows, kept.row))
            after[kept.place] = after[kept.place]._replace(rows=rows)
        return after

    def _conserved(self, before: State, drawn: Drawn, use: Use) -> None:
        """What rows lost is what was paid is what was asked for, less what found no place."""
        paid: Counter[str] = Counter()
        for movement in drawn.movements:
            paid[movement.place.feature_id] += movement.value  # type: ignore[assignment]  # exact all the same
            assert_above_floor(movement, drawn.state, use.overage)
        for feature in COSTS:
            assert total(before, feature) - total(drawn.state, feature) == paid[feature]
        units = sum(one.value / use.costs[one.place.feature_id] for one in drawn.movements)
        assert units == (use.amount - drawn.left if use.amount > 0 else use.amount + drawn.left)


def _labelled(held: Holding, label: str) -> Holding:
    """Call what was just added by a name that the books know."""
    rows = (
        row._replace(id=label) if row.addition and row.change_id == label else row
        for row in held.rows
    )
    return held._replace(rows=ordered(tuple(rows)))


def total(state: State, feature: str) -> Decimal:
    return sum(
        (
            row.balance + row.carried
            for place, held in state.items()
            if place.feature_id == feature
            for row in held.own
        ),
        Decimal(0),
    )


def assert_above_floor(movement: Movement, state: State, overage: Overage) -> None:
    """A use that may not overflow takes nobody below what its price, or a permission, allows."""
    row = movement.row
    may = any(
        held.controls.overage_allowed
        for place, held in state.items()
        if place.feature_id == movement.place.feature_id
    )
    bounded = not (row.unlimited or may or overage is Overage.OVERFLOW)
    if movement.value > 0 and movement.balance_id == row.id and bounded:
        free = row.overage == PRICED and row.overage_limit is None
        floor = min(Decimal(0), row.balance + movement.value, -(row.overage_limit or Decimal(0)))
        assert free or row.balance >= floor


def told(row: Row) -> tuple[Any, ...]:
    carried = [(one.balance, one.usage, one.expires_at) for one in row.rollovers]
    kept = [(one.amount, one.ends_at) for one in row.withheld]
    return row.balance, row.adjustment, row.next_reset_at, carried, kept


def written(one: Source) -> tuple[Any, ...]:
    carried = [(some.left, some.used, some.expires) for some in one.carried]
    return one.left, one.adjusted, one.resets, carried, one.kept


TestOperations = Operations.TestCase
TestOperations.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
)
