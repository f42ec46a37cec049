"""Products: create under an id of one's own, retrieve, update, list."""

from typing import Any

import stripe
from stripe import params

from local.stripe.account import Document, new_id
from local.stripe.coupons import merged
from local.stripe.failures import Refused
from local.stripe.listing import created_within, newest_first, page
from local.stripe.objects import made
from local.stripe.parameters import supported
from local.stripe.routes import Call, Route

#: Parameters that are stored as they come, an empty text as null.
_PLAIN = {"active", "description", "name", "statement_descriptor", "unit_label", "url"}
_CHANGED = _PLAIN | {"metadata", "expand"}


def create(call: Call) -> Document:
    """Create a product. Errors: `resource_already_exists` for its id."""
    supported(call.params, _CHANGED | {"id"})
    product_id = call.params.get("id") or new_id("prod_", 14)
    if product_id in call.account.objects("product"):
        message = "Product already exists."
        raise Refused(message, code="resource_already_exists", param="id")
    now = call.account.clock()
    product = made(
        stripe.Product,
        id=product_id,
        object="product",
        active=True,
        created=now,
        images=[],
        livemode=False,
        marketing_features=[],
        metadata={},
        type="service",
        updated=now,
    )
    product |= _given(call.params, {})
    call.shop.add("product", product)
    call.shop.report("product.created", product)
    return product


def retrieve(call: Call) -> Document:
    """Return a product."""
    supported(call.params, {"expand"})
    return call.account.get("product", call.ids["id"])


def update(call: Call) -> Document:
    """Change a product."""
    supported(call.params, _CHANGED)
    product = call.account.get("product", call.ids["id"])
    changes = _given(call.params, product["metadata"])
    if all(product[name] == value for name, value in changes.items()):
        return product
    changes["updated"] = call.account.clock()
    return call.shop.change(product, changes, "product.updated")


def list_(call: Call) -> Document:
    """List products, newest first: all, those with `ids`, or those that are active or not."""
    supported(
        call.params,
        {"active", "created", "ids", "limit", "starting_after", "ending_before", "expand"},
    )
    ids, active = call.params.get("ids"), call.params.get("active")
    found = [
        one
        for one in call.account.objects("product").values()
        if active in (None, one["active"])
        and (ids is None or one["id"] in ids)
        and created_within(one, call.params.get("created"))
    ]
    return page(newest_first(found), call.params, "/v1/products")


def _given(given: Document, metadata: dict[str, str]) -> Document:
    changes: dict[str, Any] = {name: given[name] for name in _PLAIN & given.keys()}
    if changes.get("name") == "":
        raise Refused("You passed an empty string for 'name'.", param="name")
    changes = {name: None if value == "" else value for name, value in changes.items()}
    if "metadata" in given:
        changes["metadata"] = merged(metadata, given["metadata"])
    return changes


ROUTES = [
    Route("POST", "/v1/products", create, params.ProductCreateParams),
    Route("GET", "/v1/products", list_, params.ProductListParams),
    Route("GET", "/v1/products/{id}", retrieve, params.ProductRetrieveParams),
    Route("POST", "/v1/products/{id}", update, params.ProductUpdateParams),
]
