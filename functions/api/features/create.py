"""POST /v1/features.create"""

from typing import Any

from orchard.contracts.features import CreateFeatureRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import features


@operation(CreateFeatureRequest)
def handler(request: CreateFeatureRequest, session: Session) -> dict[str, Any]:
    """Define a feature."""
    return features.create(session, request)
