"""What is granted, added or withheld for a while: edits with an end, and grants that expire."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from orchard.domain import deduction, edits, ids, pool
from orchard.domain.edits import Edit, Selection
from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.quantity import total
from orchard.domain.row import ALLOCATED, NO_OVERAGE, Row, Rows, Withheld, ordered
from orchard.domain.scope import Subject
from orchard.domain.sources import ONE, Source, Sources
from orchard.errors import Invalid

GRANT, ADDITION, REDUCTION = "grant", "addition", "reduction"
#: So many edits with an end a balance can hold at once, each counted in every source it is in.
MOST = 100


class Term(NamedTuple):
    """From when until when an edit holds (UTC ms), and the change that it is."""

    change_id: str
    starts_at: int
    ends_at: int


class Override(NamedTuple):
    """Something of a balance that ends by itself.

    `amount` is what was given or taken, `remaining` what is left of that; None where no amount
    says it, as for a flag. The change that made it is None if nobody noted it.
    """

    id: str
    kind: str
    amount: Decimal | None
    remaining: Decimal | None
    starts_at: int
    ends_at: int
    change_id: str | None
    external_id: str | None = None


def edited(
    state: State, subject: Subject, feature_id: str, selection: Selection, edit: Edit, *, term: Term
) -> State:
    """Return a state after an edit of what a subject can use of a feature, as it is until the end.

    Errors: `BalanceNotFound` if nothing matches, `Invalid` where the edit makes no sense.
    """
    sources = pool.candidates(state, subject, {feature_id: ONE})
    chosen = edits.selected(sources, selection)
    _require_room(sources)
    difference = edits.difference(chosen, edit)
    if difference > 0:
        place = Place(feature_id, subject.entity_id)
        row = _added(chosen, difference, term, subject.entity_id)
        if edit.usage is not None:
            # Usage falls by that and the grant stays, as when usage is set for good.
            row = row._replace(adjustment=-difference)
        held = state.get(place, NOTHING)
        return {**state, place: held._replace(rows=ordered((*held.rows, row)))}
    changed = {(one.place, one.row.id): one for one in _withheld(chosen, -difference, term)}
    after = tuple(changed.get((one.place, one.row.id), one) for one in sources)
    return pool.regrouped(state, sources, after)


def _require_room(sources: Sources) -> None:
    """Refuse more edits than a balance can hold while every use of it stays quick."""
    held = sum(len(source.row.withheld) + source.row.addition for source in sources)
    if held >= MOST:
        raise Invalid(
            f"A balance can hold {MOST} edits with an end at once: "
            "wait until some end, or take some back with changes.undo"
        )


def _added(chosen: Sources, amount: Decimal, term: Term, entity_id: str | None) -> Row:
    """The row that adds an amount for a while: a source of its own, of no plan.

    So what is used of it costs the other sources nothing when it ends.
    """
    continuous = chosen[0].row.continuous
    return Row(
        id=ids.new("cus_ent_", term.starts_at),
        created_at=term.starts_at,
        entity_id=entity_id,
        continuous=continuous,
        allowance=amount,
        balance=amount,
        expires_at=term.ends_at,
        overage=ALLOCATED if continuous else NO_OVERAGE,
        change_id=term.change_id,
        addition=True,
    )


def _withheld(chosen: Sources, amount: Decimal, term: Term) -> Sources:
    """Sources without an amount, each remembering its part until the end.

    As with any edit, a decrease empties them in order and overdraws the first. Those that are gone
    before the end come last: their part would be gone with them.
    """
    before = tuple(sorted(chosen, key=lambda source: source.row.is_over(term.ends_at - 1)))
    after = deduction.shift(before, amount)
    return tuple(_kept(was, now, term) for was, now in zip(before, after, strict=True))


def of(rows: Rows) -> tuple[Override, ...]:
    """Return what of current rows ends by itself, the soonest first."""
    found = (*_expiring(rows), *_reductions(rows))
    return tuple(sorted(found, key=lambda one: (one.ends_at, one.id)))


def _kept(was: Source, now: Source, term: Term) -> Source:
    if now is was:
        return was
    one = Withheld(term.change_id, was.row.balance - now.row.balance, *term[1:])
    return now._replace(row=now.row._replace(withheld=(*now.row.withheld, one)))


def _expiring(rows: Rows) -> Iterator[Override]:
    """Grants of their own that expire; what a plan gives ends with the plan."""
    for row in rows:
        if row.plan_id is not None or row.expires_at is None:
            continue
        counted = not (row.boolean or row.unlimited)
        given = row.starting if row.addition else row.included
        yield Override(
            id=row.id,
            kind=ADDITION if row.addition else GRANT,
            amount=given if counted else None,
            remaining=row.held if counted else None,
            starts_at=row.created_at,
            ends_at=row.expires_at,
            change_id=row.change_id,
            external_id=row.external_id,
        )


def _reductions(rows: Rows) -> Iterator[Override]:
    """What edits withhold, however many rows one of them took it from."""
    parts: dict[str, list[Withheld]] = {}
    for one in (one for row in rows for one in row.withheld):
        parts.setdefault(one.id, []).append(one)
    for change_id, several in parts.items():
        yield _reduction(change_id, several)


def _reduction(change_id: str, parts: Iterable[Withheld]) -> Override:
    first, *others = parts
    amount = first.amount + total(one.amount for one in others)
    return Override(change_id, REDUCTION, amount, amount, first.starts_at, first.ends_at, change_id)
