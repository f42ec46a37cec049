"""The keys of the table.

A key begins with the tenant (organisation and environment) unless the item has none by nature: no
read goes across tenants by accident. Those of dashboard users are in `user_keys`.

The chart of them and of the indexes, with the access pattern that each one serves, is in
docs/table.md; a test compares its names with those of this module.
"""

from collections.abc import Callable
from zlib import crc32

from orchard.store import key_forms
from orchard.store.key_forms import (
    alone,
    beginning,
    inside,
    of_tenant,
    opened,
    part,
    sharded,
    single,
    under,
    within,
)

#: What each of them is, for all who use one.
Key = key_forms.Key

#: Over so many partitions of an index is spread what falls due, and what the ledger holds.
DUE_SHARDS, EVENT_SHARDS = 8, 8
#: Deleted customers to purge, locks to release and orders to finish fall due apart from balances.
PURGE_SHARD, LOCK_SHARD, ORDER_SHARD = "PURGE", "LOCKS", "ORDERS"
#: How the sort keys of all items that make up a customer begin, and those of events and changes.
HOT, EVENTS, CHANGES = "0#", "EVENT#", "CHANGE#"
#: An API key, by the SHA-256 of its text.
api_key = opened("KEY", "KEY")
#: The partition of all features and plans.
catalog = of_tenant("CATALOG")
#: What the catalogue's writers advance, which sorts before all else and is read first; a feature.
catalog_head, feature = single(catalog, "CATALOG"), under(catalog, "FEATURE")
#: The partition of all rewards: each of them, and each word (in lower case) that gets one.
rewards = of_tenant("REWARDS")
reward, reward_code = under(rewards, "REWARD"), under(rewards, "WORD")
#: Who changes the rewards of a tenant.
rewards_lock = single(rewards, "LOCK")


def plan(tenant: str, plan_id: str, version: int) -> Key:
    """A version of a plan."""
    return Key(catalog(tenant), f"PLAN#{part(plan_id)}#{version:06}")


#: A customer.
customer = alone("CUSTOMER", "0#CUSTOMER")
#: A customer's partition, by the caller's id, or the internal id if there is none.
hot_partition = within("CUSTOMER")
#: The partition that tells which customers have an entity of this id.
entity_pointers = within("ENTITY")
#: The partitions of a customer's invoices, and of its usage events and changes; in the index
#: `listing`, that of the parked records that tell of it.
invoices, ledger, parked_listing = within("INVOICES"), within("LEDGER"), within("PARKED")
#: Those of its usage roll-ups, of what its balances showed over time, of what is offered to it.
usage, history, offers = map(within, ("USAGE", "HISTORY", "OFFERS"))


def _beside(kind: str) -> Callable[[str, str, str], Key]:
    return lambda tenant, hot_id, name: Key(
        hot_partition(tenant, hot_id), f"{HOT}{kind}#{part(name)}"
    )


#: A plan that a customer holds or held, an entity of a customer, what its top-ups came to.
customer_plan, entity, top_up = map(_beside, ("PLAN", "ENTITY", "TOPUP"))


def entity_pointer(tenant: str, entity_id: str, internal_id: str) -> Key:
    """Where the customer with this internal id, which has such an entity, is kept."""
    return Key(entity_pointers(tenant, entity_id), internal_id)


def balance(tenant: str, hot_id: str, feature_id: str, entity_id: str | None = None) -> Key:
    """A balance of a feature: the customer's own, or that of one of its entities."""
    suffix = "" if entity_id is None else f"#{part(entity_id)}"
    return Key(hot_partition(tenant, hot_id), f"0#BALANCE#{part(feature_id)}{suffix}")


def balances_of_entities(feature_id: str) -> str:
    """What the sort keys of all balances begin with that entities have of a feature."""
    return f"0#BALANCE#{part(feature_id)}#"


#: The customer with an internal id; the one without an id that has a lower-cased e-mail address.
pointer, email_pointer = alone("ID", "POINTER"), alone("EMAIL", "POINTER")
#: By digests: the mark that an idempotency key was used, and usage that is reserved by a lock.
idempotency, lock = alone("IDEMPOTENCY", "MARKER"), alone("LOCK", "LOCK")
#: A deleted customer, whose history has to be removed; where the invoice with a Stripe id is kept.
deletion, invoice_pointer = alone("DELETION", "DELETION"), alone("INVOICE", "POINTER")
#: The partition of a customer's billing orders, and the lock under which they are made.
orders, billing_lock = within("BILLING"), alone("BILLING", "LOCK")
#: A change of billing that is made, and one that is offered; the mark that a change was undone.
order, offer, undone = inside(orders, "ORDER"), inside(offers, "OFFER"), inside(ledger, "UNDO")


