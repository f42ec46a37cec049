"""POST /v1/overrides.list"""

from typing import Any

from orchard.contracts.overrides import ListOverridesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import overrides


@operation(ListOverridesRequest)
def handler(request: ListOverridesRequest, session: Session) -> dict[str, Any]:
    """List what was granted, added or withheld for a while, the soonest to end first."""
    return overrides.list_overrides(session, request)
