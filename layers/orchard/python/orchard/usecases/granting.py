"""Standalone grants: `balances.create`."""

from typing import Any, NamedTuple

from orchard.contracts.audit import done
from orchard.contracts.granting import CreateBalanceRequest
from orchard.domain import ids, interval
from orchard.domain.arrangement import Household
from orchard.domain.catalog import BOOLEAN, Feature
from orchard.domain.holding import NOTHING, Holding, Place, State
from orchard.domain.quantity import ZERO
from orchard.domain.row import ALLOCATED, NO_OVERAGE, RolloverRule, Row, ordered
from orchard.errors import Conflict, EntityNotFound, Invalid, InvalidInputs
from orchard.store import catalog, customers
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.usecases import arranging
from orchard.usecases.along import ALONE, Along


class Planned(NamedTuple):
    """A grant that is not written: the balance it is for, before it and with it."""

    account: Account
    feature: Feature
    row: Row
    before: State
    after: State


def create(session: Session, request: CreateBalanceRequest, along: Along = ALONE) -> dict[str, Any]:
    """Grant a balance, or switch a boolean feature on, apart from any plan.

    Errors: 404 for an unknown customer, entity or feature; 400 for a grant that makes no sense;
    409 for a balance id or a flag that the customer has already.
    """
    return optimistic(lambda: _create(session, request, along))


def planned(session: Session, request: CreateBalanceRequest) -> Planned:
    """Return what a grant would make of the balance. Errors: as in `create`."""
    account = customers.require(session, request.customer_id)
    if request.entity_id is not None:
        _require_entity(account, request.entity_id, request.feature_id)
    feature = catalog.feature(session, request.feature_id)
    _check(request, feature, session.now)
    _refuse_repetition(account, request, feature, session.now)
    row = _row(request, feature, session.now)
    place = Place(feature.id, request.entity_id)
    held = account.state(session.now).get(place, NOTHING)
    after = {place: held._replace(rows=ordered((*held.rows, row)))}
    return Planned(account, feature, row, {place: held}, after)


def _create(session: Session, request: CreateBalanceRequest, along: Along) -> dict[str, Any]:
    plan = planned(session, request)
    account, known = plan.account, catalog.cached(session)
    last = session.stamp("grant", row_id=plan.row.id, **request.audit, **along.details)
    household = Household(account.customer, account.plans, account.entities)
    state = {place: _told(held, plan.row, last["id"]) for place, held in plan.after.items()}
    session.commit(
        customers.touch(session, account.customer),
        *catalog.mark_feature(session, plan.feature),
        *arranging.writes(session, known, household, account.balances, state, last=last),
        *along.writes(last["id"]),
    )
    return done(last["id"])


def _told(held: Holding, row: Row, change_id: str) -> Holding:
    """The holding with the change that made the row."""
    made = row._replace(change_id=change_id)
    return held._replace(rows=tuple(made if one is row else one for one in held.rows))


def _require_entity(account: Account, entity_id: str, feature_id: str) -> None:
    entity = next((one for one in account.entities if one.id == entity_id), None)
    if entity is None:
        raise EntityNotFound(entity_id)
    if entity.feature_id == feature_id:
        raise Invalid(f"An entity of feature {feature_id} can't have a balance of {feature_id}")


def _check(request: CreateBalanceRequest, feature: Feature, now: int) -> None:
    for wrong, message in (
        *(_flag_faults(request) if feature.type == BOOLEAN else _grant_faults(request, feature)),
        *_date_faults(request, now),
    ):
        if wrong:
            raise InvalidInputs(message)


def _flag_faults(request: CreateBalanceRequest) -> list[tuple[object, str]]:
    amount = request.grant is not None or request.unlimited or request.reset or request.rollover
    return [(amount, "A boolean feature takes no included_grant, unlimited, reset or rollover")]


def _grant_faults(request: CreateBalanceRequest, feature: Feature) -> list[tuple[object, str]]:
    granted, reset, resets = request.grant is not None, request.reset, _resets(request)
    return [
        (not granted and not request.unlimited, "included_grant: is required unless unlimited"),
        (granted and request.unlimited, "included_grant: does not go with unlimited"),
        (reset and request.unlimited, "reset: does not go with unlimited"),
        (resets and feature.continuous, "reset: a feature that is not consumable never resets"),
        (request.rollover and feature.continuous, "rollover: needs a consumable feature"),
        (request.rollover and not resets, "rollover: needs a reset"),
    ]


def _resets(request: CreateBalanceRequest) -> bool:
    return request.reset is not None and request.reset.interval != interval.ONE_OFF


def _date_faults(request: CreateBalanceRequest, now: int) -> list[tuple[object, str]]:
    starts, ends = request.next_reset_at, request.expires_at
    return [
        (starts is not None and not _resets(request), "next_reset_at: needs a reset"),
        (starts is not None and starts <= now, "next_reset_at: must be in the future"),
        (ends is not None and ends <= now, "expires_at: must be in the future"),
        (starts and ends and starts >= ends, "next_reset_at: must be before expires_at"),
        (request.rollover and ends and not starts, "rollover: needs a reset before expires_at"),
    ]


def _refuse_repetition(
    account: Account, request: CreateBalanceRequest, feature: Feature, now: int
) -> None:
    rows = [(place, row) for place, held in account.state(now).items() for row in held.rows]
    own = Place(feature.id, request.entity_id)
    if feature.type == BOOLEAN and any(place == own for place, _row in rows):
        raise Conflict(f"This customer has feature {feature.id} already", "invalid_request")
    wanted = request.balance_id
    if wanted is not None and any(row.external_id == wanted for _name, row in rows):
        raise Conflict(f"This customer has a balance {wanted} already", "invalid_request")


def _row(request: CreateBalanceRequest, feature: Feature, now: int) -> Row:
    reset, grant = request.reset, request.grant or ZERO
    every, count = (reset.interval, reset.interval_count) if reset else (interval.ONE_OFF, 1)
    return Row(
        id=ids.new("cus_ent_", now),
        created_at=now,
        entity_id=request.entity_id,
        external_id=request.balance_id,
        boolean=feature.type == BOOLEAN,
        unlimited=request.unlimited,
        continuous=feature.continuous,
        allowance=grant,
        balance=grant,
        interval=every,
        interval_count=count,
        next_reset_at=_first_reset(request, every, count, now),
        expires_at=request.expires_at,
        overage=ALLOCATED if feature.continuous and not request.unlimited else NO_OVERAGE,
        rollover=_rollover(request),
    )


def _first_reset(request: CreateBalanceRequest, every: str, count: int, now: int) -> int | None:
    """The first boundary: as given, else a cycle from now; an expiry alone means there is none."""
    if request.next_reset_at is not None:
        return request.next_reset_at
    if every == interval.ONE_OFF or request.expires_at is not None:
        return None
    return interval.first_boundary(now, every, count, now)


def _rollover(request: CreateBalanceRequest) -> RolloverRule | None:
    rule = request.rollover
    if rule is None:
        return None
    months = None if rule.duration == "forever" else rule.length
    return RolloverRule(rule.max, rule.max_percentage, months)
