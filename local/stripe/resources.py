"""The resources of the API; every module adds its routes here."""

from local.stripe import (
    charges,
    coupons,
    customers,
    invoices,
    payment_methods,
    promotion_codes,
)

ROUTES = [
    *charges.ROUTES,
    *coupons.ROUTES,
    *customers.ROUTES,
    *invoices.ROUTES,
    *payment_methods.ROUTES,
    *promotion_codes.ROUTES,
]
