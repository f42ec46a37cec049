"""POST /v1/entities.list"""

from typing import Any

from orchard.contracts.entity_reads import ListEntitiesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import entity_listing


@operation(ListEntitiesRequest)
def handler(request: ListEntitiesRequest, session: Session) -> dict[str, Any]:
    """Return a page of entities."""
    return entity_listing.list_entities(session, request)
