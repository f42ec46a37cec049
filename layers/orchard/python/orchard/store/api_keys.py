"""API keys: stored only as digests, one tenant each."""

from typing import NamedTuple

from orchard.domain.secrets import Kind
from orchard.store import keys
from orchard.store.statements import Item, Put
from orchard.store.table import Table


class ApiKey(NamedTuple):
    """A key that proves a tenant; an empty scope list permits everything."""

    id: str
    name: str
    tenant: str
    environment: str
    scopes: tuple[str, ...]
    kind: Kind


def get(table: Table, digest: str) -> ApiKey | None:
    """Return the key with this SHA-256 digest."""
    item = table.get(keys.api_key(digest))
    return None if item is None else _from_item(item)


def put(table: Table, digest: str, key: ApiKey, shown: str, now: int) -> None:
    """Store a key; `shown` is as much of its text as people may see again."""
    place = keys.api_key(digest)
    item: Item = {
        **key._asdict(),
        "pk": place.pk,
        "sk": place.sk,
        "shown": shown,
        "created_at": now,
    }
    table.put(Put(item, "attribute_not_exists(pk)"))


def _from_item(item: Item) -> ApiKey:
    return ApiKey(
        id=item["id"],
        name=item["name"],
        tenant=item["tenant"],
        environment=item["environment"],
        scopes=tuple(item["scopes"]),
        # Keys made before there were publishable ones do not say it.
        kind=item.get("kind", "secret"),
    )
