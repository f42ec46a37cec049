"""POST /v1/features.list"""

from typing import Any

from orchard.contracts.features import ListFeaturesRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import features


@operation(ListFeaturesRequest)
def handler(_request: ListFeaturesRequest, session: Session) -> dict[str, Any]:
    """Return all features."""
    return features.every(session)
