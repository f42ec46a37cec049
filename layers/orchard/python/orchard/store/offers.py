"""What is offered to customers on pages of ours: a change of billing that is yet to be decided.

An offer lies with its customer, by the digest of what it offers; its address, which is open to
everybody who knows it, tells where. What is offered again has the same address while it is open.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from orchard.domain.billing.order import Order
from orchard.domain.interval import DAY_MS
from orchard.errors import OfferTaken
from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item, Put, Update, Write
from orchard.store.table import Table

#: Ways in which an offer is taken: it opens Stripe's page, or is confirmed on one of ours.
LAUNCH, CONFIRM = "launch", "confirm"
#: What is offered: plans to attach, or a change of one that is held.
ATTACH, UPDATE = "attach", "update"
#: An offer whose time is over is kept so long for orders that came of it.
_KEPT_MS = 30 * DAY_MS


class Place(NamedTuple):
    """Where an offer is kept."""

    tenant: str
    internal_id: str
    digest: str

    @property
    def key(self) -> Key:
        """The key of the offer."""
        return keys.offer(self.tenant, self.internal_id, self.digest)


class Offer(NamedTuple):
    """What is offered until `expires_at`: the requests that it stands for, as they were sent.

    `taken_at` is when it was confirmed or paid.
    """

    id: str
    internal_id: str
    digest: str
    way: str
    kind: str
    requests: tuple[Mapping[str, Any], ...]
    expires_at: int
    success_url: str | None = None
    has_own_trial: bool = False
    joint: bool = False
    taken_at: int | None = None

    def is_open(self, now: int) -> bool:
        """Whether it can be taken."""
        return self.taken_at is None and self.expires_at > now


def address(table: Table, offer_id: str) -> Place | None:
    """Return where the offer with this id is kept, whichever tenant's it is."""
    item = table.get(keys.offer_address(offer_id))
    return None if item is None else Place(item["tenant"], item["internal_id"], item["digest"])


def find(session: Session, internal_id: str, digest: str) -> Offer | None:
    """Return what was offered to a customer; None if that is gone."""
    item = session.table.get(keys.offer(session.tenant, internal_id, digest))
    if item is None or "offer" not in item:
        return None
    kept = item["offer"]
    times = {"expires_at": int(kept["expires_at"]), "taken_at": _time(item.get("taken_at"))}
    return Offer(**{**kept, "requests": tuple(kept["requests"]), **times})


def written(session: Session, offer: Offer) -> list[Write]:
    """Keep an offer with its address; it fails if the same is offered already, and open."""
    place = Place(session.tenant, offer.internal_id, offer.digest)
    key, ttl = place.key, (offer.expires_at + _KEPT_MS) // 1000
    item: Item = {"pk": key.pk, "sk": key.sk, "internal_id": offer.internal_id, "ttl": ttl}
    kept = {name: value for name, value in offer._asdict().items() if name != "taken_at"}
    pointer = keys.offer_address(offer.id)
    return [
        Put(
            {
                **item,
                "expires_at": offer.expires_at,
                "offer": {**kept, "requests": [*offer.requests]},
            },
            "attribute_not_exists(pk) OR attribute_exists(taken_at) OR expires_at <= :now",
            {":now": session.now},
        ),
        Put({**place._asdict(), "pk": pointer.pk, "sk": pointer.sk, "ttl": ttl}),
    ]


def taken(session: Session, order: Order) -> list[Write]:
    """Note that what an order came of is taken; nothing if it came of no offer."""
    if order.offer is None:
        return []
    return [
        Update(
            keys.offer(session.tenant, order.internal_id, order.offer),
            "SET taken_at = :now, #ttl = :ttl",
            {":now": session.now, ":ttl": (session.now + _KEPT_MS) // 1000},
            names={"#ttl": "ttl"},
        )
    ]


def refuse_taken(session: Session, internal_id: str, digest: str) -> None:
    """Refuse to carry out an offer again. Errors: `OfferTaken`."""
    found = find(session, internal_id, digest)
    if found is not None and found.taken_at is not None:
        raise OfferTaken


def _time(value: Any) -> int | None:
    return None if value is None else int(value)
