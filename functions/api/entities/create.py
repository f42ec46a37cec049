"""POST /v1/entities.create"""

from typing import Any

from orchard.contracts.entities import CreateEntityRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import entities


@operation(CreateEntityRequest)
def handler(request: CreateEntityRequest, session: Session) -> dict[str, Any]:
    """Make an entity."""
    return entities.create(session, request)
