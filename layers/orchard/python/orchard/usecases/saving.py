"""Saving what was decided on balances that were read: as little as keeps every reader right."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from orchard.contracts import balance as contract
from orchard.domain import alerts, arrangement, balance
from orchard.domain.deduction import Movement
from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.quantity import total
from orchard.domain.row import ALLOCATED
from orchard.store import balances, customers
from orchard.store.ground import Ground
from orchard.store.session import MOST_WRITES, Session
from orchard.store.statements import Check, Item, Update, Write
from orchard.store.stored import Stored

#: What of an event is told by one of the items that it changed.
_TOLD_ONCE = {"events", "sources", "properties", "considered"}
#: A balance of credits remembers so many features that it alone pays for.
_MOST_SOLE = 50


class Decided(NamedTuple):
    """A decision: what the balances held and are to hold, what moved, and the event it leaves.

    `sole` is set if the use was of one feature: how a balance of credits names it as paying alone.
    `costs` says for each feature that was used what can pay for it.
    """

    ground: Ground
    before: State
    after: State
    moved: tuple[Movement, ...]
    #: The feature that was used; the first, if several count one event.
    feature_id: str
    last: Item
    sole: str | None = None
    costs: Mapping[str, Mapping[str, Decimal]] = {}

    @property
    def changed(self) -> list[Place]:
        """The places that are to hold something else, those that paid first."""
        paid = [movement.place for movement in self.moved]
        places = list(dict.fromkeys((*paid, *self.after)))
        return [place for place in places if self.after[place] != self.before.get(place)]

    def last_at(self, place: Place) -> Item:
        """What the write leaves at a place: also whether the use goes on once that is used up."""
        paying = self.costs.get(place.feature_id, (place.feature_id,))
        if alerts.goes_on(self.after, place, self.ground.subject, paying):
            return {**self.last, "goes_on": True}
        return self.last


def sole(costs: Mapping[str, Decimal]) -> str | None:
    """Name a feature with all credit systems that contain it; None without any.

    What pays alone is known under this name, so it is forgotten when another system joins.
    """
    return json.dumps(list(costs)) if len(costs) > 1 else None


def save(
    session: Session, decided: Decided, beside: Sequence[Write] = (), *, settle: bool = False
) -> None:
    """Write a decision, with what belongs to it, in one request.

    A decision that a bare count can carry is written as one, unless `settle` asks for the rows.

    Errors: `ConditionFailed` or `Contention` if the balances changed in a way that matters.
    """
    changed = decided.changed
    if not changed:
        session.commit(*_note(session, decided), *beside)
        return
    solely = _solely(decided)
    settle = settle or bool(solely or beside) or len(changed) > 1
    counted = None if settle else _counted(session, decided)
    guards = _guards(decided, changed)
    if counted is None or guards:
        session.commit(*_settled(decided, changed, solely), *guards, *beside)
    elif session.marks:
        session.commit(counted)
    else:
        balances.apply(session, counted)


def _counted(session: Session, decided: Decided) -> Update | None:
    """The decision as a bare count, if it is one: then it is not in the way of other counts."""
    (place,) = decided.changed
    one = decided.ground.balances[place]
    value = total(movement.value for movement in decided.moved)
    held = decided.before[place]
    spare = balance.room(held) - value
    reserve = balance.reserve(held) if len(decided.ground.balances) > 1 else Decimal(0)
    # Seats take whatever is counted, so that a count would not guard a use that must fit.
    is_count = (
        value > 0
        and not any(row.overage == ALLOCATED or row.is_seat for row in held.rows)
        and one.due_at > session.now
        and spare >= reserve
        and balance.settled(one.holding, one.pending + value) == decided.after[place]
    )
    if not is_count:
        return None
    return balances.counted(one, value, decided.last_at(place), session.now, reserve=reserve)


def _settled(decided: Decided, changed: list[Place], solely: Place | None) -> list[Write]:
    """Settle every place that changed; the first carries the event with what all of them paid."""
    alone = len(changed) == 1
    lead: Item = {}
    # The events of a batch tell themselves what was paid for each.
    if not alone and "events" not in decided.last:
        lead = {"deductions": [contract.paid(movement) for movement in decided.moved]}
    return [
        balances.settled(
            decided.ground.balances[place],
            decided.after[place],
            _silent(decided.last_at(place)) if position else decided.last_at(place) | lead,
            exact=not alone,
            sole_for=_sole_for(decided, place) if place == solely else None,
        )
        for position, place in enumerate(changed)
    ]


def _silent(last: Item) -> Item:
    """What a write leaves where another item tells the event: a batch of events is large."""
    kept = {name: value for name, value in last.items() if name not in _TOLD_ONCE}
    return kept | {"silent": True}


def _note(session: Session, decided: Decided) -> list[Write]:
    """Nothing moves, as when a customer at its limit goes on: only the event is written.

    No version changes then that others would lose a race against.
    """
    held = decided.ground.balances
    one = held.get(Place(decided.feature_id)) or next(iter(held.values()), None)
    if one is None:
        return _first(session, decided)
    if one.due_at <= session.now:
        return [balances.settled(one, one.current(session.now), decided.last)]
    return [balances.noted(one, decided.last)]


def _first(session: Session, decided: Decided) -> list[Write]:
    """Leave the event in a balance that holds nothing: the customer lacks the feature."""
    customer = customers.locate(session, decided.ground.hot_id)
    owner, place = customers.owner_of(customer), Place(decided.feature_id)
    return [
        customers.touch(session, customer),
        balances.created(session, owner, place, NOTHING, decided.last),
    ]


def _solely(decided: Decided) -> Place | None:
    """The credits that turned out to be all that can pay, and are not yet known for it."""
    if decided.sole is None or decided.ground.subject.entity_id is not None:
        return None
    first, *others = (Place(name) for name in json.loads(decided.sole)[1:])
    one = decided.ground.balances.get(first)
    if one is None or decided.sole in one.sole_for or decided.changed != [first]:
        return None
    rest = (decided.before.get(place) for place in (Place(decided.feature_id), *others))
    if any(held is not None and arrangement.has_part(held) for held in rest):
        return None
    return first if balance.is_plain(decided.after[first]) else None


def _sole_for(decided: Decided, place: Place) -> frozenset[str]:
    """What the credits are known to pay for alone, with this feature; a full list starts anew."""
    known = decided.ground.balances[place].sole_for
    names = {decided.sole} if decided.sole else set()
    return frozenset(names if len(known) >= _MOST_SOLE else known | names)


def _guards(decided: Decided, changed: list[Place]) -> list[Check]:
    """What must not change meanwhile: the overage of others that counts in the same limit.

    More than a transaction holds can't be watched: then the limit may be passed by what others
    use in the same moment.
    """
    held = decided.ground.balances
    watched = {
        name
        for name in {place.feature_id for place in changed}
        if _is_limited(held, name)
        and _overdrawn(decided.after, name) > _overdrawn(decided.before, name)
    }
    others = [one for place, one in held.items() if place not in changed and one.rows]
    room = MOST_WRITES - len(changed) - 2
    return [balances.unchanged(one) for one in others if one.feature_id in watched][:room]


def _is_limited(held: Mapping[Place, Stored], feature_id: str) -> bool:
    shared = held.get(Place(feature_id))
    return shared is not None and shared.holding.controls.spend_cap is not None


def _overdrawn(state: State, feature_id: str) -> Decimal:
    return total(
        row.overdrawn
        for place, holding in state.items()
        if place.feature_id == feature_id
        for row in holding.own
    )
