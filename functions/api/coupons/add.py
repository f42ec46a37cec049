"""POST /v1/coupons.add"""

from typing import Any

from orchard.contracts.coupons import AddCouponRequest
from orchard.store.session import Session
from orchard.triggers.operation import operation
from orchard.usecases import coupons


@operation(AddCouponRequest)
def handler(request: AddCouponRequest, session: Session) -> dict[str, Any]:
    """Give a customer a coupon."""
    return coupons.add(session, request)
