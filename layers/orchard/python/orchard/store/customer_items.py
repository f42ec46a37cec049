"""The form in which the table keeps a customer."""

from orchard.domain import customer as domain
from orchard.domain import ledger
from orchard.domain.customer import Customer, CustomerPlan
from orchard.store import customer_coupons, customer_plans, documents, keys
from orchard.store.session import Session
from orchard.store.statements import Item

_RARE = ("coupons", "deleting_since")
#: So many plans are told of in the customer's item.
_MOST_PLANS = 12


def fields(customer: Customer) -> Item:
    """Return the fields of a customer in the form in which its item, and the ledger, hold them."""
    plain = customer._asdict()
    # Most customers have neither of these, and items that are older have no such field.
    for name in _RARE:
        if not plain[name]:
            del plain[name]
    if customer.coupons:
        plain["coupons"] = customer_coupons.dump(customer.coupons)
    return {
        **plain,
        "metadata": documents.dump(customer.metadata),
        "billing_controls": dict(customer.billing_controls),
        "config": dict(customer.config),
    }


def difference(before: Item, after: Item) -> tuple[Item, Item]:
    """Return which of a customer's fields differ, as they were and are; of metadata the entries.

    The whole of it, twice, might be more than a line of the ledger holds.
    """
    was, now = ledger.difference(before, after)
    if "metadata" in was and "metadata" in now:
        sides = (documents.load(side["metadata"]) for side in (was, now))
        old, new = ledger.difference(*sides)
        was["metadata"], now["metadata"] = documents.dump(old), documents.dump(new)
    return was, now


def dump(session: Session, customer: Customer, plans: tuple[CustomerPlan, ...]) -> Item:
    """Return the item of a customer who holds these plans."""
    key = keys.customer(session.tenant, customer.hot_id)
    return {
        **fields(customer),
        "pk": key.pk,
        "sk": key.sk,
        "listing_pk": keys.customers_listing(session.tenant),
        "listing_sk": keys.listing_position(customer.created_at, customer.hot_id),
        "hot_id": customer.hot_id,
        "search_text": "\n".join(
            (text or "").lower() for text in (customer.id, customer.name, customer.email)
        ),
        "tokens": domain.tokens(plans, session.now),
        "holds": _holds(plans, session.now),
        "processors": ["stripe"] if customer.stripe_id else [],
    }


def held(item: Item) -> tuple[tuple[CustomerPlan, ...], int]:
    """Return the plans that a customer's item tells of, each in brief, and how many more there are.

    An item that was last written before items told of plans knows what lists filter by.
    """
    if "holds" not in item:
        return _indexed(item["tokens"]), 0
    plans = tuple(map(customer_plans.load, item["holds"]["plans"]))
    return plans, int(item["holds"]["more"])


def _holds(plans: tuple[CustomerPlan, ...], now: int) -> Item:
    """What lists show of the plans: the customer's own first, no more than an item should hold."""
    held = [plan for plan in plans if plan.is_held(now)]
    held.sort(key=lambda plan: (plan.entity_id is not None, plan.started_at, plan.id))
    shown = [customer_plans.brief(plan) for plan in held[:_MOST_PLANS]]
    return {"plans": shown, "more": len(held) - len(shown)}


def _indexed(tokens: list[str]) -> tuple[CustomerPlan, ...]:
    found = [token.partition(":") for token in tokens if "/" in token]
    return tuple(
        CustomerPlan(
            "",
            plan_id,
            int(version),
            0,
            status=domain.SCHEDULED if status == domain.SCHEDULED else domain.ACTIVE,
            past_due=status == domain.PAST_DUE,
        )
        for status, _, named in found
        if status != "any"
        for plan_id, _, version in [named.partition("/")]
    )


def load(item: Item) -> Customer:
    """Return a customer from its item."""
    since = item.get("deleting_since")
    return Customer(
        internal_id=item["internal_id"],
        id=item["id"],
        created_at=int(item["created_at"]),
        name=item["name"],
        email=item["email"],
        fingerprint=item["fingerprint"],
        metadata=documents.load(item["metadata"]),
        stripe_id=item["stripe_id"],
        send_email_receipts=item["send_email_receipts"],
        currency=item["currency"],
        billing_controls=item["billing_controls"],
        config=item["config"],
        coupons=customer_coupons.load(item.get("coupons", ())),
        deleting_since=None if since is None else int(since),
        version=int(item["version"]),
    )
