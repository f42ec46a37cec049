"""What the next invoices of a customer will charge, as the page of a customer shows it."""

from collections.abc import Mapping
from typing import Any

from dashboard.customer.tabs import Place
from dashboard.figures import moment, money, number
from dashboard.frame.visits import Visit
from orchard.contracts.customer_reads import GetCustomerRequest
from orchard.contracts.request import parse
from orchard.errors import OrchardError
from orchard.triggers import http
from orchard.usecases import naming, viewing
from orchard.usecases.naming import Names

type View = Mapping[str, Any]
type Shown = dict[str, Any]

#: Before Stripe was asked.
UNASKED: Shown = {"asked": False, "wrong": "", "rows": []}


def asked(visitor: Visit, place: Place) -> tuple[Shown, int]:
    """Return what Stripe says is billed next, or why it said nothing, with the status for that."""
    try:
        request = parse(GetCustomerRequest, {"customer_id": place.customer_id})
        found = viewing.upcoming(visitor.session, request.customer_id)
        names = naming.names(visitor.session)
    except OrchardError as failed:
        return UNASKED | {"asked": True, "wrong": failed.message}, http.status_of(failed)
    rows = [_invoice(one, names) for one in found]
    return {"asked": True, "wrong": "", "rows": rows}, 200


def _invoice(one: View, names: Names) -> Shown:
    currency, less = one["currency"], one["subtotal"] - one["total"]
    return {
        "plans": [names.plan(plan_id) for plan_id in one["plan_ids"]],
        "at": one["invoice_at"],
        "subtotal": money(one["subtotal"], currency),
        "discount": money(less, currency) if less else "",
        "total": money(one["total"], currency),
        "lines": [_line(line, currency) for line in one["line_items"]],
    }


def _line(line: View, currency: str) -> Shown:
    is_told, period = line["description"] != line["display_name"], line.get("period")
    return {
        "name": line["display_name"],
        # This says of which time it is.
        "told": line["description"] if is_told else "",
        "quantity": number(line["quantity"]),
        "period": f"{moment(period['start'])} to {moment(period['end'])}"
        if period and not is_told
        else "",
        "amount": money(line["subtotal"], currency),
        "discounts": [_discount(less, currency) for less in line["discounts"]],
    }


def _discount(less: View, currency: str) -> str:
    """A discount in words: `5.00 USD off, Welcome (10 %)`."""
    named = less.get("reward_name") or less.get("reward_id") or ""
    percent = less.get("percent_off")
    share = "" if percent is None else f"({number(percent)} %)"
    told = " ".join(filter(None, (named, share)))
    return f"{money(less['amount_off'], currency)} off" + (f", {told}" if told else "")
