"""Where a subscription stands: what payments of its invoices make of it, and its end."""

from local.stripe.account import Document
from local.stripe.coupons import held
from local.stripe.shop import Shop
from local.stripe.subscription_view import shown

ACTIVE, TRIALING, INCOMPLETE, PAST_DUE = "active", "trialing", "incomplete", "past_due"
CANCELED, EXPIRED, PAUSED = "canceled", "incomplete_expired", "paused"
ENDED = {CANCELED, EXPIRED}
_RENEWALS = {"subscription_cycle", "subscription_update"}
CREATION = "subscription_create"


def subscription_of(invoice: Document) -> str | None:
    """Return the id of the subscription that an invoice is for."""
    parent = invoice["parent"]
    return None if parent is None else str(parent["subscription_details"]["subscription"])


def after_final(shop: Shop, invoice: Document) -> None:
    """Take the discounts away that were for one invoice and took something off this one."""
    kept = _living(shop, invoice)
    if kept is None:
        return
    used = {one["discount"] for one in invoice["total_discount_amounts"] if one["amount"]}
    spent = {one for one in used if _is_for_once(shop, one)} & set(kept["discounts"])
    if spent:
        drop_discounts(shop, kept, spent)


def drop_discounts(shop: Shop, kept: Document, gone: set[str]) -> None:
    """Take discounts off a subscription whose time has passed."""
    for discount_id in sorted(gone):
        shop.report("customer.discount.deleted", shop.account.get("discount", discount_id))
    left = [one for one in kept["discounts"] if one not in gone]
    changed(shop, kept, {"discounts": left})


def after_paid(shop: Shop, invoice: Document) -> None:
    """Let a subscription go on whose invoice was paid."""
    kept = _living(shop, invoice)
    if kept is None or kept["status"] not in {INCOMPLETE, PAST_DUE}:
        return
    first = invoice["billing_reason"] == CREATION
    if kept["status"] == INCOMPLETE and not first:
        return
    if not any(_owes(shop, one, kept) for one in shop.account.objects("invoice").values()):
        trial = kept["trial_end"] is not None and kept["trial_end"] > shop.now()
        changed(shop, kept, {"status": TRIALING if trial else ACTIVE})


def after_failed(shop: Shop, invoice: Document) -> None:
    """Put a subscription past due whose renewal was not paid; end it after the last try."""
    kept = _living(shop, invoice)
    if kept is None or invoice["billing_reason"] not in _RENEWALS:
        return
    if kept["status"] in {ACTIVE, TRIALING}:
        changed(shop, kept, {"status": PAST_DUE})
    if invoice["next_payment_attempt"] is None and invoice["auto_advance"]:
        end(shop, kept, "payment_failed")


def after_void(shop: Shop, invoice: Document) -> None:
    """End a subscription whose first invoice nobody has to pay any more."""
    kept = _living(shop, invoice)
    if kept is not None and kept["status"] == INCOMPLETE and invoice["billing_reason"] == CREATION:
        expire(shop, kept)


def expire(shop: Shop, kept: Document) -> None:
    """Give up a subscription that was never paid."""
    changed(shop, kept, {"status": EXPIRED, "ended_at": shop.now()})
    _end_schedule(shop, kept)


def end(shop: Shop, kept: Document, reason: str, details: Document | None = None) -> None:
    """End a subscription now; what it was billed stays as it is."""
    now = shop.now()
    said = {name: value or None for name, value in (details or {}).items()}
    kept |= {
        "status": CANCELED,
        "canceled_at": kept["canceled_at"] or now,
        "ended_at": now,
        "cancellation_details": {**kept["cancellation_details"], **said, "reason": reason},
    }
    _end_schedule(shop, kept)
    shop.report("customer.subscription.deleted", kept, shown)
    for discount_id in kept["discounts"]:
        shop.report("customer.discount.deleted", shop.account.get("discount", discount_id))
    for invoice in shop.account.objects("invoice").values():
        # Nothing is collected by itself any more.
        if subscription_of(invoice) == kept["id"] and invoice["status"] in {"draft", "open"}:
            invoice |= {"auto_advance": False, "next_payment_attempt": None}
            invoice["automatically_finalizes_at"] = None


def end_all(shop: Shop, customer_id: str) -> None:
    """End what a customer is subscribed to."""
    for kept in shop.account.objects("subscription").values():
        if kept["customer"] == customer_id and kept["status"] not in ENDED:
            end(shop, kept, "cancellation_requested")


def changed(shop: Shop, kept: Document, changes: Document) -> None:
    """Change a subscription and report it."""
    shop.change(kept, changes, "customer.subscription.updated", view=shown)


def _living(shop: Shop, invoice: Document) -> Document | None:
    kept = shop.account.objects("subscription").get(subscription_of(invoice) or "")
    return None if kept is None or kept["status"] in ENDED else kept


def _is_for_once(shop: Shop, discount_id: str) -> bool:
    discount = shop.account.get("discount", discount_id)
    return bool(held(shop.account, discount["source"]["coupon"])["duration"] == "once")


def _owes(shop: Shop, invoice: Document, kept: Document) -> bool:
    """Whether an invoice keeps a subscription from being active."""
    late = invoice["collection_method"] == "charge_automatically" or (
        invoice["due_date"] is not None and invoice["due_date"] <= shop.now()
    )
    return (
        subscription_of(invoice) == kept["id"]
        and invoice["status"] == "open"
        and invoice["billing_reason"] in {CREATION, *_RENEWALS}
        and late
    )


def _end_schedule(shop: Shop, kept: Document) -> None:
    schedule = shop.account.objects("subscription_schedule").get(kept["schedule"] or "")
    if schedule is not None and schedule["status"] in {"active", "not_started"}:
        schedule |= {"status": CANCELED, "canceled_at": shop.now(), "current_phase": None}
        shop.report("subscription_schedule.canceled", schedule)
