"""Customers as lines of a CSV file: which columns there are, and what is in them.

Numbers are exact and without separators, times ISO 8601 in UTC. What a spreadsheet would take for a
formula begins with an apostrophe instead, also where it takes another separator than the comma.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Self

from dashboard.customers.listing import STATUSES
from orchard.domain.catalog import BOOLEAN
from orchard.domain.customer import CustomerPlan
from orchard.domain.summary import Summary
from orchard.usecases.exporting import Line

#: What can be told of a customer: the columns in their order, with their labels.
DETAILS = {
    "name": "Name",
    "id": "Id",
    "internal_id": "Internal id",
    "email": "E-mail",
    "stripe_id": "Stripe id",
    "created_at": "Created",
    "products": "Products with status",
    "metadata": "Metadata as JSON",
}
#: What can be told of the balance of a feature.
AMOUNTS = ("granted", "used", "left", "next_reset")
_UNLIMITED = "unlimited"
#: With these a formula begins; the wide ones are taken for the narrow ones by some.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: Where lines are parted by something else than commas, a cell begins after any of these.
_LATER = re.compile('([;|\\t\\r\\n])(["\\x20\\xa0]*)([=+@\uff1d\uff0b\uff0d\uff20-])')
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Columns(NamedTuple):
    """The columns of a file: details of the customer, balances of features, features on or off."""

    details: tuple[str, ...]
    metered: tuple[str, ...]
    flags: tuple[str, ...]

    @classmethod
    def of(cls, details: Iterable[str], features: Iterable[Mapping[str, Any]]) -> Self:
        """Return the columns for these features, as `features.list` says them, by id."""
        types = sorted((one["id"], one["type"]) for one in features)
        return cls(
            tuple(details),
            tuple(name for name, type_ in types if type_ != BOOLEAN),
            tuple(name for name, type_ in types if type_ == BOOLEAN),
        )

    @property
    def header(self) -> list[str]:
        """The first line."""
        amounts = [f"{name}.{amount}" for name in self.metered for amount in AMOUNTS]
        return [*self.details, *amounts, *self.flags]

    @property
    def shape(self) -> str:
        """What is the same as long as the columns are."""
        return hashlib.sha256("\n".join(self.header).encode()).hexdigest()[:16]

    def cells(self, line: Line, plans: Mapping[str, str], now: int) -> list[str]:
        """Return the line of a customer; `plans` are names by id."""
        one = line.customer
        told = {
            "name": harmless(one.name or ""),
            "id": harmless(one.id or ""),
            "internal_id": one.internal_id,
            "email": harmless(one.email or ""),
            "stripe_id": harmless(one.stripe_id or ""),
            "created_at": instant(one.created_at),
            "products": harmless("; ".join(_product(plan, plans, now) for plan in line.plans)),
            "metadata": _document(one.metadata) if one.metadata else "",
        }
        details = [told[name] for name in self.details]
        amounts = [cell for name in self.metered for cell in _amounts(line.balances.get(name))]
        return [*details, *amounts, *("yes" if name in line.flags else "" for name in self.flags)]


def harmless(text: str) -> str:
    """Return a text as no spreadsheet takes it for a formula; plain numbers stay as they are."""
    if _NUMBER.fullmatch(text):
        return text
    first = "'" if text.startswith(_FORMULA) else ""
    return first + _LATER.sub(r"\1'\2\3", text)


def instant(time: int) -> str:
    """Return a time in milliseconds as ISO 8601, in UTC."""
    moment = _EPOCH + timedelta(milliseconds=time)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _document(metadata: Mapping[str, Any]) -> str:
    """Metadata as JSON that says the same, and is no formula wherever a line of it is parted."""
    text = json.dumps(metadata, ensure_ascii=False)
    return _LATER.sub(lambda found: f"{found[1]}{found[2]}\\u{ord(found[3]):04x}", text)


def _amounts(total: Summary | None) -> tuple[str, ...]:
    if total is None:
        return ("",) * len(AMOUNTS)
    reset = "" if total.next_reset_at is None else instant(total.next_reset_at)
    if total.unlimited:
        return _UNLIMITED, _exact(total.usage), _UNLIMITED, reset
    return _exact(total.granted), _exact(total.usage), _exact(total.remaining), reset


def _exact(number: Decimal) -> str:
    whole = number == number.to_integral_value()
    return str(int(number)) if whole else f"{number.normalize():f}"


def _product(plan: CustomerPlan, plans: Mapping[str, str], now: int) -> str:
    """A plan with all that it is in: `Pro (Active, Cancelling)`, `2 x Pack (Bought)`."""
    words = ["Bought"] if plan.one_off else [STATUSES[one] for one in plan.statuses(now)]
    times = "" if plan.quantity == 1 else f"{plan.quantity} x "
    return f"{times}{plans.get(plan.plan_id, plan.plan_id)} ({', '.join(words)})"
