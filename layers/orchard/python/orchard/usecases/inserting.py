"""`invoices.insert`: invoices that were made elsewhere, each stored once by its id at Stripe.

Up to 500 of them are more than one transaction holds. Everything that can be refused is refused
before anything is written. Then they are written some at a time, in their order; each takes the
place of what is stored under its Stripe id, and an idempotency key is claimed with the last ones.
So the same request again completes what a crash left, and changes nothing of what is there.
"""

from collections.abc import Iterable, Sequence
from itertools import batched
from typing import Any

from orchard.contracts.invoices import InsertInvoicesRequest, InvoiceToInsert, insert_response
from orchard.domain import ids
from orchard.domain.invoice import Invoice
from orchard.domain.money import MAIN_CURRENCY
from orchard.errors import Invalid
from orchard.store import catalog, invoices, lookups
from orchard.store.optimistic import optimistic
from orchard.store.session import Session
from orchard.store.statements import Write
from orchard.store.stored import Owner

#: Each takes up to four writes, and a transaction holds a hundred.
_TOGETHER = 24
_MOST_NAMED = 10

type Given = Sequence[InvoiceToInsert]
type Owners = dict[str, Owner]


def insert(session: Session, request: InsertInvoicesRequest) -> dict[str, Any]:
    """Store invoices and return them in the order of the request; Stripe is not asked.

    Errors: 400 naming unknown customers, entities and plans; nothing is written then.
    """
    given = request.invoices
    owners = lookups.owners(session, {one.customer_id for one in given})
    _refuse_unknown(session, given, owners)
    some = list(batched(given, _TOGETHER, strict=False)) or [()]
    first = session.unmarked()
    written = [one for batch in some[:-1] for one in _written(first, batch, owners)]
    written += _written(session, some[-1], owners)
    named = [one.customer_id for one in given]
    return insert_response(list(zip(written, named, strict=True)), session.base_url)


def _refuse_unknown(session: Session, given: Given, owners: Owners) -> None:
    faults = {
        "customers": {one.customer_id for one in given} - owners.keys(),
        "plans": _unknown_plans(session, {name for one in given for name in one.plan_ids}),
        "entities": _unknown_entities(session, given, owners),
    }
    told = [f"{kind} {_listed(names)}" for kind, names in faults.items() if names]
    if told:
        raise Invalid(f"Nothing was inserted: unknown {'; '.join(told)}")


def _unknown_plans(session: Session, names: set[str]) -> set[str]:
    unknown = names - catalog.cached(session).plans.keys()
    return unknown - catalog.read(session).plans.keys() if unknown else unknown


def _unknown_entities(session: Session, given: Given, owners: Owners) -> set[str]:
    wanted = {
        (owners[one.customer_id], one.entity_id)
        for one in given
        if one.entity_id is not None and one.customer_id in owners
    }
    missing = wanted - lookups.entities(session, wanted)
    return {entity_id for _owner, entity_id in missing}


def _listed(names: Iterable[str]) -> str:
    named = sorted(names)
    rest = [f"and {len(named) - _MOST_NAMED} more"] if len(named) > _MOST_NAMED else []
    return ", ".join([*named[:_MOST_NAMED], *rest])


def _written(session: Session, given: Given, owners: Owners) -> list[Invoice]:
    def attempt() -> list[Invoice]:
        read = invoices.find(session, [one.stripe_id for one in given])
        wanted = [
            _invoice(session, one, owners[one.customer_id], read.get(one.stripe_id))
            for one in given
        ]
        writes: list[Write] = [
            write
            for one in wanted
            for write in invoices.stored(session, one, read.get(one.stripe_id))
        ]
        session.commit(*writes)
        return wanted

    return optimistic(attempt)


def _invoice(
    session: Session, given: InvoiceToInsert, owner: Owner, read: Invoice | None
) -> Invoice:
    return Invoice(
        id=ids.new("inv_", session.now) if read is None else read.id,
        stripe_id=given.stripe_id,
        created_at=given.created_at,
        status=given.status,
        currency=given.currency or MAIN_CURRENCY,
        total=given.total,
        subtotal=given.total,
        amount_due=given.total,
        amount_paid=given.amount_paid,
        refunded_amount=given.refunded_amount,
        hosted_invoice_url=given.hosted_invoice_url,
        plan_ids=tuple(given.plan_ids),
        processor_type=given.processor_type,
        entity_id=given.entity_id,
        owner=owner.internal_id,
    )
