"""Refunds: give a payment back, in whole or in part."""

import stripe
from stripe import params

from local.stripe.account import Account, Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route

_OF = {"charge", "payment_intent"}
_REASONS = {"duplicate", "fraudulent", "requested_by_customer"}


def create(call: Call) -> Document:
    """Refund a charge, or the one of an intent; all that is left without an amount.

    Errors: 400 for more than is left, `charge_already_refunded` when nothing is.
    """
    given = call.params
    supported(given, _OF | {"amount", "metadata", "reason", "expand"})
    charge = _charge(call.account, given)
    amount = _amount(charge, given)
    if given.get("reason", "duplicate") not in _REASONS:
        raise Refused("Invalid reason", param="reason")
    refund = made(
        stripe.Refund,
        id=new_id("re_"),
        object="refund",
        amount=amount,
        charge=charge["id"],
        created=call.account.clock(),
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details={"card": {"type": "refund"}, "type": "card"},
        metadata=merged(None, given.get("metadata", {})),
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=given.get("reason"),
        status="succeeded",
    )
    call.shop.add("refund", refund)
    returned = charge["amount_refunded"] + amount
    whole = returned == charge["amount"]
    before = {name: charge[name] for name in ("amount_refunded", "refunded")}
    charge |= {"amount_refunded": returned, "refunded": whole}
    previous = {name: value for name, value in before.items() if charge[name] != value}
    call.outbox.report("refund.created", refund)
    call.outbox.report("charge.refunded", charge, previous)
    return refund


def retrieve(call: Call) -> Document:
    """Return a refund."""
    supported(call.params, {"expand"})
    return call.account.get("refund", call.ids["id"])


def list_(call: Call) -> Document:
    """List refunds, newest first: of a charge, of an intent."""
    given = call.params
    supported(given, _OF | {"created", "limit", "starting_after", "ending_before", "expand"})
    found = [
        one
        for one in call.account.objects("refund").values()
        if all(one[name] == given[name] for name in _OF & given.keys())
        and created_within(one, given.get("created"))
    ]
    return page(newest_first(found), given, "/v1/refunds")


def _charge(account: Account, given: Document) -> Document:
    if len(_OF & given.keys()) != 1:
        message = "One of the following params should be provided: payment_intent or charge."
        raise Refused(message, code="parameter_missing", param="charge")
    charge_id = given.get("charge")
    if charge_id is None:
        intent = account.get("payment_intent", given["payment_intent"], "payment_intent")
        charge_id = intent["latest_charge"]
        if intent["status"] != "succeeded" or charge_id is None:
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge"
            raise Refused(f"{message} to refund.", param="payment_intent")
    charge = account.get("charge", charge_id, "charge")
    if charge["status"] != "succeeded":
        raise Refused(f"The charge {charge_id} did not succeed.", param="charge")
    return charge


def _amount(charge: Document, given: Document) -> int:
    left: int = charge["amount"] - charge["amount_refunded"]
    if not left:
        message = f"Charge {charge['id']} has already been refunded."
        raise Refused(message, code="charge_already_refunded")
    amount: int = given.get("amount", left)
    if amount < 1:
        raise Refused("Invalid positive integer: amount", param="amount")
    if amount > left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise Refused(message, param="amount")
    return amount


ROUTES = [
    Route("POST", "/v1/refunds", create, params.RefundCreateParams),
    Route("GET", "/v1/refunds", list_, params.RefundListParams),
    Route("GET", "/v1/refunds/{id}", retrieve, params.RefundRetrieveParams),
]
