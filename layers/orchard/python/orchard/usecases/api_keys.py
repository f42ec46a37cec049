"""Minting API keys. Only their digests are stored."""

from typing import Any

from orchard.contracts.api_keys import CreateApiKeyRequest
from orchard.domain import ids, secrets
from orchard.store import api_keys
from orchard.store.api_keys import ApiKey
from orchard.store.table import Table

_SHOWN = 14


def create(table: Table, request: CreateApiKeyRequest, now: int) -> dict[str, Any]:
    """Mint a key and return its text, which can't be read again."""
    key = secrets.mint(request.kind, request.environment)
    stored = ApiKey(
        id=ids.new("key_", now),
        name=request.name,
        tenant=f"{request.organization}/{request.environment}",
        environment=request.environment,
        scopes=(),
        kind=request.kind,
    )
    api_keys.put(table, secrets.digest(key), stored, key[:_SHOWN], now)
    return {
        "key": key,
        "id": stored.id,
        "environment": stored.environment,
        "name": stored.name,
        "kind": stored.kind,
    }
