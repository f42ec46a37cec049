"""Invoices: how Stripe shows them, and what can happen to them."""

import secrets

from stripe import params

from local.stripe import standing
from local.stripe.account import Account, Document
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.parameters import supported
from local.stripe.payments import cancel_payments, charge, payments_of
from local.stripe.reports import Outbox
from local.stripe.routes import Call, Route
from local.stripe.shop import Shop

_INLINE_LINES = 10
_DAY = 86_400
#: Days from each failed payment to the next try; after the last one there is none.
_RETRIES = (3, 5, 7)
#: What somebody pays with who pays on the page of an invoice.
_TYPED_IN = "pm_card_visa"
DRAFT, OPEN, PAID, VOID, UNCOLLECTIBLE = "draft", "open", "paid", "void", "uncollectible"


def retrieve(call: Call) -> Document:
    """Return an invoice with its first lines."""
    return shown(call.account.get("invoice", call.ids["id"]), call.base)


def list_(call: Call) -> Document:
    """List invoices, newest first."""
    given = call.params
    same = {"customer", "status", "collection_method"}
    paging = {"created", "limit", "starting_after", "ending_before", "expand"}
    supported(given, same | paging | {"subscription"})
    found = [
        one
        for one in call.account.objects("invoice").values()
        if all(one[name] == given[name] for name in same & given.keys())
        and given.get("subscription") in (None, standing.subscription_of(one))
        and created_within(one, given.get("created"))
    ]
    whole = [shown(one, call.base) for one in newest_first(found)]
    return page(whole, given, "/v1/invoices")


def lines(call: Call) -> Document:
    """List the lines of an invoice, in their order."""
    invoice = call.account.get("invoice", call.ids["invoice"])
    url = f"/v1/invoices/{invoice['id']}/lines"
    return page(invoice["lines"], call.params, url)


def shown(kept: Document, base: str) -> Document:
    """Return an invoice as Stripe sends it: the first lines, and addresses once it is final."""
    listed = kept["lines"]
    token = kept["token"]
    final = kept["status_transitions"]["finalized_at"] is not None
    return {
        **{name: value for name, value in kept.items() if not _hidden(name)},
        "lines": {
            "object": "list",
            "data": listed[:_INLINE_LINES],
            "has_more": len(listed) > _INLINE_LINES,
            "url": f"/v1/invoices/{kept['id']}/lines",
        },
        "hosted_invoice_url": f"{base}/i/{token}" if final else None,
        "invoice_pdf": f"{base}/i/{token}/pdf" if final else None,
    }


def _hidden(name: str) -> bool:
    return name == "token" or name.startswith("_")


