"""POST /v1/features.update"""

from typing import Any

from orchard.contracts.features import UpdateFeatureRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import features


@operation(UpdateFeatureRequest)
def handler(request: UpdateFeatureRequest, session: Session) -> dict[str, Any]:
    """Change a feature."""
    return features.update(session, request)
