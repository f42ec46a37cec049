"""Invoked by an operator: mint an API key and show it once."""

from typing import Any

from orchard.contracts.api_keys import CreateApiKeyRequest
from orchard.triggers.job import Run, command
from orchard.usecases import api_keys


@command(CreateApiKeyRequest)
def handler(request: CreateApiKeyRequest, run: Run) -> dict[str, Any]:
    """Mint an API key for one environment."""
    return api_keys.create(run.table, request, run.now)