class Ledger:
    """What happens to invoices, each step with the reports that Stripe sends for it."""

    def __init__(self, account: Account, outbox: Outbox, base: str) -> None:
        self._account = account
        self._outbox = outbox
        self._base = base
        self._shop = Shop(account, outbox, base)

    def add(self, invoice: Document) -> Document:
        """Add a draft."""
        kept = {**invoice, "token": secrets.token_urlsafe(24)}
        self._account.objects("invoice")[kept["id"]] = kept
        return self._report(kept, {}, "invoice.created")

    def finalize(
        self, invoice_id: str, at: int | None = None, *, auto_advance: bool = True
    ) -> Document:
        """Give a draft its number; nothing to pay makes it paid at once."""
        kept = self._in(invoice_id, DRAFT)
        customer = self._account.get("customer", kept["customer"])
        sequence = customer.get("next_invoice_sequence", 1)
        customer["next_invoice_sequence"] = sequence + 1
        prefix = customer.get("invoice_prefix", "DELETED")
        at = at or self._account.clock()
        changes = {
            "status": OPEN,
            "number": f"{prefix}-{sequence:04}",
            "effective_at": at,
            "auto_advance": auto_advance,
            "automatically_finalizes_at": None,
            "due_date": at + kept["_days"] * _DAY if kept.get("_days") else kept["due_date"],
            "status_transitions": {**kept["status_transitions"], "finalized_at": at},
            **self._settle_balance(kept, customer),
        }
        final = self._change(kept, changes, "invoice.finalized", "invoice.updated")
        standing.after_final(self._shop, kept)
        return final if kept["amount_due"] else self.pay(invoice_id, at)

    def _settle_balance(self, kept: Document, customer: Document) -> Document:
        """Use up what the customer has as credit, or keep as credit what the invoice gives."""
        start = customer.get("balance", 0)
        due, end = max(0, kept["total"] + start), min(0, kept["total"] + start)
        if not customer.get("deleted"):
            self._shop.change(customer, {"balance": end}, "customer.updated")
        balances = {"starting_balance": start, "ending_balance": end}
        return {**balances, "amount_due": due, "amount_remaining": due}

    def pay(self, invoice_id: str, at: int | None = None, *, out_of_band: bool = False) -> Document:
        """Have the customer pay all that is due; a payment that was taken already counts."""
        kept = self._in(invoice_id, OPEN, UNCOLLECTIBLE)
        if out_of_band:
            cancel_payments(self._account, invoice_id, self._outbox)
        elif kept["amount_due"] and not self._is_paid(invoice_id):
            due, currency = kept["amount_remaining"], kept["currency"]
            customer = kept["customer"]
            charge(self._account, customer, _TYPED_IN, due, currency=currency, invoice=invoice_id)
        paid = {"paid_at": at or self._account.clock()}
        changes = {
            "status": PAID,
            "amount_paid": kept["amount_due"],
            "amount_remaining": 0,
            "attempted": True,
            "attempt_count": kept["attempt_count"] + (1 if kept["amount_due"] else 0),
            "next_payment_attempt": None,
            "status_transitions": {**kept["status_transitions"], **paid},
        }
        kinds = ("invoice.updated", "invoice.paid", "invoice.payment_succeeded")
        self._change(kept, changes, *kinds)
        standing.after_paid(self._shop, kept)
        return shown(kept, self._base)

    def _is_paid(self, invoice_id: str) -> bool:
        return any(one["status"] == PAID for one in payments_of(self._account, invoice_id))

    def fail(self, invoice_id: str, at: int | None = None, *, action: bool = False) -> Document:
        """Have a payment fail: the invoice stays open and will be tried again.

        `action`: the customer has to pass 3-D Secure.
        """
        kept = self._in(invoice_id, OPEN)
        tries = kept["attempt_count"]
        again = kept["auto_advance"] and kept["billing_reason"] != standing.CREATION
        pause = _RETRIES[tries] * _DAY if again and tries < len(_RETRIES) else None
        changes = {
            "attempted": True,
            "attempt_count": tries + 1,
            "next_payment_attempt": pause and (at or self._account.clock()) + pause,
        }
        asked = ["invoice.payment_action_required"] if action else []
        self._change(kept, changes, "invoice.updated", *asked, "invoice.payment_failed")
        standing.after_failed(self._shop, kept)
        return shown(kept, self._base)

    def void(self, invoice_id: str, at: int | None = None) -> Document:
        """Take an invoice back for good; credit that it used comes back."""
        kept = self._in(invoice_id, OPEN, UNCOLLECTIBLE)
        cancel_payments(self._account, invoice_id, self._outbox)
        customer = self._account.get("customer", kept["customer"])
        if not customer.get("deleted"):
            used = kept["starting_balance"] - (kept["ending_balance"] or 0)
            balance = {"balance": customer["balance"] + used}
            self._shop.change(customer, balance, "customer.updated")
        voided = {"voided_at": at or self._account.clock()}
        changes = {
            "status": VOID,
            "next_payment_attempt": None,
            "status_transitions": {**kept["status_transitions"], **voided},
        }
        self._change(kept, changes, "invoice.voided", "invoice.updated")
        standing.after_void(self._shop, kept)
        return shown(kept, self._base)

    def mark_uncollectible(self, invoice_id: str, at: int | None = None) -> Document:
        """Give up on an invoice."""
        kept = self._in(invoice_id, OPEN)
        marked = {"marked_uncollectible_at": at or self._account.clock()}
        changes = {
            "status": UNCOLLECTIBLE,
            "next_payment_attempt": None,
            "status_transitions": {**kept["status_transitions"], **marked},
        }
        return self._change(kept, changes, "invoice.marked_uncollectible", "invoice.updated")

    def report(self, invoice_id: str, kind: str) -> None:
        """Report something of an invoice that does not change it."""
        self._report(self._account.get("invoice", invoice_id), {}, kind)

    def delete(self, invoice_id: str, _at: int | None = None) -> Document:
        """Delete a draft; afterwards Stripe does not know it."""
        kept = self._in(invoice_id, DRAFT)
        self._report(kept, {}, "invoice.deleted")
        del self._account.objects("invoice")[invoice_id]
        return {"id": invoice_id, "object": "invoice", "deleted": True}

    def _in(self, invoice_id: str, *states: str) -> Document:
        kept = self._account.get("invoice", invoice_id, "invoice")
        if kept["status"] not in states:
            message = f"The invoice is {kept['status']}; this needs one that is "
            raise Refused(message + " or ".join(states), code="invoice_not_editable")
        return kept

    def _change(self, kept: Document, changes: Document, *kinds: str) -> Document:
        before = {name: kept[name] for name, value in changes.items() if kept[name] != value}
        kept.update(changes)
        return self._report(kept, before, *kinds)

    def _report(self, kept: Document, before: Document, *kinds: str) -> Document:
        """Write the reports; only an update tells what was before."""
        view = shown(kept, self._base)
        for kind in kinds:
            self._outbox.report(kind, view, before if kind == "invoice.updated" else None)
        return view


ROUTES = [
    Route("GET", "/v1/invoices", list_, params.InvoiceListParams),
    # What is done to one invoice: invoice_calls.py.
    Route("GET", "/v1/invoices/{id}", retrieve, params.InvoiceRetrieveParams),
    Route("GET", "/v1/invoices/{invoice}/lines", lines, params.InvoiceLineItemListParams),
]
