"""Coupons as they are kept with a customer."""

from collections.abc import Iterable
from typing import Any

from orchard.domain.billing.coupons import Coupon, CustomerCoupon
from orchard.domain.customer import Customer
from orchard.store import keys
from orchard.store.session import Session
from orchard.store.statements import Item, Update

_WHOLE = ("added_at", "ends_at")


def dump(coupons: Iterable[CustomerCoupon]) -> list[Item]:
    """Return coupons in the form in which the customer's item, and the ledger, hold them."""
    return [one._asdict() | {"coupon": dump_coupon(one.coupon)} for one in coupons]


def load(items: Iterable[Item]) -> tuple[CustomerCoupon, ...]:
    """Return the coupons in an item."""
    return tuple(_load(item) for item in items)


def dump_coupon(coupon: Coupon) -> Item:
    """Return a coupon in the form in which items hold it."""
    return coupon._asdict() | {"products": list(coupon.products)}


def load_coupon(item: Item) -> Coupon:
    """Return a coupon from its form in an item."""
    months = item["months"]
    whole = {"months": None if months is None else int(months)}
    return Coupon(**item | whole | {"products": tuple(item["products"])})


def _load(item: Item) -> CustomerCoupon:
    whole: dict[str, Any] = {name: int(item[name]) for name in _WHOLE if item.get(name) is not None}
    return CustomerCoupon(**item | whole | {"coupon": load_coupon(item["coupon"])})


def noted(session: Session, customer: Customer) -> Update:
    """Return the write that keeps what became of coupons, if the customer is as it was read.

    The ledger has nothing to tell of it: what was asked for was told when the coupon was added.
    """
    return Update(
        keys.customer(session.tenant, customer.hot_id),
        "SET coupons = :coupons, #version = #version + :one",
        {
            ":coupons": dump(customer.coupons),
            ":one": 1,
            ":version": customer.version,
            ":internal_id": customer.internal_id,
        },
        "#version = :version AND internal_id = :internal_id",
        {"#version": "version"},
    )
