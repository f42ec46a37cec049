"""Request and response of `changes.undo`."""

from typing import Any

from orchard.contracts import changes
from orchard.contracts.audit import AuditedRequest
from orchard.contracts.fields import CustomerId, Id
from orchard.domain.ledger import Change


class UndoRequest(AuditedRequest):
    """Take one change of a customer back."""

    customer_id: CustomerId
    change_id: Id
    #: Only tell what would change.
    dry_run: bool = False


def undo_response(request: UndoRequest, lines: tuple[Change, ...]) -> dict[str, Any]:
    """Return an undo as callers see it; nothing has an id that was only tried."""
    shown = changes.change(lines, None)
    return {
        "success": True,
        "change_id": None if request.dry_run else shown["id"],
        "undoes": request.change_id,
        "customer": {"before": shown["before"], "after": shown["after"]},
        "balances": shown["balances"],
    }
