"""Edits of a balance: `balances.update`, and the older ways to set usage or a balance."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from orchard.contracts.audit import done
from orchard.contracts.editing import SetBalancesRequest, SetUsageRequest
from orchard.contracts.granting import UpdateBalanceRequest
from orchard.domain import edits, overrides, pool
from orchard.domain.arrangement import Household
from orchard.domain.edits import BalanceNotFound, Edit, Selection
from orchard.domain.holding import NOTHING, Place, State
from orchard.domain.overrides import Term
from orchard.domain.row import Rows
from orchard.domain.sources import ONE, Sources
from orchard.errors import Conflict, CustomerNotFound, InvalidInputs
from orchard.store import balances, catalog, customers, ground
from orchard.store.customers import Account
from orchard.store.ground import Ground
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.usecases import arranging, creating
from orchard.usecases.along import ALONE, Along

type Change = Callable[[Sources], Sources]


class Planned(NamedTuple):
    """An edit that is not written: the balances it rests on, as they are and as they are to be.

    `account` is there if the edit may give a balance its first source, on which others depend.
    """

    ground: Ground
    before: State
    after: State
    account: Account | None = None


def update(session: Session, request: UpdateBalanceRequest, along: Along = ALONE) -> dict[str, Any]:
    """Edit a balance until its next reset, or `ends_at`; all fields are one change.

    Errors: 404 for an unknown customer, entity or feature, and when no balance matches; 409 when
    the balance is not the version that the caller saw.
    """

    def attempt() -> dict[str, Any]:
        until: dict[str, Any] = {} if request.ends_at is None else {"ends_at": request.ends_at}
        last = session.stamp("edit", **until, **request.audit, **along.details)
        plan = planned(session, request, last["id"])
        writes = _writes(session, plan, last, exact=request.if_version is not None)
        change_id = last["id"] if writes else None
        session.commit(*writes, *along.writes(change_id))
        return done(change_id)

    return optimistic(attempt)


def planned(session: Session, request: UpdateBalanceRequest, change_id: str = "") -> Planned:
    """Return what an edit would make of the balances, as the change of this id.

    Errors: as in `update`.
    """
    for name, at in (("expires_at", request.expires_at), ("ends_at", request.ends_at)):
        if at is not None and at <= session.now:
            raise InvalidInputs(f"{name}: must be in the future")
    edit = _edit(request)
    selection = Selection(request.interval, request.balance_id or request.customer_entitlement_id)

    def change(sources: Sources) -> Sources:
        return edits.edited(edits.selected(sources, selection), edit)

    if request.ends_at is not None:
        term = Term(change_id, session.now, request.ends_at)
        return _planned_until(session, request, selection, edit, term)
    held = _ground(session, request.customer_id, request.entity_id, request.feature_id)
    _require_version(request, held)
    return _planned(session, held, request.feature_id, change)


def _planned_until(
    session: Session, request: UpdateBalanceRequest, selection: Selection, edit: Edit, term: Term
) -> Planned:
    feature = catalog.feature(session, request.feature_id)
    account = customers.require(session, request.customer_id)
    held = ground.of_account(account, request.entity_id, feature.id)
    _require_version(request, held)
    state = held.state(session.now)
    after = overrides.edited(state, held.subject, feature.id, selection, edit, term=term)
    return Planned(held, state, after, account)


def _require_version(request: UpdateBalanceRequest, held: Ground) -> None:
    if request.if_version not in (None, held.version(request.feature_id)):
        raise Conflict("The balance was changed since you read it", "version_conflict")


def _edit(request: UpdateBalanceRequest) -> Edit:
    return Edit(
        remaining=request.target,
        add=request.add_to_balance,
        usage=request.usage,
        included_grant=request.included_grant,
        next_reset_at=request.next_reset_at,
        expires_at=request.expires_at,
    )


def set_usage(session: Session, request: SetUsageRequest) -> dict[str, Any]:
    """Set what was used of a feature; a customer that is not there yet is made first."""
    edit = UpdateBalanceRequest(
        customer_id=request.customer_id,
        entity_id=request.entity_id,
        feature_id=request.feature_id,
        usage=request.value,
        reason=request.reason,
        reference=request.reference,
    )
    try:
        return update(session, edit)
    except CustomerNotFound:
        creating.get_or_create(session.unmarked(), request.customer)
        return update(session, edit)


def set_balances(session: Session, request: SetBalancesRequest) -> dict[str, Any]:
    """Set what remains of some features and grant as much more or less: usage stays as it is.

    Errors: as in `update`; nothing is changed then.
    """

    def attempt() -> dict[str, Any]:
        last = session.stamp("edit", **request.audit)
        writes: list[Write] = []
        for wanted in request.balances:
            held = _ground(session, request.customer_id, request.entity_id, wanted.feature_id)
            change = partial(_regranted, wanted.balance)
            plan = _planned(session, held, wanted.feature_id, change)
            writes += saved(held, plan.before, plan.after, last)
        session.commit(*writes)
        return done(last["id"] if writes else None)

    return optimistic(attempt)


def _regranted(amount: Decimal, sources: Sources) -> Sources:
    return edits.regranted(edits.selected(sources, Selection()), amount)


def _ground(session: Session, customer_id: str, entity_id: str | None, feature_id: str) -> Ground:
    feature = catalog.feature(session, feature_id)
    return ground.load(session, customer_id, entity_id, [feature.id])


def _planned(session: Session, held: Ground, feature_id: str, change: Change) -> Planned:
    state = held.state(session.now)
    before = pool.candidates(state, held.subject, {feature_id: ONE})
    if not before:
        raise BalanceNotFound("This customer has no balance of the feature")
    changed = {(source.place, source.row.id): source for source in change(before)}
    after = tuple(changed.get((source.place, source.row.id), source) for source in before)
    changed_state = pool.regrouped(state, before, after)
    if held.subject.entity_id is None:
        changed_state = edits.recast(changed_state, feature_id, before, after)
    return Planned(held, state, changed_state)


def _writes(session: Session, plan: Planned, last: Item, *, exact: bool) -> list[Write]:
    """The writes of an edit; others follow where a balance gets its first source by it."""
    account, state = plan.account, plan.after
    is_first = any(held.rows and not _rows(plan.before, place) for place, held in state.items())
    if account is None or not is_first:
        return saved(plan.ground, plan.before, state, last, exact=exact)
    household = Household(account.customer, account.plans, account.entities)
    known = catalog.cached(session)
    return [
        customers.touch(session, account.customer),
        *arranging.writes(
            session, known, household, account.balances, state, last=last, exact=exact
        ),
    ]


def _rows(state: State, place: Place) -> Rows:
    return state.get(place, NOTHING).rows


def saved(
    held: Ground, before: State, after: State, last: Item, *, exact: bool = False
) -> list[Write]:
    """Return the writes of a change of balances that is not usage.

    What is used meanwhile counts after the change; `exact`, and a change of several balances,
    require that nothing is.
    """
    changed = [place for place in after if after[place] != before[place]]
    exact = exact or len(changed) > 1
    return [
        balances.settled(held.balances[place], after[place], last, exact=exact) for place in changed
    ]
