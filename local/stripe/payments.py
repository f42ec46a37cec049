"""Money taken from a card: payment intents, their charges, and what they pay of an invoice."""

from typing import Literal, NamedTuple

from local.stripe.account import Account, Document
from local.stripe.cards import behaviour, decline_of, resolved
from local.stripe.failures import CARD, Refused
from local.stripe.payment_objects import new_charge, new_intent, new_payment
from local.stripe.reports import Outbox

type Status = Literal["paid", "declined", "requires_action", "no_method"]

_OPEN = {"requires_payment_method", "requires_action", "requires_confirmation"}


class Outcome(NamedTuple):
    """How a charge went; the intent is there in any case."""

    status: Status
    intent: Document
    decline_code: str | None = None

    def refusal(self, action_code: str = "invoice_payment_intent_requires_action") -> Refused:
        """Return the error that Stripe answers with when a call needed the money.

        `action_code` is the code for a payment that waits for 3-D Secure: an off-session call
        has `authentication_required`, a subscription `subscription_payment_intent_requires_action`.
        """
        if self.status == "no_method":
            message = "This customer has no attached payment source or default payment method."
            advice = " Please consider adding a default payment method."
            return Refused(message + advice, code="resource_missing")
        if self.status == "requires_action":
            message = "This payment requires additional user action before it can be completed "
            more = {"payment_intent": self.intent}
            return Refused(
                message + "successfully.", status=402, kind=CARD, code=action_code, more=more
            )
        return refused_card(self.intent)


