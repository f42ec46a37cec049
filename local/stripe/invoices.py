"""Invoices: how Stripe shows them, and what can happen to them."""

import secrets

from stripe import params

from local.stripe.account import Account, Document
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.reports import Outbox
from local.stripe.routes import Call, Route

_INLINE_LINES = 10
DRAFT, OPEN, PAID, VOID, UNCOLLECTIBLE = "draft", "open", "paid", "void", "uncollectible"


def retrieve(call: Call) -> Document:
    """Return an invoice with its first lines."""
    return shown(call.account.get("invoice", call.ids["id"]), call.base)


def list_(call: Call) -> Document:
    """List invoices, newest first."""
    params_ = call.params
    for name in params_.keys() - {
        "customer",
        "status",
        "created",
        "limit",
        "starting_after",
        "ending_before",
        "expand",
    }:
        raise Refused(f"The double does not support the parameter {name}", param=name)
    found = [
        one
        for one in call.account.objects("invoice").values()
        if params_.get("customer") in (None, one["customer"])
        and params_.get("status") in (None, one["status"])
        and created_within(one, params_.get("created"))
    ]
    whole = [shown(one, call.base) for one in newest_first(found)]
    return page(whole, params_, "/v1/invoices")


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
        **{name: value for name, value in kept.items() if name != "token"},
        "lines": {
            "object": "list",
            "data": listed[:_INLINE_LINES],
            "has_more": len(listed) > _INLINE_LINES,
            "url": f"/v1/invoices/{kept['id']}/lines",
        },
        "hosted_invoice_url": f"{base}/i/{token}" if final else None,
        "invoice_pdf": f"{base}/i/{token}/pdf" if final else None,
    }


class Ledger:
    """What happens to invoices, each step with the reports that Stripe sends for it."""

    def __init__(self, account: Account, outbox: Outbox, base: str) -> None:
        self._account = account
        self._outbox = outbox
        self._base = base

    def add(self, invoice: Document) -> Document:
        """Add a draft."""
        kept = {**invoice, "token": secrets.token_urlsafe(24)}
        self._account.objects("invoice")[kept["id"]] = kept
        return self._report(kept, {}, "invoice.created")

    def finalize(self, invoice_id: str, at: int | None = None) -> Document:
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
            "auto_advance": True,
            "ending_balance": 0,
            "status_transitions": {**kept["status_transitions"], "finalized_at": at},
        }
        final = self._change(kept, changes, "invoice.finalized", "invoice.updated")
        return final if kept["amount_due"] else self.pay(invoice_id, at)

    def pay(self, invoice_id: str, at: int | None = None) -> Document:
        """Have the customer pay all that is due."""
        kept = self._in(invoice_id, OPEN, UNCOLLECTIBLE)
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
        return self._change(kept, changes, *kinds)

    def fail(self, invoice_id: str, at: int | None = None) -> Document:
        """Have a payment fail: the invoice stays open and will be tried again."""
        kept = self._in(invoice_id, OPEN)
        changes = {
            "attempted": True,
            "attempt_count": kept["attempt_count"] + 1,
            "next_payment_attempt": (at or self._account.clock()) + 3 * 86_400,
        }
        return self._change(kept, changes, "invoice.updated", "invoice.payment_failed")

    def void(self, invoice_id: str, at: int | None = None) -> Document:
        """Take an invoice back for good."""
        kept = self._in(invoice_id, OPEN, UNCOLLECTIBLE)
        voided = {"voided_at": at or self._account.clock()}
        changes = {
            "status": VOID,
            "next_payment_attempt": None,
            "status_transitions": {**kept["status_transitions"], **voided},
        }
        return self._change(kept, changes, "invoice.voided", "invoice.updated")

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
    Route("GET", "/v1/invoices/{id}", retrieve, params.InvoiceRetrieveParams),
    Route("GET", "/v1/invoices/{invoice}/lines", lines, params.InvoiceLineItemListParams),
]
