"""The form that edits a balance: what is typed as a request of the API, its preview in words."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dashboard import forms, terminal
from dashboard.customer.features import feature_name, source_name
from dashboard.customer.products import names
from dashboard.figures import exact, money, number, rhythm
from orchard.contracts.granting import UpdateBalanceRequest
from orchard.contracts.request import parse, prepare
from orchard.errors import InvalidInputs

type View = Mapping[str, Any]

FIELDS = (
    *("way", "amount", "seen", "latest", "source", "until", "ends_at", "next_reset_at"),
    *("reason", "reference"),
)
OPERATION = "balances.update"

prepare(UpdateBalanceRequest)


def first(balance: View, latest: str | None) -> dict[str, str]:
    """Return the form as it is opened, on the balance as it is and the latest change known."""
    blank = forms.typed({}, FIELDS)
    seen = f"{signed(balance):f}"
    return {**blank, "way": "add", "until": "reset", "seen": seen, "latest": latest or ""}


def signed(balance: View) -> Decimal:
    """Return what is left of a balance; below 0 it is overdrawn."""
    left = exact(balance["remaining"])
    return (
        left if left > 0 else min(Decimal(0), exact(balance["granted"]) - exact(balance["usage"]))
    )


def body(customer_id: str, feature_id: str, entity_id: str, values: View) -> dict[str, Any]:
    """Return the body of `balances.update` for what was typed.

    What is set becomes the difference to what was seen: so usage that arrives meanwhile counts.
    Errors: `InvalidInputs`.
    """
    given: dict[str, Any] = {
        "customer_id": customer_id,
        "feature_id": feature_id,
        "entity_id": entity_id,
        "balance_id": values["source"],
        "reason": values["reason"],
        "reference": values["reference"],
    }
    given = {name: value for name, value in given.items() if value}
    if values["amount"]:
        given["add_to_balance"] = _difference(values)
        if values["until"] == "date":
            given["ends_at"] = forms.moment(values["ends_at"], "ends_at")
    if values["next_reset_at"]:
        given["next_reset_at"] = forms.moment(values["next_reset_at"], "next_reset_at")
    return given


def request(asked: Mapping[str, Any]) -> UpdateBalanceRequest:
    """Return the API's request. Errors: `InvalidInputs`."""
    if not {"add_to_balance", "next_reset_at"} & asked.keys():
        raise InvalidInputs("amount: type how much, or choose another next reset")
    return parse(UpdateBalanceRequest, dict(asked))


def curl(asked: Mapping[str, Any]) -> str:
    """Return the same call for a terminal."""
    return terminal.curl(OPERATION, asked)


def sources(balance: View, customer: View) -> dict[str, str]:
    """Return the sources of a balance in words, by id."""
    plans = names(customer)
    return {
        line["id"]: ", ".join(filter(None, (source_name(line, plans), rhythm(line["reset"]))))
        for line in balance["breakdown"]
    }


def title(balance: View) -> str:
    """Return the name of the feature."""
    return feature_name(balance)


def now(balance: View) -> str:
    """Return how a balance is: `40 of 100 left`."""
    return _left(balance)


def in_words(preview: View) -> dict[str, Any]:
    """Return what `balances.preview_update` says, as people read it."""
    before, after = (preview[side]["balance"] for side in ("before", "after"))
    return {
        "changes": bool(preview["changes"]),
        "before": _left(before),
        "after": _left(after),
        "until": preview["lasts_until"],
        "reset": _reset(preview["next_reset"]),
        "invoice": _invoice(preview["next_invoice"]),
        "check": _check(preview),
    }


def _difference(values: View) -> Decimal:
    typed = forms.number(values["amount"], "amount")
    return typed - forms.number(values["seen"], "amount") if values["way"] == "set" else typed


def _left(balance: View | None) -> str:
    """`40 of 100 left`, `12 over, of 100`."""
    if balance is None:
        return "nothing"
    if balance["unlimited"]:
        return "unlimited"
    left, granted = signed(balance), number(balance["granted"])
    if left < 0:
        return f"{number(-left)} over {granted}"
    return f"{number(left)} of {granted} left"


def _reset(reset: View | None) -> dict[str, Any] | None:
    if reset is None:
        return None
    return {"at": reset["resets_at"], "left": _left(reset["balance"])}


def _invoice(bill: View | None) -> str:
    """What becomes of the next invoice: `unchanged`, `+5.00 USD (10.00 USD instead of ...)`."""
    if bill is None:
        return "unchanged"
    before, after, change = (
        money(bill[name], bill["currency"]) for name in ("before", "after", "change")
    )
    if not bill["change"]:
        return f"unchanged ({after} for usage so far)"
    sign = "+" if bill["change"] > 0 else ""
    return f"{sign}{change} ({after} for usage so far, instead of {before})"


def _check(preview: View) -> str:
    before, after = (preview[side]["allowed"] for side in ("before", "after"))
    if before == after:
        return ""
    return "allowed from now on" if after else "blocked from now on"
