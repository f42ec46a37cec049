"""`customers.update`."""

from collections.abc import Iterable
from typing import Any

from orchard.contracts.billing_controls import merged
from orchard.contracts.customers import UpdateCustomerRequest
from orchard.domain.arrangement import Household
from orchard.domain.customer import Customer, changed_since, merged_metadata
from orchard.errors import Conflict, Invalid
from orchard.store import catalog, customers, moves, pointers, telling
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Item, Write
from orchard.usecases import arranging, linking, top_ups, viewing

#: Fields that are stored as they are sent; a null clears them.
_PLAIN = ("name", "email", "fingerprint", "currency")


def update(session: Session, request: UpdateCustomerRequest) -> dict[str, Any]:
    """Change a customer and return it; nothing is written when nothing changes.

    Errors: 404 unknown; 409 `customer_already_exists` for a taken id, `version_conflict` for
    what is not as it was seen; 400 `stripe_error` for a Stripe customer that can't be linked.
    """
    account = optimistic(lambda: _update(session, request))
    view = viewing.view(session, account, request.expand)
    return {**view, "autumn_id": account.customer.internal_id} if request.with_autumn_id else view


def _update(session: Session, request: UpdateCustomerRequest) -> Account:
    account = customers.require(session, request.customer_id)
    before = account.customer
    _require_seen(before, request)
    after = _changed(before, request)
    counts = {} if request.billing_controls is None else request.billing_controls.counts
    counted = top_ups.counted(session, account, after.billing_controls, counts)
    if counted and after.hot_id != before.hot_id:
        raise Invalid("Change the id and the billing_controls in two requests")
    if after == before and not counted:
        return account
    return save(session, account, after, session.stamp("update", **request.audit), *counted)


def save(
    session: Session, account: Account, after: Customer, last: Item, *beside: Write
) -> Account:
    """Write a customer that was changed, all that follows from it, and what is written beside.

    Returns the account as it is then. Errors: as in `update`; `ConditionFailed` and the like.
    """
    before = account.customer
    customers.refuse_deleting(before)
    if after.hot_id != before.hot_id:
        if after.billing_controls != before.billing_controls:
            raise Invalid("Change the id and the billing_controls in two requests")
        if customers.find(session, after.hot_id) is not None:
            raise _taken(after)
    linking.follow(session, before, after)
    after = after._replace(version=before.version + 1)
    if after.hot_id != before.hot_id:
        return _moved(session, account, after, last, beside)
    _commit(
        session,
        after,
        [
            customers.put(session, after, account.plans, last),
            *_pointers(session, before, after),
            *_arranged(session, account, after, last),
            *beside,
        ],
    )
    # Controls are kept with the balances too, so these may have changed as well.
    return customers.require(session, after.hot_id)


def _require_seen(before: Customer, request: UpdateCustomerRequest) -> None:
    seen = {} if request.if_still is None else request.if_still.told
    changed = changed_since(before, seen)
    if changed:
        verb = "was" if len(changed) == 1 else "were"
        raise Conflict(f"{', '.join(changed)} {verb} changed since you looked", "version_conflict")


def _changed(before: Customer, request: UpdateCustomerRequest) -> Customer:
    sent = request.model_fields_set
    plain: dict[str, Any] = {
        name: getattr(request, name) or None for name in _PLAIN if name in sent
    }
    after = before._replace(**plain)
    if request.new_customer_id is not None:
        after = after._replace(id=request.new_customer_id)
    if request.metadata is not None:
        after = after._replace(metadata=merged_metadata(before.metadata, request.metadata))
    if "stripe_id" in sent:
        after = after._replace(stripe_id=request.stripe_id or None)
    if request.send_email_receipts is not None:
        after = after._replace(send_email_receipts=request.send_email_receipts)
    if request.config is not None:
        switches = request.config.model_dump(exclude_none=True)
        after = after._replace(config={**before.config, **switches})
    controls = merged(dict(before.billing_controls), request.billing_controls)
    after = after._replace(billing_controls=controls)
    if after.id is None and not after.email:
        raise Invalid("A customer without an id needs an email")
    return after


def _moved(
    session: Session, account: Account, after: Customer, last: Item, beside: Iterable[Write]
) -> Account:
    writes = [
        *moves.moved(session, account, after, {**last, "kind": telling.MOVING[last["kind"]]}),
        *pointers.claimed(session, after),
        *pointers.dropped(session, account.customer, after),
        *beside,
    ]
    try:
        _commit(session, after, writes)
    except ConditionFailed as refused:
        if refused.position == 0:
            raise _taken(after) from None
        raise
    return customers.require(session, after.hot_id)


def _arranged(session: Session, account: Account, after: Customer, last: Item) -> list[Write]:
    if after.billing_controls == account.customer.billing_controls:
        return []
    household = Household(after, account.plans, account.entities)
    known = catalog.cached(session)
    return arranging.writes(session, known, household, account.balances, {}, last=last)


def _taken(after: Customer) -> Conflict:
    return Conflict(
        f"Customer with ID {after.id} already exists, can't change to this ID",
        "customer_already_exists",
    )


def _pointers(session: Session, before: Customer, after: Customer) -> list[Write]:
    if (before.stripe_id, before.email, before.id) == (after.stripe_id, after.email, after.id):
        return []
    return [*pointers.claimed(session, after), *pointers.dropped(session, before, after)]


def _commit(session: Session, after: Customer, writes: list[Write]) -> None:
    try:
        session.commit(*writes)
    except ConditionFailed as refused:
        write = writes[refused.position]
        linking.explain(session, after, write)
        if pointers.is_email_claim(session, after, write):
            raise Conflict(
                f"Another customer without an id has the email {after.email}",
                "customer_already_exists",
            ) from None
        raise
