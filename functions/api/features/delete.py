"""POST /v1/features.delete"""

from typing import Any

from orchard.contracts.features import DeleteFeatureRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import features


@operation(DeleteFeatureRequest)
def handler(request: DeleteFeatureRequest, session: Session) -> dict[str, Any]:
    """Remove a feature that nothing refers to."""
    return features.delete(session, request)
