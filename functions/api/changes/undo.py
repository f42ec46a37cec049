"""POST /v1/changes.undo"""

from typing import Any

from orchard.contracts.undoing import UndoRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import undoing


@operation(UndoRequest)
def handler(request: UndoRequest, session: Session) -> dict[str, Any]:
    """Take one change of a customer back."""
    return undoing.take_back(session, request)