def charge(
    account: Account,
    customer: str,
    payment_method: str | None,
    amount: int,
    *,
    currency: str = "usd",
    outbox: Outbox | None = None,
    invoice: str | None = None,
    description: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Outcome:
    """Take an amount of minor units from a card; None: from the customer's default card.

    With `invoice` the payment joins that invoice's payments, and a further try goes on with the
    intent of the last one. `outbox` gets the reports of intent and charge. Errors: `Refused` for
    an unknown card or one of another customer; a card that does not pay is an outcome.
    """
    method = _method(account, customer, payment_method)
    intent = _intent_of(account, invoice)
    if intent is None:
        intent = new_intent(account, customer, amount, currency)
        intent |= {"description": description, "metadata": dict(metadata or {})}
        account.objects("payment_intent")[intent["id"]] = intent
        _report(outbox, "payment_intent.created", intent)
        if invoice is not None:
            first = not payments_of(account, invoice)
            new_payment(account, invoice, intent, is_default=first)
    intent["amount"] = amount
    if method is None:
        return Outcome("no_method", intent)
    intent["payment_method"] = method["id"]
    acts = behaviour(method)
    if acts == "authenticate":
        return _wait_for_action(intent, outbox)
    if acts == "pay":
        return _succeed(account, intent, method, outbox)
    return _decline(account, intent, method, outbox)


def authenticated(account: Account, intent_id: str, outbox: Outbox | None) -> Outcome:
    """Finish a payment whose owner passed 3-D Secure. Errors: `Refused` unless it waits for it."""
    intent = account.get("payment_intent", intent_id, "intent")
    if intent["status"] != "requires_action":
        message = f"The payment is {intent['status']}; it does not wait for 3-D Secure"
        raise Refused(message, code="payment_intent_unexpected_state")
    method = account.get("payment_method", intent["payment_method"])
    return _succeed(account, intent, method, outbox)


def payments_of(account: Account, invoice_id: str) -> list[Document]:
    """Return the payments of an invoice, the first one first."""
    kept = account.objects("invoice_payment").values()
    return [one for one in kept if one["invoice"] == invoice_id]


def invoice_of(account: Account, intent_id: str) -> str | None:
    """Return the id of the invoice that an intent pays."""
    kept = account.objects("invoice_payment").values()
    found = (one["invoice"] for one in kept if one["payment"]["payment_intent"] == intent_id)
    return next(found, None)


def cancel_payments(account: Account, invoice_id: str, outbox: Outbox | None = None) -> None:
    """Give up the open payments of an invoice that is void or paid in another way."""
    for payment in payments_of(account, invoice_id):
        if payment["status"] == "open":
            now = account.clock()
            payment["status"] = "canceled"
            payment["status_transitions"]["canceled_at"] = now
            intent = account.get("payment_intent", payment["payment"]["payment_intent"])
            intent |= {"status": "canceled", "canceled_at": now, "next_action": None}
            intent["cancellation_reason"] = "void_invoice"
            _report(outbox, "payment_intent.canceled", intent)


def refused_card(intent: Document) -> Refused:
    """Return the error for a card that was declined."""
    error = intent["last_payment_error"]
    more = {name: error[name] for name in ("decline_code", "charge", "payment_method")}
    return Refused(
        error["message"],
        status=402,
        kind=CARD,
        code=error["code"],
        more={**more, "payment_intent": intent},
    )


def _method(account: Account, customer_id: str, given: str | None) -> Document | None:
    customer = account.get("customer", customer_id, "customer")
    settings = customer.get("invoice_settings") or {}
    wanted = given or settings.get("default_payment_method")
    if wanted is None:
        return None
    method = resolved(account, wanted)
    if method["customer"] not in {None, customer_id}:
        message = f"The payment method {wanted} does not belong to the customer {customer_id}."
        raise Refused(message, param="payment_method")
    return method


def _intent_of(account: Account, invoice_id: str | None) -> Document | None:
    if invoice_id is None:
        return None
    for payment in payments_of(account, invoice_id):
        intent = account.get("payment_intent", payment["payment"]["payment_intent"])
        if payment["status"] == "open" and intent["status"] in _OPEN:
            return intent
    return None


def _wait_for_action(intent: Document, outbox: Outbox | None) -> Outcome:
    intent["status"] = "requires_action"
    intent["next_action"] = {
        "type": "use_stripe_sdk",
        "use_stripe_sdk": {"type": "three_d_secure_redirect"},
    }
    _report(outbox, "payment_intent.requires_action", intent)
    return Outcome("requires_action", intent)


def _succeed(
    account: Account, intent: Document, method: Document, outbox: Outbox | None
) -> Outcome:
    taken = new_charge(account, intent, method)
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "latest_charge": taken["id"],
        "next_action": None,
    }
    _report(outbox, "charge.succeeded", taken)
    _report(outbox, "payment_intent.succeeded", intent)
    for payment in account.objects("invoice_payment").values():
        if payment["payment"]["payment_intent"] == intent["id"]:
            payment |= {"status": "paid", "amount_paid": intent["amount"]}
            payment["status_transitions"]["paid_at"] = account.clock()
            _report(outbox, "invoice_payment.paid", payment)
    return Outcome("paid", intent)


def _decline(
    account: Account, intent: Document, method: Document, outbox: Outbox | None
) -> Outcome:
    code, decline_code, message = decline_of(method)
    tried = new_charge(account, intent, method) | {
        "amount_captured": 0,
        "captured": False,
        "failure_code": code,
        "failure_message": message,
        "paid": False,
        "status": "failed",
    }
    account.objects("charge")[tried["id"]] = tried
    error = {"charge": tried["id"], "code": code, "decline_code": decline_code}
    error |= {"message": message, "payment_method": method, "type": CARD}
    intent |= {
        "status": "requires_payment_method",
        "last_payment_error": error,
        "latest_charge": tried["id"],
        "next_action": None,
        "payment_method": None,
    }
    _report(outbox, "charge.failed", tried)
    _report(outbox, "payment_intent.payment_failed", intent)
    return Outcome("declined", intent, decline_code)


def _report(outbox: Outbox | None, kind: str, about: Document) -> None:
    if outbox is not None:
        outbox.report(kind, about)
