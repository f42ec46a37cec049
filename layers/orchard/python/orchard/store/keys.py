"""Every key of the table.

A key begins with the tenant (organisation and environment) unless the item has none by nature: no
read goes across tenants by accident. Ids are escaped: none can forge a separator.

The chart of them and of the indexes, with the access pattern that each one serves, is in
docs/table.md; a test compares its names with those of this module.
"""

from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

#: Over so many partitions of an index is spread what falls due, and what the ledger holds.
DUE_SHARDS, EVENT_SHARDS = 8, 8
#: Deleted customers to purge, locks to release and orders to finish fall due apart from balances.
PURGE_SHARD, LOCK_SHARD, ORDER_SHARD = "PURGE", "LOCKS", "ORDERS"
#: How the sort keys of all items that make up a customer begin, and those of events and changes.
HOT, EVENTS, CHANGES = "0#", "EVENT#", "CHANGE#"


class Key(NamedTuple):
    """The primary key of an item."""

    pk: str
    sk: str


def _open(kind: str, sk: str = "POINTER") -> Callable[[str], Key]:
    return lambda name: Key(f"{kind}#{_part(name)}", sk)


#: An API key, by the SHA-256 of its text.
api_key = _open("KEY", "KEY")


def _of_tenant(kind: str) -> Callable[[str], str]:
    return lambda tenant: f"{tenant}#{kind}"


#: The partition of all features and plans.
catalog = _of_tenant("CATALOG")


def _single(partition: Callable[[str], str], sk: str) -> Callable[[str], Key]:
    return lambda tenant: Key(partition(tenant), sk)


def _under(partition: Callable[[str], str], kind: str) -> Callable[[str, str], Key]:
    return lambda tenant, name: Key(partition(tenant), f"{kind}#{_part(name)}")


#: What the catalogue's writers advance, which sorts before all else and is read first; a feature.
catalog_head, feature = _single(catalog, "CATALOG"), _under(catalog, "FEATURE")
#: The partition of all rewards: each of them, and each word (in lower case) that gets one.
rewards = _of_tenant("REWARDS")
reward, reward_code = _under(rewards, "REWARD"), _under(rewards, "WORD")
#: Who changes the rewards of a tenant.
rewards_lock = _single(rewards, "LOCK")


def plan(tenant: str, plan_id: str, version: int) -> Key:
    """A version of a plan."""
    return Key(catalog(tenant), f"PLAN#{_part(plan_id)}#{version:06}")


def _within(kind: str) -> Callable[[str, str], str]:
    return lambda tenant, name: f"{tenant}#{kind}#{_part(name)}"


def _alone(kind: str, sk: str) -> Callable[[str, str], Key]:
    return lambda tenant, name: Key(_within(kind)(tenant, name), sk)


#: A customer.
customer = _alone("CUSTOMER", "0#CUSTOMER")
#: A customer's partition, by the caller's id, or the internal id if there is none.
hot_partition = _within("CUSTOMER")
#: The partition that tells which customers have an entity of this id.
entity_pointers = _within("ENTITY")
#: The partitions of a customer's invoices, and of its usage events and changes; in the index
#: `listing`, that of the parked records that tell of it.
invoices, ledger, parked_listing = _within("INVOICES"), _within("LEDGER"), _within("PARKED")
#: Those of its usage roll-ups, of what its balances showed over time, of what is offered to it.
usage, history, offers = map(_within, ("USAGE", "HISTORY", "OFFERS"))


def _beside(kind: str) -> Callable[[str, str, str], Key]:
    return lambda tenant, hot_id, name: Key(
        hot_partition(tenant, hot_id), f"{HOT}{kind}#{_part(name)}"
    )


#: A plan that a customer holds or held, an entity of a customer, what its top-ups came to.
customer_plan, entity, top_up = map(_beside, ("PLAN", "ENTITY", "TOPUP"))


def entity_pointer(tenant: str, entity_id: str, internal_id: str) -> Key:
    """Where the customer with this internal id, which has such an entity, is kept."""
    return Key(entity_pointers(tenant, entity_id), internal_id)


def balance(tenant: str, hot_id: str, feature_id: str, entity_id: str | None = None) -> Key:
    """A balance of a feature: the customer's own, or that of one of its entities."""
    suffix = "" if entity_id is None else f"#{_part(entity_id)}"
    return Key(hot_partition(tenant, hot_id), f"0#BALANCE#{_part(feature_id)}{suffix}")


def balances_of_entities(feature_id: str) -> str:
    """What the sort keys of all balances begin with that entities have of a feature."""
    return f"0#BALANCE#{_part(feature_id)}#"


#: The customer with an internal id; the one without an id that has a lower-cased e-mail address.
pointer, email_pointer = _alone("ID", "POINTER"), _alone("EMAIL", "POINTER")
#: By digests: the mark that an idempotency key was used, and usage that is reserved by a lock.
idempotency, lock = _alone("IDEMPOTENCY", "MARKER"), _alone("LOCK", "LOCK")
#: A deleted customer, whose history has to be removed; where the invoice with a Stripe id is kept.
deletion, invoice_pointer = _alone("DELETION", "DELETION"), _alone("INVOICE", "POINTER")
#: The partition of a customer's billing orders, and the lock under which they are made.
orders, billing_lock = _within("BILLING"), _alone("BILLING", "LOCK")


def _inside(partition: Callable[[str, str], str], kind: str) -> Callable[[str, str, str], Key]:
    return lambda tenant, owner, name: Key(partition(tenant, owner), f"{kind}#{_part(name)}")


