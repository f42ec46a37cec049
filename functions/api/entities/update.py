"""POST /v1/entities.update"""

from typing import Any

from orchard.contracts.entities import UpdateEntityRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import entities


@operation(UpdateEntityRequest)
def handler(request: UpdateEntityRequest, session: Session) -> dict[str, Any]:
    """Replace billing controls of an entity."""
    return entities.update(session, request)
