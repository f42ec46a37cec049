"""`customers.delete`: a plan of what would be lost, and a receipt of what was done.

Where Stripe is to delete its customer too, the deletion is written down first: from then on the
customer is shown as `deleting` and can't be changed. Stripe comes next. If it refuses or does not
answer, that stays so, and the job tries again. Then the customer goes, in one transaction with the
word that its history is to be purged. A crash anywhere leaves one of these states, from which the
same request, or the job, goes on; Stripe deletes a customer once, however often it is asked.
"""

from contextlib import suppress
from typing import Any, NamedTuple

from orchard.contracts import deletion as contract
from orchard.contracts.deletion import (
    DONE,
    KEPT,
    NONE,
    RETRIED,
    SCHEDULED,
    DeleteCustomerRequest,
    Outcome,
    Receipt,
)
from orchard.domain.customer import Customer
from orchard.errors import CustomerNotFound, Locked, StripeFailed, StripeRateLimited, Unavailable
from orchard.store import customers, due, keys, orders, pointers, removals
from orchard.store.customers import Account
from orchard.store.due import Deletion
from orchard.store.optimistic import optimistic
from orchard.store.session import MOST_WRITES, Session
from orchard.store.statements import ConditionFailed, Item, Write
from orchard.usecases import deletion_preview, erasing, linking

#: Invoices that the request itself makes anonymous; more are left to the job.
_AT_ONCE = 50


class Wish(NamedTuple):
    """What is to be done with whom: asked for now, or by the request that began."""

    internal_id: str
    last: Item
    anonymize: bool


def delete(session: Session, request: DeleteCustomerRequest) -> dict[str, Any]:
    """Remove a customer and all under it; its history is purged by a job soon after.

    Returns what would be lost (`dry_run`), or what became of each step: it is no success while
    Stripe, asked to delete its customer, has not. Errors: 404; 423 while billing is being changed.
    """
    if request.dry_run:
        return deletion_preview.preview(session, request)
    customer = customers.require(session, request.customer_id).customer
    if deletion_preview.ends_at_stripe(customer, request):
        begun = optimistic(lambda: _begun(session.unmarked(), request))
        error = _ended_at_stripe(session, begun)
        if error is not None:
            session.forgo_marks()
            return contract.response(_waiting(session, begun, error.message))
        return contract.response(finished(session, begun, stripe=DONE))
    return contract.response(optimistic(lambda: _removed_alone(session, request)))


def go_on(session: Session, deletion: Deletion) -> None:
    """Go on with a deletion that waits for Stripe, as a job. Errors: Stripe's."""
    account = _account(session, deletion)
    stripe: Outcome = NONE
    if account is not None and account.customer.stripe_id is not None:
        error = _ended_at_stripe(session, deletion)
        if error is not None:
            raise error
        stripe = DONE
    finished(session, deletion, stripe=stripe)


def finished(session: Session, deletion: Deletion, stripe: Outcome) -> Receipt:
    """Remove the customer now that Stripe did its part, unless a rival was faster."""
    wish = Wish(deletion.internal_id, deletion.last, deletion.anonymize)

    def attempt() -> Receipt:
        account = _account(session, deletion)
        if account is None:
            gone = Customer(deletion.internal_id, deletion.hot_id, deletion.deleted_at)
            return _receipt(session, wish, gone, (), stripe)
        return _removed(session, account, wish, stripe)

    return optimistic(attempt)


def _begun(session: Session, request: DeleteCustomerRequest) -> Deletion:
    """Write down that the customer is to be deleted, unless that was done before."""
    customer = customers.require(session, request.customer_id).customer
    key = keys.deletion(session.tenant, customer.internal_id)
    if customer.deleting_since is None:
        last = session.stamp("delete", **request.audit)
        marked = session.stamp("deleting", **request.audit)
        _commit(
            session,
            customer,
            [
                customers.mark_deleting(session, customer, marked),
                due.intent(session, customer, last, anonymize=request.anonymize),
            ],
        )
    found = due.get_deletion(session.table, key)
    if found is None:
        raise CustomerNotFound(request.customer_id)
    return found._replace(anonymize=found.anonymize or request.anonymize)


