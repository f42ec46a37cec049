"""`customers.get_or_create`: one customer, however many requests ask for it at once."""

from typing import Any

from orchard.contracts.billing_controls import merged
from orchard.contracts.customers import GetOrCreateCustomerRequest
from orchard.domain import attachment, changes, ids
from orchard.domain.arrangement import Household
from orchard.domain.catalog import Catalog, Plan, default_plans
from orchard.domain.customer import Customer
from orchard.domain.interval import DAY_MS
from orchard.domain.money import MAIN_CURRENCY
from orchard.errors import Invalid
from orchard.store import catalog, customers, moves, pointers
from orchard.store.customers import Account
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import ConditionFailed, Put, Write
from orchard.usecases import arranging, linking, top_ups, viewing

#: For so long a paid plan that a new customer is to get by itself may be under way.
_NEW_MS = 3 * DAY_MS


def get_or_create(session: Session, request: GetOrCreateCustomerRequest) -> dict[str, Any]:
    """Return the customer, created with its default plans if it is new.

    An existing customer only has its blanks filled. A customer without an id that has the same
    e-mail is claimed: it gets the id and keeps all it has.
    """
    if request.customer_id is None and not request.email:
        raise Invalid("Either customer ID or email is required")
    if request.currency not in (None, MAIN_CURRENCY):
        raise Invalid("Multi-currency is not enabled for this organization")
    # With a step at Stripe to follow, a failure there must leave the idempotency key free.
    has_more = request.create_in_stripe or request.stripe_id is not None
    first = session.unmarked() if has_more else session
    account = optimistic(lambda: _found(first, request) or _created(first, request))
    if request.create_in_stripe and account.customer.stripe_id is None:
        account = linking.create_in_stripe(session.unmarked(), account, request.audit)
    account = _started(session, _adopted(session, account, request), request)
    view = viewing.view(session, account, request.expand)
    return {**view, "autumn_id": account.customer.internal_id} if request.with_autumn_id else view


def _adopted(session: Session, account: Account, request: GetOrCreateCustomerRequest) -> Account:
    """The account with the plans that its Stripe customer pays for already, if it is new."""
    customer = account.customer
    is_new = customer.created_at >= session.now - _NEW_MS
    if request.stripe_id is None or customer.stripe_id != request.stripe_id or not is_new:
        return account
    from orchard.usecases.billing.reconciling import importing  # noqa: PLC0415 - few customers need it

    importing.all_of(session.unmarked(), account, request.stripe_id, request.audit)
    return customers.require(session, customer.hot_id)


def _started(session: Session, account: Account, request: GetOrCreateCustomerRequest) -> Account:
    """The account with the paid plans that a new customer gets, where there may be such."""
    if account.customer.created_at < session.now - _NEW_MS:
        return account
    plans = catalog.cached(session).current_plans()
    may_come = any(plan.auto_enable and not plan.is_free and not plan.archived for plan in plans)
    if not may_come and request.auto_enable_plan_id is None:
        return account
    from orchard.usecases.billing.purchases import starting  # noqa: PLC0415 - few customers need it

    return starting.started(session, account)


def _found(session: Session, request: GetOrCreateCustomerRequest) -> Account | None:
    if request.customer_id is not None:
        account = customers.find(session, request.customer_id)
        if account is not None:
            return _filled(session, account, request)
    if not request.email:
        return None
    nameless = customers.find_by_email(session, request.email)
    if nameless is None or request.customer_id is None:
        return nameless
    return _claimed(session, nameless, request.customer_id, request.audit)


def _filled(session: Session, account: Account, request: GetOrCreateCustomerRequest) -> Account:
    before = account.customer
    after = before._replace(
        name=before.name or request.name,
        email=before.email or request.email,
        send_email_receipts=before.send_email_receipts
        if request.send_email_receipts is None
        else request.send_email_receipts,
    )
    if after == before:
        return account
    after = after._replace(version=before.version + 1)
    last = session.stamp("fill", **request.audit)
    writes: list[Write] = [customers.put(session, after, account.plans, last)]
    if after.id is None and after.email != before.email:
        writes.extend(pointers.claimed(session, after))
    session.commit(*writes)
    return account._replace(customer=after)


def _claimed(
    session: Session, account: Account, customer_id: str, audit: dict[str, str]
) -> Account:
    before = account.customer
    after = before._replace(id=customer_id, version=before.version + 1)
    last = session.stamp("claim", id=customer_id, **audit)
    session.commit(
        *moves.moved(session, account, after, last),
        *pointers.claimed(session, after),
        *pointers.dropped(session, before, after),
    )
    return customers.require(session, customer_id)


def _created(session: Session, request: GetOrCreateCustomerRequest) -> Account:
    customer = _new(session, request)
    known = catalog.read(session)
    plans = _plans(known, request)
    attached = [attachment.attach(known, plan, session.now) for plan in plans if plan.is_free]
    held = tuple(one.customer_plan for one in attached)
    state = arranging.arranged(
        session, known, Household(customer, held), attachment.held_after({}, attached)
    )
    last = session.stamp("create", **request.audit)
    told = {"after": changes.plans(held)} if held else {}
    marks = (catalog.mark_plan(session, one.plan, customer.internal_id) for one in attached)
    later = _intentions(session, customer, [plan for plan in plans if not plan.is_free])
    counts = {} if request.billing_controls is None else request.billing_controls.counts
    bare = Account(customer, (), (), ())
    writes = [
        *customers.creation(session, customer, held, last | told),
        *customers.first_balances(session, customer, state, last),
        *(mark for some in marks for mark in some),
        *top_ups.counted(session, bare, customer.billing_controls, counts),
        *later,
    ]
    try:
        # With steps at Stripe to follow, a failure there must leave the idempotency key free.
        (session.unmarked() if later else session).commit(*writes)
    except ConditionFailed as refused:
        linking.explain(session, customer, writes[refused.position])
        raise
    return customers.fresh(session, customer, held, state)


def _intentions(session: Session, customer: Customer, plans: list[Plan]) -> list[Put]:
    if not plans:
        return []
    from orchard.usecases.billing.purchases import starting  # noqa: PLC0415 - few customers need it

    return starting.intentions(session, customer, plans)


def _new(session: Session, request: GetOrCreateCustomerRequest) -> Customer:
    config = {} if request.config is None else request.config.model_dump(exclude_none=True)
    return Customer(
        internal_id=ids.new("cus_", session.now),
        id=request.customer_id,
        created_at=session.now,
        name=request.name or None,
        email=request.email or None,
        fingerprint=request.fingerprint,
        metadata=request.metadata or {},
        stripe_id=request.stripe_id,
        send_email_receipts=bool(request.send_email_receipts),
        currency=request.currency,
        billing_controls=merged({}, request.billing_controls),
        config=config,
    )


def _plans(known: Catalog, request: GetOrCreateCustomerRequest) -> tuple[Plan, ...]:
    """The plans a new customer starts with: the one asked for, else the defaults."""
    if request.auto_enable_plan_id is None:
        return default_plans(known.current_plans())
    plan = known.plan(request.auto_enable_plan_id)
    trial = plan.free_trial
    if not plan.is_free and (trial is None or trial.get("card_required", True)):
        raise Invalid(
            "Auto-enable plan must be a free product, "
            "or have a free trial with 'card_required' as false"
        )
    return (plan,)
