"""POST /v1/entities.get"""

from typing import Any

from orchard.contracts.entity_reads import GetEntityRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import entity_reads


@operation(GetEntityRequest)
def handler(request: GetEntityRequest, session: Session) -> dict[str, Any]:
    """Return an entity."""
    return entity_reads.get(session, request)