def redemption(tenant: str, internal_id: str, reward_id: str, created_at: int) -> Key:
    """The mark that a customer got a reward, of all that had this id the one made then."""
    return Key(ledger(tenant, internal_id), f"REWARD#{part(reward_id)}#{instant(created_at)}")


def stripe_pointer(environment: str, stripe_id: str) -> Key:
    """The customer that a Stripe customer id is linked to."""
    return Key(f"STRIPE#{environment}#{part(stripe_id)}", "POINTER")


def past(tenant: str, internal_id: str, kind: str, *parts: str) -> Key:
    """What a balance showed (`kind` AT), or when an entity ended (GONE); an empty part goes on."""
    return Key(history(tenant, internal_id), "#".join((kind, *map(part, parts))))


def invoice(tenant: str, internal_id: str, created_at: int, stripe_id: str) -> Key:
    """An invoice; its Stripe id and creation time never change, so it is stored once."""
    return Key(invoices(tenant, internal_id), f"{instant(created_at)}#{part(stripe_id)}")


#: Where an invoice, or an offer, is kept, whichever tenant's: its page is open to all.
invoice_address, offer_address = opened("INVOICE"), opened("OFFER")


def event(tenant: str, internal_id: str, timestamp: int, event_id: str) -> Key:
    """A usage event, by the time the caller gave it."""
    return Key(ledger(tenant, internal_id), f"{EVENTS}{instant(timestamp)}#{event_id}")


def change(tenant: str, internal_id: str, timestamp: int, change_id: str, *place: str) -> Key:
    """A change of a customer that is not usage, or what it did to the balance at one place."""
    suffix = "".join(f"#{part(name)}" for name in place)
    return Key(ledger(tenant, internal_id), f"{CHANGES}{instant(timestamp)}#{change_id}{suffix}")


def rollup(tenant: str, internal_id: str, feature_id: str, grain: str, start: int) -> Key:
    """The usage of a feature in one hour or day (`grain` HOUR or DAY)."""
    return Key(usage(tenant, internal_id), f"{part(feature_id)}#{grain}#{instant(start)}")


def parked(day: str, timestamp: int, record_id: str) -> Key:
    """A stream record that could not be handled; with its id for a day, a piece of its text."""
    return Key(f"PARKED#{day}", f"{instant(timestamp)}#{record_id}")


#: The index partitions of a tenant's customers, entities and invoices.
customers_listing, entities_listing = of_tenant("CUSTOMERS"), of_tenant("ENTITIES")
invoices_listing, overrides_listing = of_tenant("INVOICES"), of_tenant("OVERRIDES")


#: One of the index partitions of a tenant's usage events, and of its changes.
events_listing, changes_listing = sharded("EVENTS"), sharded("CHANGES")


def usage_listing(tenant: str, feature_id: str, grain: str, shard: int) -> str:
    """One of the index partitions of all customers' usage of a feature by hour or by day."""
    return f"{tenant}#USAGE#{part(feature_id)}#{grain}#{shard}"


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


def placed_event(sk: str) -> tuple[int, str]:
    """The time and the id in the sort key of a usage event."""
    return placed(sk.removeprefix(EVENTS))


def placed_invoice(sk: str) -> tuple[int, str]:
    """The time and the Stripe id in the sort key of an invoice."""
    created_at, stripe_id = placed(sk)
    return created_at, key_forms.whole(stripe_id)


def due_shard(number: int) -> str:
    """One of the partitions of the index `due`."""
    return f"DUE#{number}"


def due_shard_of(key: Key) -> str:
    """The partition of the index `due` that holds this item while it waits."""
    return due_shard(crc32(f"{key.pk}{key.sk}".encode()) % DUE_SHARDS)


def tenant_of(pk: str) -> str:
    """The tenant that a partition key begins with."""
    return pk.partition("#")[0]


#: What a sort key is the key of.
is_customer, is_entity = beginning("0#CUSTOMER"), beginning("0#ENTITY#")
is_balance, is_customer_plan, is_top_up = map(beginning, ("0#BALANCE#", "0#PLAN#", "0#TOPUP#"))
is_feature, is_plan, is_deletion = map(beginning, ("FEATURE#", "PLAN#", "DELETION"))


def instant(timestamp: int) -> str:
    """Milliseconds in a form that sorts as text."""
    return f"{timestamp:015}"
