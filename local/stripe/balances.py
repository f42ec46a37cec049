"""What customers have as credit: changes of it that no invoice made."""

import stripe
from stripe import params

from local.stripe.account import Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused, missing
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route

_PATH = "/v1/customers/{customer}/balance_transactions"


def create(call: Call) -> Document:
    """Change a customer's balance: less than nothing is credit for coming invoices."""
    given = call.params
    supported(given, {"amount", "currency", "description", "metadata", "expand"})
    for name in ("amount", "currency"):
        if name not in given:
            message = f"Missing required param: {name}."
            raise Refused(message, code="parameter_missing", param=name)
    customer = call.account.get("customer", call.ids["customer"])
    if customer.get("deleted"):
        raise missing("customer", customer["id"])
    currency = given["currency"].lower()
    if customer["currency"] not in (None, currency):
        message = f"The customer's balance is in {customer['currency']}."
        raise Refused(message, param="currency")
    end = customer["balance"] + given["amount"]
    call.shop.change(customer, {"balance": end, "currency": currency}, "customer.updated")
    transaction = made(
        stripe.CustomerBalanceTransaction,
        id=new_id("cbtxn_"),
        object="customer_balance_transaction",
        amount=given["amount"],
        created=call.account.clock(),
        currency=currency,
        customer=customer["id"],
        description=given.get("description"),
        ending_balance=end,
        livemode=False,
        metadata=merged(None, given.get("metadata") or {}),
        type="adjustment",
    )
    call.shop.add("customer_balance_transaction", transaction)
    return transaction


def list_(call: Call) -> Document:
    """List the changes of a customer's balance that were made so, newest first."""
    paging = {"created", "limit", "starting_after", "ending_before", "expand"}
    supported(call.params, paging)
    found = [
        one
        for one in call.account.objects("customer_balance_transaction").values()
        if one["customer"] == call.ids["customer"]
        and created_within(one, call.params.get("created"))
    ]
    url = f"/v1/customers/{call.ids['customer']}/balance_transactions"
    return page(newest_first(found), call.params, url)


ROUTES = [
    Route("POST", _PATH, create, params.CustomerBalanceTransactionCreateParams),
    Route("GET", _PATH, list_, params.CustomerBalanceTransactionListParams),
]
