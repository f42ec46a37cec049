"""What one write did to a balance, told from the image before it and the image after it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import balance, deduction
from orchard.domain.decision import remaining
from orchard.domain.deduction import Movement
from orchard.domain.holding import NOTHING, Holding, Place
from orchard.domain.interval import DAY_MS, SPANS_MS
from orchard.domain.quantity import ZERO, total
from orchard.domain.row import Row, Rows

#: The spans that usage is summed over, by name, in milliseconds.
HOUR, DAY = "HOUR", "DAY"
GRAINS_MS = {HOUR: SPANS_MS["hour"], DAY: DAY_MS}

_USUAL = Row._field_defaults

type Details = dict[str, Any]


class Image(NamedTuple):
    """A balance as one write left it; `version` tells settlements from bare counting."""

    holding: Holding
    pending: Decimal
    version: int


class Passage(NamedTuple):
    """The way from one image to the next: first what time did, then what the write did.

    `earlier` is the state of the old image, `before` that state once time had done its part.
    """

    earlier: Holding
    before: Holding
    after: Holding
    was_renewed: bool

    def movements(self, place: Place) -> tuple[Movement, ...]:
        """What each source paid or got back through the write itself."""
        return deduction.movements(self.before.own, self.after.own, place)


class UsageEvent(NamedTuple):
    """One recorded use. `value` is what was asked for, `deductions` what each source paid.

    Times are UTC milliseconds: `timestamp` the caller's, `at` when it was recorded. `properties`
    is JSON text. `deductions` is None when nothing moved.
    """

    id: str
    timestamp: int
    name: str
    customer_id: str
    internal_id: str
    feature_id: str
    value: Decimal
    properties: str
    deductions: list[Details] | None
    before: Details
    after: Details
    at: int
    by: str
    request_id: str
    entity_id: str | None = None
    idempotency_key: str | None = None
    #: What it rested on, as `basis.packed` makes it; empty if that is not known, None if
    #: `deductions` says it all: one source paid everything.
    considered: list[Any] | None = None

    @property
    def deducted(self) -> Decimal:
        """What all sources paid together; negative when they got back."""
        return total(one["value"] for one in self.deductions or ())


class Change(NamedTuple):
    """A change that is not usage, of a customer or (with a feature) of one of its balances.

    `before` and `after` hold what differs and nothing else; `details` is what else the writer said.
    """

    id: str
    kind: str
    customer_id: str
    internal_id: str
    feature_id: str | None
    before: Details
    after: Details
    at: int
    by: str
    request_id: str
    reason: str | None = None
    reference: str | None = None
    details: Details = {}
    #: Whose balance it is, if an entity's.
    entity_id: str | None = None
    #: What taking it back rests on beside `before` and `after`, as `basis` tells it.
    basis: Details = {}


def passage(old: Image | None, new: Image, at: int) -> Passage:
    """Tell what led from one image to the next; the write was decided at `at`.

    A settlement folds the pending usage it had read; what arrived since stays pending and counts
    on both sides, so that it isn't mistaken for a part of the write.
    """
    after = balance.settled(new.holding, new.pending)
    if old is None:
        return Passage(NOTHING, NOTHING, after, was_renewed=False)
    earlier = balance.settled(old.holding, old.pending)
    if old.version == new.version:
        return Passage(earlier, earlier, after, was_renewed=False)
    folded = balance.settled(old.holding, old.pending - new.pending)
    renewed = balance.renewed(folded, at)
    before = balance.settled(renewed, new.pending)
    return Passage(earlier, before, after, was_renewed=renewed.rows != folded.rows)


def due_at(holding: Holding, at: int) -> int:
    """When time changed the holding first, if that was before `at`."""
    return min(at, balance.due_at(holding))


def figures(rows: Rows) -> Details:
    """The totals of all rows, also of those that callers don't see once they are used up."""
    unlimited = tuple(row for row in rows if row.unlimited)
    if unlimited:
        usage = -total(row.balance for row in unlimited)
        return {"granted": ZERO, "remaining": ZERO, "usage": usage}
    carried = tuple(rollover for row in rows for rollover in row.rollovers)
    return {
        "granted": total(row.ceiling for row in rows)
        + total(one.balance + one.usage for one in carried),
        "remaining": remaining(rows),
        "usage": total(row.usage for row in rows) + total(one.usage for one in carried),
    }


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Details, Details]:
    """Return the fields whose values differ, as they were and as they are."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return _only(before, names), _only(after, names)


def changed_rows(before: Rows, after: Rows) -> tuple[Details, Details]:
    """Return what differs between two states: totals, and under `sources` fields of each row.

    Rows that stand for slices of entities are told, but hold nothing that the totals count.
    """
    was, now = difference(figures(_own(before)), figures(_own(after)))
    earlier, later = _sources(before), _sources(after)
    for row_id in {**earlier, **later}:
        old, new = difference(earlier.get(row_id, {}), later.get(row_id, {}))
        if row_id not in earlier or row_id not in later:
            old, new = _unusual(old), _unusual(new)
        if old or new:
            _note(was, row_id, old, present=row_id in earlier)
            _note(now, row_id, new, present=row_id in later)
    return was, now


def basis(before: Rows, after: Rows) -> Details:
    """Return how often each row that differs had been reset, by id; a row that came: as it is.

    And what rows were overdrawn by before though others had balance left: usage alone never leads
    there. Only what is not zero.
    """
    was, now = {row.id: row for row in before}, {row.id: row for row in after}
    differ = {name: row for name, row in {**was, **now}.items() if was.get(name) != now.get(name)}
    resets = {name: row.resets for name, row in differ.items() if row.resets}
    counted = tuple(row for row in _own(before) if not row.unlimited)
    overdrawn = {row.id: row.overdrawn for row in counted if row.overdrawn}
    overdrawn = overdrawn if any(row.held for row in counted) else {}
    told = {"resets": resets, "overdrawn": overdrawn}
    return {name: fields for name, fields in told.items() if fields}


def periods(timestamp: int) -> list[tuple[str, int]]:
    """Return the hour and the day, UTC, that a time belongs to, by name and start."""
    return [(grain, timestamp - timestamp % span) for grain, span in GRAINS_MS.items()]


def _only(fields: Mapping[str, Any], names: list[str]) -> Details:
    return {name: fields[name] for name in names if name in fields}


def _note(side: Details, row_id: str, fields: Details, *, present: bool) -> None:
    if present:
        side.setdefault("sources", {})[row_id] = fields


def _own(rows: Rows) -> Rows:
    return tuple(row for row in rows if not row.is_mould)


def _sources(rows: Rows) -> dict[str, Details]:
    return {row.id: _source(row) for row in rows}


def _unusual(fields: Details) -> Details:
    """What of a source that came or went is not as with most: a change may remove hundreds."""
    return {name: value for name, value in fields.items() if value and value != _USUAL.get(name)}


def _source(row: Row) -> Details:
    fields = row._asdict()
    del fields["resets"]
    fields["rollover"] = None if row.rollover is None else row.rollover._asdict()
    fields["rollovers"] = [rollover._asdict() for rollover in row.rollovers]
    fields["withheld"] = [one._asdict() for one in row.withheld]
    fields["unbilled"] = [one._asdict() for one in row.unbilled]
    return fields
