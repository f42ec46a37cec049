"""POST /v1/changes.list"""

from typing import Any

from orchard.contracts.changes import ListChangesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import changes


@operation(ListChangesRequest)
def handler(request: ListChangesRequest, session: Session) -> dict[str, Any]:
    """List changes that are not usage, newest first."""
    return changes.list_changes(session, request)
