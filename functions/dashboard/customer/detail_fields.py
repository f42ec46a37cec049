"""The fields of a customer that the dashboard edits, and who may edit them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchard.domain.users import Act

type View = Mapping[str, Any]

_OVERAGE = "disable_overage_billing"
CONFIG = ("disable_pooled_balance", _OVERAGE)


class Detail(NamedTuple):
    """A field of a customer: what people call it, what the form says of it, how it is typed.

    `act` is what somebody must be permitted to edit it.
    """

    label: str
    hint: str = ""
    kind: str = "text"
    act: Act = Act.EDIT


DETAILS = {
    "name": Detail("Name"),
    "email": Detail("E-mail", kind="email"),
    "id": Detail(
        "Id",
        "Your application calls the customer by this id: what still sends the old one finds nobody,"
        " or makes a new customer.",
    ),
    "fingerprint": Detail("Fingerprint", "Tells people apart who want a trial twice."),
    # It decides whose card is charged.
    "stripe_id": Detail(
        "Stripe id", "Of a customer at Stripe. Empty: the link to Stripe ends.", act=Act.APPROVE
    ),
    "send_email_receipts": Detail("Receipts by e-mail", kind="switch"),
    CONFIG[0]: Detail("Entities use only their own balances", kind="switch"),
    # It gives without an end what a grant may give up to a cap.
    _OVERAGE: Detail("Usage beyond limits is not billed", kind="switch", act=Act.APPROVE),
}


def acts(before: View, after: View) -> set[Act]:
    """Return what somebody must be permitted to turn one side of a change into the other."""
    return {one.act for name, one in DETAILS.items() if _side(before, name) != _side(after, name)}


def _side(side: View, field: str) -> Any:
    """What one side of a change has there; off is as good as not said."""
    if field in CONFIG:
        return bool((side.get("config") or {}).get(field))
    return side.get(field)
