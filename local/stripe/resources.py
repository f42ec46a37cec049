"""The resources of the API; every module adds its routes here."""

from local.stripe import (
    charges,
    checkout,
    coupons,
    customers,
    invoice_calls,
    invoiceitems,
    invoices,
    payment_methods,
    portal,
    prices,
    products,
    promotion_codes,
    refunds,
    schedules,
    subscription_changes,
    subscriptions,
)

ROUTES = [
    *charges.ROUTES,
    *checkout.ROUTES,
    *coupons.ROUTES,
    *customers.ROUTES,
    *invoice_calls.ROUTES,
    *invoiceitems.ROUTES,
    *invoices.ROUTES,
    *payment_methods.ROUTES,
    *portal.ROUTES,
    *prices.ROUTES,
    *products.ROUTES,
    *promotion_codes.ROUTES,
    *refunds.ROUTES,
    *schedules.ROUTES,
    *subscription_changes.ROUTES,
    *subscriptions.ROUTES,
]