#: A change of billing that is made, and one that is offered; the mark that a change was undone.
order, offer, undone = _inside(orders, "ORDER"), _inside(offers, "OFFER"), _inside(ledger, "UNDO")


def redemption(tenant: str, internal_id: str, reward_id: str, created_at: int) -> Key:
    """The mark that a customer got a reward, of all that had this id the one made then."""
    return Key(ledger(tenant, internal_id), f"REWARD#{_part(reward_id)}#{instant(created_at)}")


def stripe_pointer(environment: str, stripe_id: str) -> Key:
    """The customer that a Stripe customer id is linked to."""
    return Key(f"STRIPE#{environment}#{_part(stripe_id)}", "POINTER")


def past(tenant: str, internal_id: str, kind: str, *parts: str) -> Key:
    """What a balance showed (`kind` AT), or when an entity ended (GONE); an empty part goes on."""
    return Key(history(tenant, internal_id), "#".join((kind, *map(_part, parts))))


def invoice(tenant: str, internal_id: str, created_at: int, stripe_id: str) -> Key:
    """An invoice; its Stripe id and creation time never change, so it is stored once."""
    return Key(invoices(tenant, internal_id), f"{instant(created_at)}#{_part(stripe_id)}")


#: Where an invoice, or an offer, is kept, whichever tenant's: its page is open to all.
invoice_address, offer_address = _open("INVOICE"), _open("OFFER")


#: An organisation's dashboard users, of all its environments: each, the links that invite one, how
#: many are owners; a user's session, by digest; whose an e-mail is; attempts to sign in, by digest.
users = _of_tenant("USERS")
user, invite, owners = _under(users, "USER"), _under(users, "INVITE"), _single(users, "OWNERS")
user_session = _inside(_within("SESSIONS"), "SESSION")
user_address, sign_ins = _open("USER"), _open("SIGNIN", "TRIES")


def event(tenant: str, internal_id: str, timestamp: int, event_id: str) -> Key:
    """A usage event, by the time the caller gave it."""
    return Key(ledger(tenant, internal_id), f"{EVENTS}{instant(timestamp)}#{event_id}")


def change(tenant: str, internal_id: str, timestamp: int, change_id: str, *place: str) -> Key:
    """A change of a customer that is not usage, or what it did to the balance at one place."""
    suffix = "".join(f"#{_part(name)}" for name in place)
    return Key(ledger(tenant, internal_id), f"{CHANGES}{instant(timestamp)}#{change_id}{suffix}")


def rollup(tenant: str, internal_id: str, feature_id: str, grain: str, start: int) -> Key:
    """The usage of a feature in one hour or day (`grain` HOUR or DAY)."""
    return Key(usage(tenant, internal_id), f"{_part(feature_id)}#{grain}#{instant(start)}")


def parked(day: str, timestamp: int, record_id: str) -> Key:
    """A stream record that could not be handled; with its id for a day, a piece of its text."""
    return Key(f"PARKED#{day}", f"{instant(timestamp)}#{record_id}")


#: The index partitions of a tenant's customers, entities and invoices.
customers_listing, entities_listing = _of_tenant("CUSTOMERS"), _of_tenant("ENTITIES")
invoices_listing, overrides_listing = _of_tenant("INVOICES"), _of_tenant("OVERRIDES")


def _sharded(kind: str) -> Callable[[str, int], str]:
    return lambda tenant, shard: f"{tenant}#{kind}#{shard}"


#: One of the index partitions of a tenant's usage events, and of its changes.
events_listing, changes_listing = _sharded("EVENTS"), _sharded("CHANGES")


def usage_listing(tenant: str, feature_id: str, grain: str, shard: int) -> str:
    """One of the index partitions of all customers' usage of a feature by hour or by day."""
    return f"{tenant}#USAGE#{_part(feature_id)}#{grain}#{shard}"


def events_shard(internal_id: str) -> int:
    """The partition of the index `listing` that holds a customer's events, changes or roll-ups."""
    return crc32(internal_id.encode()) % EVENT_SHARDS


def listing_position(timestamp: int, item_id: str) -> str:
    """The sort key in the index `listing`: time, then id."""
    return f"{instant(timestamp)}#{item_id}"


def placed(position: str) -> tuple[int, str]:
    """The time and the id in a sort key of the index `listing`."""
    timestamp, _, item_id = position.partition("#")
    return int(timestamp), item_id


def due_shard(number: int) -> str:
    """One of the partitions of the index `due`."""
    return f"DUE#{number}"


def due_shard_of(key: Key) -> str:
    """The partition of the index `due` that holds this item while it waits."""
    return due_shard(crc32(f"{key.pk}{key.sk}".encode()) % DUE_SHARDS)


def tenant_of(pk: str) -> str:
    """The tenant that a partition key begins with."""
    return pk.partition("#")[0]


def _beginning(text: str) -> Callable[[str], bool]:
    return lambda sk: sk.startswith(text)


#: What a sort key is the key of.
is_customer, is_entity = _beginning("0#CUSTOMER"), _beginning("0#ENTITY#")
is_balance, is_customer_plan, is_top_up = map(_beginning, ("0#BALANCE#", "0#PLAN#", "0#TOPUP#"))
is_feature, is_plan, is_deletion = map(_beginning, ("FEATURE#", "PLAN#", "DELETION"))


def instant(timestamp: int) -> str:
    """Milliseconds in a form that sorts as text."""
    return f"{timestamp:015}"


def _part(text: str) -> str:
    return text.replace("%", "%25").replace("#", "%23")
