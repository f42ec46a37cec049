"""Many customers at once, each as far as a list shows it: two items, or a few more, for each."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchard.domain.customer import Customer, CustomerPlan
from orchard.domain.saved_views import View
from orchard.store import customer_items, keys, saved_views, stored, user_keys
from orchard.store.keys import Key
from orchard.store.session import Session
from orchard.store.statements import Item
from orchard.store.stored import Stored

#: So begin internal ids, and those of Stripe.
_PREFIX = "cus_"
#: No id and no address that a key holds is longer.
_LONGEST = 255
#: So many items one request reads beside the saved views.
MOST_ITEMS = 99


class Brief(NamedTuple):
    """A customer with its plans in brief, and its own balances of some features by id.

    `more` plans than these are held: by entities, mostly.
    """

    customer: Customer
    plans: tuple[CustomerPlan, ...]
    more: int
    balances: Mapping[str, Stored]


class Exact(NamedTuple):
    """Who is called exactly so; `is_only` says that nobody else can be meant."""

    hot_ids: tuple[str, ...] = ()
    is_only: bool = False


class Sight(NamedTuple):
    """Some customers, and the saved views of the list, which one request reads along with them."""

    briefs: list[Brief]
    views: tuple[View, ...]


def sight(session: Session, hot_ids: Sequence[str], features: Sequence[str]) -> Sight:
    """Return those of some customers that exist, in their order; strongly consistent."""
    views = user_keys.saved_views(session.tenant)
    owners = {hot_id: keys.customer(session.tenant, hot_id) for hot_id in hot_ids}
    places = {
        (hot_id, name): keys.balance(session.tenant, hot_id, name)
        for hot_id in owners
        for name in features
    }
    found = session.table.batch_get([views, *owners.values(), *places.values()])
    shown = []
    for hot_id, key in owners.items():
        if key in found:
            held = {name: found.get(places[hot_id, name]) for name in features}
            shown.append(_brief(found[key], held))
    return Sight(shown, saved_views.kept(found.get(views)).views)


def exact(session: Session, text: str) -> Exact:
    """Return who has this id (the caller's, the internal one, Stripe's) or, without id, e-mail."""
    if len(text.encode()) > _LONGEST:
        return Exact()
    own, internal, stripe, email = _ways(session, text)
    found = session.table.batch_get([key for key in (own, internal, stripe, email) if key])
    pointing = [found[key] for key in (internal, stripe, email) if key in found]
    led = [one["hot_id"] for one in pointing if one["tenant"] == session.tenant]
    hot_ids = [text] if own in found else []
    is_only = bool(led) and "@" not in text
    return Exact(tuple(dict.fromkeys((*hot_ids, *led))), is_only)


def _ways(session: Session, text: str) -> tuple[Key, Key | None, Key | None, Key | None]:
    tenant, is_id = session.tenant, text.startswith(_PREFIX)
    return (
        keys.customer(tenant, text),
        keys.pointer(tenant, text) if is_id else None,
        keys.stripe_pointer(session.environment, text) if is_id else None,
        keys.email_pointer(tenant, text.lower()) if "@" in text else None,
    )


def _brief(item: Item, held: Mapping[str, Item | None]) -> Brief:
    customer = customer_items.load(item)
    plans, more = customer_items.held(item)
    balances = {
        name: stored.load(one)
        for name, one in held.items()
        # What a deleted customer of the same id left is not this one's.
        if one is not None and one["internal_id"] == customer.internal_id
    }
    return Brief(customer, plans, more, balances)
