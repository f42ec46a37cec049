"""POST /v1/coupons.remove"""

from typing import Any

from orchard.contracts.coupons import RemoveCouponRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import coupons


@operation(RemoveCouponRequest)
def handler(request: RemoveCouponRequest, session: Session) -> dict[str, Any]:
    """Take coupons from a customer."""
    return coupons.remove(session, request)
