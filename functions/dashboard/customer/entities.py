"""The entities of a customer, such as seats or workspaces, as its page lists them."""

from collections.abc import Mapping
from typing import Any

from dashboard.customer import calls as customer_calls
from dashboard.customer.tabs import Place
from dashboard.figures import number
from dashboard.frame.visits import Visit
from orchard.contracts.entity_reads import ListEntitiesRequest
from orchard.contracts.request import parse, prepare
from orchard.usecases import entity_listing, naming
from orchard.usecases.naming import Names

type View = Mapping[str, Any]
type Shown = dict[str, Any]

prepare(ListEntitiesRequest)


def shown(visitor: Visit, place: Place, _customer: View) -> Shown:
    """Return what the tab of entities shows. Errors: those of `entities.list`."""
    asked = customer_calls.body(place, visitor.now)
    found = entity_listing.list_entities(visitor.session, parse(ListEntitiesRequest, asked))
    names, cursor = naming.names(visitor.session), found["next_cursor"]
    rows = [_row(one, names) for one in found["list"]]
    return {"rows": rows, "following": place.after(cursor) if cursor else ""}


def _row(one: View, names: Names) -> Shown:
    feature_id, own = one["feature_id"], [*one["subscriptions"], *one["purchases"]]
    return {
        "id": one["id"],
        "name": one["name"] or "",
        "feature": names.feature(feature_id) if feature_id else "",
        "plans": [names.plan(it["plan_id"]) for it in own if it["scope"] == "entity"],
        "created_at": one["created_at"],
        "balances": [_balance(it, names) for it in one["balances"].values()],
        "flags": [names.feature(feature_id) for feature_id in one["flags"]],
    }


def _balance(one: View, names: Names) -> Shown:
    return {
        "id": one["feature_id"],
        "name": names.feature(one["feature_id"]),
        "unlimited": one["unlimited"],
        "used": number(one["usage"]),
        "granted": number(one["granted"]),
        "remaining": number(one["remaining"]),
    }