def _ended_at_stripe(
    session: Session, deletion: Deletion
) -> StripeFailed | StripeRateLimited | Unavailable | None:
    """Have Stripe delete its customer; return what it says if it does not, noted for the job."""
    account = _account(session, deletion)
    if account is None or account.customer.stripe_id is None:
        return None
    try:
        linking.delete_in_stripe(session, account.customer.stripe_id)
    except (StripeFailed, StripeRateLimited, Unavailable) as error:
        with suppress(ConditionFailed):
            session.table.update(due.refused(deletion, error.message, session.now))
        return error
    return None


def _account(session: Session, deletion: Deletion) -> Account | None:
    account = customers.find(session, deletion.hot_id)
    is_it = account is not None and account.customer.internal_id == deletion.internal_id
    return account if is_it else None


def _removed_alone(session: Session, request: DeleteCustomerRequest) -> Receipt:
    account = customers.require(session, request.customer_id)
    customer = account.customer
    stripe: Outcome = NONE if customer.stripe_id is None else KEPT
    last, anonymize = session.stamp("delete", **request.audit), request.anonymize
    if customer.deleting_since is not None:
        # Stripe was to delete its customer first, and shall not any more.
        begun = _begun(session, request)
        last, anonymize = begun.last, begun.anonymize
    wish = Wish(customer.internal_id, last, anonymize)
    return _removed(session, account, wish, stripe)


def _removed(session: Session, account: Account, wish: Wish, stripe: Outcome) -> Receipt:
    customer = account.customer
    first: list[Write] = [
        due.deletion(session, customer, wish.last, anonymize=wish.anonymize),
        *pointers.dropped(session, customer, None),
    ]
    # The customer itself comes first; what does not fit is swept up after it.
    gone = removals.removals(session, customer, account.items)
    room = MOST_WRITES - len(first) - len(session.marks) - 1
    _commit(session, customer, [*first, *gone[:room]])
    # What a request that ran at the same time still wrote; the job looks for it once more.
    removals.sweep(session.table, session.tenant, customer.hot_id, customer.internal_id)
    held = tuple(plan for plan in account.plans if plan.is_held(session.now))
    return _receipt(session, wish, customer, contract.subscriptions(held), stripe)


def _commit(session: Session, customer: Customer, writes: list[Write]) -> None:
    """Apply the writes unless somebody changes the billing. Errors: `Locked`."""
    try:
        session.commit(*writes, orders.untouched(session, customer.internal_id))
    except ConditionFailed as failed:
        if failed.position == len(writes):
            raise Locked(
                "Billing of this customer is being changed, try again in a few seconds"
            ) from None
        raise


def _receipt(
    session: Session,
    wish: Wish,
    customer: Customer,
    subscriptions: tuple[str, ...],
    stripe: Outcome,
) -> Receipt:
    invoices: Outcome = SCHEDULED
    if wish.anonymize:
        left = erasing.made_anonymous(session, wish.internal_id, _AT_ONCE)
        invoices = SCHEDULED if left else KEPT
    return Receipt(
        change_id=wish.last["id"],
        customer=customer,
        table=DONE,
        stripe=stripe,
        history=SCHEDULED,
        invoices=invoices,
        subscriptions=subscriptions if stripe == KEPT else (),
    )


def _waiting(session: Session, deletion: Deletion, error: str) -> Receipt:
    account = _account(session, deletion)
    gone = Customer(deletion.internal_id, deletion.hot_id, deletion.deleted_at)
    return Receipt(
        change_id=deletion.last["id"],
        customer=gone if account is None else account.customer,
        table=SCHEDULED,
        stripe=RETRIED,
        history=SCHEDULED,
        invoices=SCHEDULED,
        error=error,
    )
