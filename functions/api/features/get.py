"""POST /v1/features.get"""

from typing import Any

from orchard.contracts.features import GetFeatureRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import features


@operation(GetFeatureRequest)
def handler(request: GetFeatureRequest, session: Session) -> dict[str, Any]:
    """Return a feature."""
    return features.get(session, request)
