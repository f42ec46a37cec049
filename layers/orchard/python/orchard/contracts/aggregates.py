"""Request and response of `events.aggregate`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from orchard.contracts.events import FilterBy, Names, RangeName, legal_key
from orchard.contracts.fields import CustomerId, Id, Timestamp, Whole, fault
from orchard.contracts.numbers import number, optional
from orchard.contracts.request import Request
from orchard.domain.aggregation import Series, Sum
from orchard.domain.draws import Draw, Drawn, Source

CUSTOMER, ENTITY, PLAN, FEATURE = "$customer_id", "$entity_id", "$plan_id", "$feature_id"
PROPERTY = "properties."
_MOST_GROUPS = 250
_COLUMNS = (CUSTOMER, ENTITY, PLAN, FEATURE)


def _groupable(value: str) -> str:
    if value.startswith(PROPERTY):
        legal_key(value.removeprefix(PROPERTY))
    elif value not in _COLUMNS:
        raise fault(f"must be {PROPERTY}<key> or one of: {', '.join(_COLUMNS)}")
    return value


def _few(value: int) -> int:
    if not 1 <= value <= _MOST_GROUPS:
        raise fault(f"must be between 1 and {_MOST_GROUPS}")
    return value


def _utc(value: str) -> str:
    if value.upper() not in {"UTC", "ETC/UTC"}:
        raise fault("bins are cut in UTC; no other time zone is available")
    return value


class Between(Request):
    """From `start` to `end`, both included, in UTC milliseconds."""

    start: Timestamp
    end: Timestamp

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.start >= self.end:
            raise fault("start must be before end")
        return self


class AggregateEventsRequest(Request):
    """Usage summed over time: of one customer, or of all."""

    feature_id: Annotated[Names, Field(min_length=1)]
    customer_id: CustomerId | None = None
    entity_id: Id | None = None
    range: RangeName | None = None
    custom_range: Between | None = None
    bin_size: Literal["hour", "day", "week", "month"] | None = None
    timezone: Annotated[str, AfterValidator(_utc)] | None = None
    group_by: Annotated[str, AfterValidator(_groupable)] | None = None
    filter_by: FilterBy = {}
    max_groups: Annotated[Whole, AfterValidator(_few)] | None = None
    measure: Literal["sum", "count"] = "sum"
    aggregate_on: Literal["deducted"] | None = None

    @model_validator(mode="after")
    def _one_range(self) -> Self:
        if self.range is not None and self.custom_range is not None:
            raise fault("range and custom_range: only one of them can be given")
        return self

    @property
    def names(self) -> list[str]:
        """What is summed up: feature ids or event names, each once."""
        return list(dict.fromkeys(self.feature_id))

    @property
    def size(self) -> str:
        """The size of the bins."""
        return self.bin_size or ("hour" if self.range == "24h" else "day")


class Rates(NamedTuple):
    """What the features that own balances are, and what a unit of something tracked takes there.

    `costs` has the tracked name and then the feature that owns the balance; unknown ones lack.
    """

    types: Mapping[str, str]
    costs: Mapping[tuple[str, str], Any]


def aggregate_response(found: Series, *, by_count: bool) -> dict[str, Any]:
    """Return the sums of all bins, those without use as well, and of the whole range."""
    totals = {name: found.total(name) for name in found.values}
    return {
        "list": [_bin(found, begun, by_count=by_count) for begun in found.bins],
        "total": {
            name: {"count": total.uses, "sum": number(total.value)}
            for name, total in totals.items()
        },
    }


def deductions_response(
    bins: Sequence[int],
    found: Mapping[int, Drawn],
    names: Mapping[str, frozenset[str]],
    rates: Rates,
    *,
    grouped: bool,
) -> list[dict[str, Any]]:
    """Return what was drawn from each balance in each bin.

    `names` are all that drew on a balance in the whole range: they say whether it has one rate.
    """
    shown = []
    for begun in bins:
        drawn = found.get(begun, Drawn({}, {}, {}))
        view: dict[str, Any] = {"period": begun, "values": _owners(drawn, names, rates)}
        if grouped:
            view["grouped_values"] = _groups(drawn, rates)
        shown.append(view)
    return shown


def _bin(found: Series, begun: int, *, by_count: bool) -> dict[str, Any]:
    def shown(one: Sum) -> int | float:
        return one.uses if by_count else number(one.value)

    view: dict[str, Any] = {
        "period": begun,
        "values": {name: shown(sums.get(begun, Sum())) for name, sums in found.values.items()},
    }
    if found.groups is not None:
        view["grouped_values"] = {
            name: {group: shown(sums[begun]) for group, sums in groups.items() if begun in sums}
            for name, groups in found.groups.items()
        }
    return view


def _owners(
    drawn: Drawn, names: Mapping[str, frozenset[str]], rates: Rates
) -> dict[str, dict[str, Any]]:
    owners: dict[str, dict[str, Any]] = {}
    for source, draw in drawn.balances.items():
        owner = owners.setdefault(
            source.feature_id,
            {
                "feature_type": rates.types.get(source.feature_id, "metered"),
                "deducted": 0,
                "events": drawn.events[source.feature_id],
                "balances": [],
            },
        )
        owner["deducted"] += draw.deducted
        owner["balances"].append(_balance(source, draw, names[source.balance_id], rates))
    return {
        name: {**owner, "deducted": number(owner["deducted"])} for name, owner in owners.items()
    }


def _balance(source: Source, draw: Draw, names: frozenset[str], rates: Rates) -> dict[str, Any]:
    return {
        "balance_id": source.balance_id,
        "entity_id": source.entity_id,
        "plan_id": draw.latest["plan_id"],
        "reset": _reset(draw.latest["reset"]),
        "credit_cost": _cost(source.feature_id, names, rates),
        "deducted": number(draw.deducted),
        "events": draw.events,
    }


def _reset(reset: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if reset is None:
        return None
    at = reset["resets_at"]
    return {"interval": reset["interval"], "resets_at": None if at is None else int(at)}


def _groups(drawn: Drawn, rates: Rates) -> dict[str, dict[str, Any]]:
    return {
        balance_id: {
            group: {
                "deducted": number(draw.deducted),
                "credit_cost": _cost(draw.latest["feature_id"], draw.names, rates),
            }
            for group, draw in groups.items()
        }
        for balance_id, groups in drawn.groups.items()
    }


def _cost(feature_id: str, names: frozenset[str], rates: Rates) -> int | float | None:
    """What one unit takes of a balance: null if that is one, differs, or is not known."""
    found = {rates.costs.get((name, feature_id)) for name in names}
    cost = found.pop() if len(found) == 1 else None
    return None if cost == 1 else optional(cost)
