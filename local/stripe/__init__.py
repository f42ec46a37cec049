"""A double of Stripe for tests and the local stack: the part of its API that Orchard uses.

`python -m local.stripe` serves it on the loopback interface. It accepts what the official
package's own types allow and answers with objects of the API version that the package is pinned
to. A resource is a module with `ROUTES` (see customers.py); resources.py lists them.
"""
