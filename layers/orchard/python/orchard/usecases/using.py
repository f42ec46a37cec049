"""Using a feature: by a bare counter if that decides, else on everything the use rests on.

The common case is one request: a counter in the balance says whether the use fits. Only what the
counter can't decide loads the balances, decides, and saves on the condition that they are as read.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import balance, deduction, pool
from orchard.domain.billing import seats
from orchard.domain.deduction import Movement
from orchard.domain.holding import Place, State
from orchard.domain.pool import Drawn, Use
from orchard.domain.quantity import ZERO, exact
from orchard.domain.scope import CUSTOMER, Subject
from orchard.domain.sources import Overage
from orchard.errors import Invalid
from orchard.store import balances, catalog, ground
from orchard.store.ground import Ground
from orchard.store.optimistic import optimistic, optimistic_on
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Item, Write
from orchard.store.stored import Owner, Stored
from orchard.usecases import resting, saving, seating
from orchard.usecases.saving import Decided

#: What to write along with a use, given what each source paid.
type Beside = Callable[[Ground, tuple[Movement, ...]], list[Write]]


#: For each feature that is used, what can pay and what one unit takes there.
type Costs = Mapping[str, Mapping[str, Decimal]]


class Usage(NamedTuple):
    """A use to record: of which features, how much, and the event it leaves.

    Several features are those that count one event.
    """

    customer_id: str
    entity_id: str | None
    features: tuple[str, ...]
    value: Decimal
    overage: Overage
    last: Item
    properties: Mapping[str, Any] = {}
    #: A check that uses what it checks makes no sense for a flag; a track of one is an event.
    flags: bool = True
    beside: Beside | None = None


class Used(NamedTuple):
    """The outcome: what the balances hold now, what each source paid, and who used it.

    Nothing is recorded if the use had to fit whole and did not.
    """

    state: State
    subject: Subject
    movements: tuple[Movement, ...] = ()
    recorded: bool = True
    #: Whose balances refused it.
    owner: Owner | None = None


def use(session: Session, usage: Usage) -> Used:
    """Record a use. Errors: 404 for an unknown customer, entity or feature."""
    costs = costs_of(session, usage.features)
    refused: Item | None = None
    if _is_countable(session, usage):
        counted = _count(session, usage, costs[usage.features[0]])
        if isinstance(counted, Stored):
            return _as_counted(session, usage, costs[usage.features[0]], counted)
        refused = counted.item

    def attempt(item: Item | None) -> Used:
        return _attempt(session, usage, costs, item)

    return optimistic_on(refused, attempt)


def _is_countable(session: Session, usage: Usage) -> bool:
    """A mark needs a transaction; giving back, and overdrawing the first row, needs the rows."""
    simple = len(usage.features) == 1 and usage.entity_id is None and usage.beside is None
    countable = usage.value >= 0 and usage.overage is not Overage.OVERFLOW
    return simple and countable and not session.marks


def _count(
    session: Session, usage: Usage, costs: Mapping[str, Decimal]
) -> Stored | ConditionFailed:
    """Count on the feature's own balance, or on the credits that alone pay for it."""
    place, value, sole = Place(usage.features[0]), usage.value, None
    if len(costs) > 1:
        system = list(costs)[1]
        place, value, sole = Place(system), exact(value * costs[system]), saving.sole(costs)

    def attempt() -> Stored | ConditionFailed:
        try:
            return balances.count(
                session, usage.customer_id, place, value, usage.last, sole_for=sole
            )
        except ConditionFailed as undecided:
            return undecided

    return optimistic(attempt)


def _as_counted(
    session: Session, usage: Usage, costs: Mapping[str, Decimal], counted: Stored
) -> Used:
    place = counted.place
    value = exact(usage.value * costs[place.feature_id])
    before = balance.settled(counted.holding, counted.pending - value)
    after = balance.settled(counted.holding, counted.pending)
    moved = deduction.movements(before.own, after.own, place)
    state = {place: after}
    if counted.holding.spread:
        known = Ground(usage.customer_id, counted.owner, CUSTOMER, {place: counted})
        state = ground.with_entities(session, known).state(session.now)
    return Used(state, CUSTOMER, moved)


def _attempt(
    session: Session,
    usage: Usage,
    costs: Costs,
    item: Item | None,
) -> Used:
    loaded = ground.load(session, usage.customer_id, usage.entity_id, paying(costs), item)
    before = loaded.state(session.now)
    usage, (after, moved, left) = seated(usage, loaded.subject, before, costs)
    if is_refused(usage, left):
        return Used(before, loaded.subject, recorded=False, owner=loaded.owner)
    after = seating.taken(session, usage.customer_id, before, after)
    beside = usage.beside(loaded, moved) if usage.beside else []
    sole = saving.sole(costs[usage.features[0]]) if len(costs) == 1 else None
    last = resting.told(
        usage.last, before, loaded.subject, _one_use(usage, costs), Drawn(after, moved, left)
    )
    decided = Decided(loaded, before, after, moved, usage.features[0], last, sole, costs)
    saving.save(session, decided, beside)
    return Used(after, loaded.subject, moved)


def seated(
    usage: Usage, subject: Subject, before: State, costs: Costs
) -> tuple[Usage, tuple[State, tuple[Movement, ...], Decimal]]:
    """Return what a use comes to, and the use: seats that are charged for are taken whole."""
    found = drawn(before, subject, usage, costs)
    if not seats.are_held(before):
        return usage, found
    if usage.beside is not None:
        raise Invalid("Units that are charged when they are taken can't be reserved")
    if seats.moved(before, found[0]) and usage.overage is not Overage.REJECT:
        usage = usage._replace(overage=Overage.REJECT)
        found = drawn(before, subject, usage, costs)
    return usage, found


def costs_of(session: Session, features: tuple[str, ...]) -> Costs:
    """Return what can pay for each of the features. Errors: `FeatureNotFound`."""
    return {name: catalog.costs(session, name) for name in features}


def paying(costs: Costs) -> tuple[str, ...]:
    """Return all features whose balances can pay, each once."""
    return tuple(dict.fromkeys(name for one in costs.values() for name in one))


def is_refused(usage: Usage, left: Decimal) -> bool:
    """Whether a use that leaves so much over had to fit whole."""
    return left > 0 and usage.value > 0 and usage.overage is Overage.REJECT


def drawn(
    state: State,
    subject: Subject,
    usage: Usage,
    costs: Costs,
) -> tuple[State, tuple[Movement, ...], Decimal]:
    """Use the features one after another, each on what the ones before it left.

    Returns the state, what each source paid, and the most that found no place.
    """
    moved: tuple[Movement, ...] = ()
    left = ZERO
    for name in usage.features:
        if _is_flag(state, subject, name):
            if not usage.flags:
                raise Invalid("A boolean feature can't be used up: check it without send_event")
            continue
        wanted = Use(name, usage.value, costs[name], usage.overage, usage.properties)
        drawn = pool.draw(state, subject, wanted)
        state, moved = drawn.state, (*moved, *drawn.movements)
        left = max(left, drawn.left)
    return state, moved, left


def _one_use(usage: Usage, costs: Costs) -> Use | None:
    """The use, if it is of one feature."""
    if len(usage.features) > 1:
        return None
    name = usage.features[0]
    return Use(name, usage.value, costs[name], usage.overage, usage.properties)


def _is_flag(state: State, subject: Subject, feature_id: str) -> bool:
    return any(
        source.row.boolean for source in pool.candidates(state, subject, {feature_id: Decimal(1)})
    )
