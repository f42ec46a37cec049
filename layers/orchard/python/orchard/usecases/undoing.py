"""Taking one change of a customer back: `changes.undo`."""

from collections.abc import Callable
from typing import Any, NamedTuple

from orchard.contracts.undoing import UndoRequest, undo_response
from orchard.domain import changes, ledger, reversal, undo
from orchard.domain.arrangement import Household
from orchard.domain.customer import Customer
from orchard.domain.holding import NOTHING, State
from orchard.domain.ledger import Change
from orchard.domain.reversal import NotUndoable
from orchard.errors import Conflict
from orchard.store import balances, catalog, customer_items, customers, documents, pointers, undone
from orchard.store.changes import Lines
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Item, Write
from orchard.usecases import arranging
from orchard.usecases import customers as saving

#: Refuses what somebody may not undo, by the change and the balances without and with its undo.
type Rule = Callable[[Change, State, State], None]


class AlreadyUndone(Conflict):
    """Each change is undone once; to have it back, its undo is undone."""

    code = "already_undone"


class _Plan(NamedTuple):
    """An undo that is not written: what it takes back, and what is to be then."""

    account: Account
    change: Change
    customer: Customer
    before: State
    after: State

    def told(self, last: Item) -> Lines:
        """Return the lines that the ledger is going to have of it."""
        blank = self.change._replace(
            id=last["id"], kind=last["kind"], at=last["at"], by=last["by"], details={}
        )
        was, now = (
            customer_items.fields(self.account.customer),
            customer_items.fields(self.customer),
        )
        before, after = customer_items.difference(was, now)
        head = blank._replace(feature_id=None, entity_id=None, before=before, after=after)
        lines = [head]
        for place, held in self.after.items():
            before, after = ledger.changed_rows(self.before.get(place, NOTHING).rows, held.rows)
            if before or after:
                line = blank._replace(feature_id=place.feature_id, entity_id=place.entity_id)
                lines.append(line._replace(before=before, after=after))
        return tuple(lines)


def _anything(_change: Change, _before: State, _after: State) -> None:
    return None


def take_back(session: Session, request: UndoRequest, rule: Rule = _anything) -> dict[str, Any]:
    """Undo a change by another one, which stays right under usage since then.

    With `dry_run` nothing is written. Errors: 404 for an unknown customer or change; 409
    `already_undone`, and `change_not_undoable` where it would be wrong; 503 for a change that
    the ledger does not know whole yet; those of the rule.
    """
    return optimistic(lambda: _attempt(session, request, rule))


def foreseen(
    session: Session, account: Account, request: UndoRequest, rule: Rule = _anything
) -> dict[str, Any]:
    """Return what `dry_run` does, of a customer that was read. Errors: those of `take_back`."""
    plan = _plan(session, account, request)
    rule(plan.change, plan.before, plan.after)
    return undo_response(request, plan.told(_stamp(session, request)))


def _attempt(session: Session, request: UndoRequest, rule: Rule) -> dict[str, Any]:
    account = customers.require(session, request.customer_id)
    if request.dry_run:
        return foreseen(session, account, request, rule)
    plan = _plan(session, account, request)
    rule(plan.change, plan.before, plan.after)
    last = _stamp(session, request)
    _write(session, plan, last)
    return undo_response(request, plan.told(last))


def _stamp(session: Session, request: UndoRequest) -> Item:
    return session.stamp("undo", undoes=request.change_id, **request.audit)


def _plan(session: Session, account: Account, request: UndoRequest) -> _Plan:
    internal_id, change_id = account.customer.internal_id, request.change_id
    is_latest = any(item.get("last", {}).get("id") == change_id for item in account.items)
    lines = undone.whole(session, internal_id, change_id, is_latest=is_latest)
    change = lines[0]
    if not changes.is_undoable(change.kind):
        raise reversal.refusal(change.kind, changes.action(change.kind))
    undos = undone.undone_by(session, change)
    if undos:
        raise AlreadyUndone(_what_to_undo(undos))
    own = [line for line in lines if line.feature_id is None]
    customer = _customer(session, account.customer, own)
    household = Household(account.customer, account.plans, account.entities)
    before = account.state(session.now)
    after = undo.undone(before, undone.balance_lines(lines), household, session.now)
    return _Plan(account, change, customer, before, after)


def _what_to_undo(undos: list[str]) -> str:
    """What to undo instead of a change that was undone, and perhaps made again by undoing that."""
    if len(undos) % 2:
        return f"This change was undone by {undos[-1]}. Undo that one to have the change back"
    return (
        f"This change was undone by {undos[0]} and is back since {undos[-1]}. "
        "Undo the latter to take it back again"
    )


def _customer(session: Session, customer: Customer, own: list[Change]) -> Customer:
    """The customer without what the change did to its own fields."""
    if not own:
        return customer
    sides = (own[0].before, own[0].after)
    before, after = (
        side | {"metadata": documents.load(side["metadata"])} if "metadata" in side else side
        for side in sides
    )
    back = reversal.customer_back(customer, before, after)
    if back.id is None and back.email:
        rival = pointers.find_by_email(session, back.email)
        if rival not in (None, customer.hot_id):
            raise NotUndoable(f"Another customer without an id has the email {back.email} by now")
    return back


def _write(session: Session, plan: _Plan, last: Item) -> None:
    mark = undone.mark(session, plan.change, last)
    if plan.customer != plan.account.customer:
        saving.save(session, plan.account, plan.customer, last, mark)
        return
    touch = customers.touch(session, plan.account.customer)
    session.commit(touch, *_balances(session, plan, last), mark)


def _balances(session: Session, plan: _Plan, last: Item) -> list[Write]:
    account = plan.account
    household = Household(account.customer, account.plans, account.entities)
    known = catalog.cached(session)
    if any(plan.after[place].rows != _rows(plan.before, place) for place in plan.after):
        return arranging.writes(session, known, household, account.balances, plan.after, last=last)
    # Whatever came since made up for the change: it is undone all the same, and that is told.
    touched = [one for one in account.balances if one.feature_id == plan.change.feature_id]
    return [balances.settled(one, plan.before[one.place], last) for one in touched[:1]]


def _rows(state: State, place: Any) -> Any:
    return state.get(place, NOTHING).rows
