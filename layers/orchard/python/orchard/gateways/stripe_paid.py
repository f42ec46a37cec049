"""The lines of a subscription's invoices: what was paid for. Errors as in `gateways.stripe`."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchard.domain import money
from orchard.domain.billing.paid import Billed, Line
from orchard.gateways.stripe_connection import connected
from orchard.gateways.stripe_reversals import TAKEN_BACK

if TYPE_CHECKING:
    from stripe import StripeClient

type Document = Mapping[str, Any]

_PAGE = 100
#: So many invoices, and waiting items, are looked at, the newest first.
_MOST = 1000
_OWED = {"draft", "open"}


def invoices(environment: str, subscription_id: str, since: int) -> list[Billed]:
    """Return a subscription's invoices since a time (UTC ms), but those that nobody will pay."""
    asked: Any = {
        "subscription": subscription_id,
        "created": {"gte": since // 1000},
        "limit": _PAGE,
    }
    with connected(environment) as client:
        listed = client.v1.invoices.list(asked)
        found = (one.to_dict() for one in islice(listed.auto_paging_iter(), _MOST))
        return [_read(client, one) for one in found if _counts(one)]


def waiting(environment: str, customer: str) -> list[Line]:
    """Return what waits for the next invoices of a customer."""
    asked: Any = {"customer": customer, "pending": True, "limit": _PAGE}
    with connected(environment) as client:
        listed = client.v1.invoice_items.list(asked)
        return [_line(one.to_dict()) for one in islice(listed.auto_paging_iter(), _MOST)]


def _counts(found: Document) -> bool:
    """Whether an invoice is paid or will be: no payment of it has failed, nor was it undone."""
    if TAKEN_BACK in (found.get("metadata") or {}):
        return False
    if found["status"] not in _OWED:
        return bool(found["status"] == "paid")
    return found["collection_method"] == "send_invoice" or not found["attempted"]


def _read(client: "StripeClient", found: Document) -> Billed:
    return Billed(
        id=found["id"],
        total=money.major(found["total"], found["currency"]),
        lines=tuple(_line(one) for one in _lines(client, found)),
        is_paid=found["status"] == "paid",
        is_manual=found.get("billing_reason") == "manual",
    )


def _lines(client: "StripeClient", found: Document) -> Iterator[Document]:
    """All lines of an invoice: it shows the first ones itself."""
    if not found["lines"]["has_more"]:
        yield from found["lines"]["data"]
        return
    listed = client.v1.invoices.line_items.list(found["id"], {"limit": _PAGE})
    for one in listed.auto_paging_iter():
        yield one.to_dict()


def _line(found: Document) -> Line:
    off = sum(one["amount"] for one in found.get("discount_amounts") or ())
    noted, priced = found.get("metadata") or {}, (found.get("pricing") or {}).get("price_details")
    return Line(
        amount=money.major(found["amount"] - off, found["currency"]),
        start=found["period"]["start"] * 1000,
        end=found["period"]["end"] * 1000,
        product=(priced or {}).get("product"),
        plan_id=noted.get("orchard_plan_id"),
        feature_id=noted.get("orchard_feature_id"),
        customer_plan_id=noted.get("orchard_customer_plan_id"),
    )
