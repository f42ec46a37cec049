"""A balance as it was read from the table."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.domain import balance
from orchard.domain.holding import Holding, Place
from orchard.domain.row import Rows
from orchard.domain.scope import Subject
from orchard.store import rows
from orchard.store.keys import Key
from orchard.store.statements import Item


class Owner(NamedTuple):
    """Whose a balance is: where the customer is kept, who it is, and who its entity is."""

    hot_id: str
    internal_id: str
    entity_internal_id: str | None = None


class Stored(NamedTuple):
    """A balance as it was read. `sole_for` is a set of the features it alone pays for."""

    key: Key
    owner: Owner
    place: Place
    holding: Holding
    pending: Decimal
    headroom: Decimal
    version: int
    seq: int
    #: Until then the counter decides.
    due_at: int
    #: When rows reset or expire.
    resets_at: int
    plain: bool
    sole_for: frozenset[str]
    last: dict[str, Any]
    recent: str

    @property
    def feature_id(self) -> str:
        """The feature it is a balance of."""
        return self.place.feature_id

    @property
    def hot_id(self) -> str:
        """What the customer's items are kept under."""
        return self.owner.hot_id

    @property
    def internal_id(self) -> str:
        """The customer, which the id that callers use may outlive."""
        return self.owner.internal_id

    @property
    def rows(self) -> Rows:
        """The rows as they are stored, before what is pending."""
        return self.holding.rows

    def current(self, now: int) -> Holding:
        """What it holds at `now`."""
        return balance.current(self.holding, self.pending, now)


def load(item: Item) -> Stored:
    """Return a balance from its item."""
    return Stored(
        key=Key(item["pk"], item["sk"]),
        owner=Owner(item["hot_id"], item["internal_id"], item.get("entity_internal_id")),
        place=Place(item["feature_id"], item.get("entity_id")),
        holding=Holding(
            rows.load(item["rows"]),
            rows.load_controls(item.get("controls")),
            item.get("spread", False),
        ),
        pending=item["pending"],
        headroom=item["headroom"],
        version=int(item["version"]),
        seq=int(item["seq"]),
        due_at=int(item["valid_until"] if "valid_until" in item else item["due_at"]),
        resets_at=int(item["due_at"]),
        plain=item["plain"],
        sole_for=frozenset(item.get("sole_for", ())),
        last=item["last"],
        recent=item.get("recent", ""),
    )


def version(balances: Iterable[Stored], feature_id: str, subject: Subject) -> int:
    """A number that every write to what a subject sees of a feature advances."""
    return sum(
        one.seq
        for one in balances
        if one.feature_id == feature_id
        and (subject.entity_id is None or one.place.entity_id in (None, subject.entity_id))
        and (one.rows or one.place.entity_id is None)
    )
