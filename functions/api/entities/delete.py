"""POST /v1/entities.delete"""

from typing import Any

from orchard.contracts.entity_reads import DeleteEntityRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import entities


@operation(DeleteEntityRequest)
def handler(request: DeleteEntityRequest, session: Session) -> dict[str, Any]:
    """Remove an entity and what it holds."""
    return entities.delete(session, request)
