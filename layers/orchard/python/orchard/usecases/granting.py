"""Standalone grants and edits: `balances.create` and `balances.update`."""

from typing import Any

from orchard.contracts.granting import CreateBalanceRequest, UpdateBalanceRequest
from orchard.domain import edits, ids, interval
from orchard.domain.catalog import BOOLEAN, Feature
from orchard.domain.edits import BalanceNotFound, Edit, Selection
from orchard.domain.quantity import ZERO
from orchard.domain.row import ALLOCATED, NO_OVERAGE, RolloverRule, Row, ordered
from orchard.errors import Conflict, InvalidInputs
from orchard.store import balances, catalog, customers
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.usecases import tracking

_DONE = {"success": True}


def create(session: Session, request: CreateBalanceRequest) -> dict[str, Any]:
    """Grant a balance, or switch a boolean feature on, apart from any plan.

    Errors: 404 for an unknown customer, entity or feature; 400 for a grant that makes no sense;
    409 for a balance id or a flag that the customer has already.
    """
    if request.entity_id is not None:
        tracking.require_entity(session, request.customer_id, request.entity_id)
    return optimistic(lambda: _create(session, request))


def update(session: Session, request: UpdateBalanceRequest) -> dict[str, Any]:
    """Edit a balance until its next reset; all fields of the request are one change.

    Errors: 404 for an unknown customer, entity or feature, and when no balance matches.
    """
    if request.entity_id is not None:
        tracking.require_entity(session, request.customer_id, request.entity_id)
    if request.expires_at is not None and request.expires_at <= session.now:
        raise InvalidInputs("expires_at: must be in the future")
    return optimistic(lambda: _update(session, request))


def _create(session: Session, request: CreateBalanceRequest) -> dict[str, Any]:
    account = customers.require(session, request.customer_id)
    feature = catalog.feature(session, request.feature_id)
    _check(request, feature, session.now)
    _refuse_repetition(account, request, feature, session.now)
    row = _row(request, feature, session.now)
    last = session.stamp("grant", row_id=row.id)
    writes: list[Write] = [
        customers.touch(session, account.customer),
        *catalog.mark_feature(session, feature),
    ]
    stored = next((one for one in account.balances if one.feature_id == feature.id), None)
    if stored is None:
        place = (account.customer.hot_id, account.customer.internal_id)
        writes.append(balances.created(session, place, feature.id, (row,), last))
    else:
        rows = ordered((*stored.current(session.now), row))
        writes.append(balances.settled(stored, rows, last))
    session.commit(*writes)
    return _DONE


def _update(session: Session, request: UpdateBalanceRequest) -> dict[str, Any]:
    stored = balances.get(session, request.customer_id, request.feature_id)
    if stored is None:
        customer = customers.locate(session, request.customer_id)
        catalog.feature(session, request.feature_id)
        stored = balances.get(session, customer.hot_id, request.feature_id)
    if stored is None:
        raise BalanceNotFound("This customer has no balance of the feature")
    edit = Edit(
        remaining=request.target,
        add=request.add_to_balance,
        usage=request.usage,
        included_grant=request.included_grant,
        next_reset_at=request.next_reset_at,
        expires_at=request.expires_at,
    )
    selection = Selection(request.interval, request.balance_id or request.customer_entitlement_id)
    before = stored.current(session.now)
    after = edits.edited(before, selection, edit)
    if after != before:
        last = session.stamp("edit", reason=request.reason)
        session.commit(balances.settled(stored, after, last))
    return _DONE


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
    rows = [(one.feature_id, row) for one in account.balances for row in one.current(now)]
    if feature.type == BOOLEAN and any(name == feature.id for name, _row in rows):
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
