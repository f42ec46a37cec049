"""Changes that are not usage, as people look through them: what was done, by whom, where."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orchard.domain.customer import CustomerPlan
from orchard.domain.entity import Entity
from orchard.domain.ledger import Change, Details

RESET, DELETE, UNDO = "reset", "delete", "undo"
RESETTING = "balances.reset"
#: What changes can be told apart by.
ACTION, FEATURE, ENTITY, ACTOR, NAME = "action", "feature", "entity", "actor", "name"

#: What changes are looked for: one at least of each of these sets of tokens.
type Wanted = Sequence[frozenset[str]]

#: What each kind of write is called, in the words of the API.
ACTIONS = {
    "grant": "balances.create",
    "edit": "balances.update",
    "delete_balance": "balances.delete",
    "recalculate": "balances.recalculate",
    RESET: RESETTING,
    "create": "customers.create",
    "fill": "customers.update",
    "update": "customers.update",
    "rename": "customers.update",
    "link": "customers.update",
    "claim": "customers.claim",
    DELETE: "customers.delete",
    "deleting": "customers.delete",
    "create_entity": "entities.create",
    "update_entity": "entities.update",
    "delete_entity": "entities.delete",
    "attach": "billing.attach",
    "update_plan": "billing.update",
    "plan_ended": "plans.ended",
    "subscription_changed": "subscriptions.changed",
    "subscription_ended": "subscriptions.ended",
    "unpaid": "billing.unpaid",
    "sync": "billing.sync",
    "seats": "billing.seats",
    "auto_topup": "billing.auto_topup",
    "redeem": "rewards.redeem",
    "coupon_added": "coupons.add",
    "coupon_removed": "coupons.remove",
    UNDO: "changes.undo",
    "undo_rename": "changes.undo",
}
#: Kinds of which `changes.undo` can take one back, unless something came in between.
UNDOABLE = {
    *("grant", "edit", "delete_balance", "recalculate"),
    *("update", "fill", "rename", UNDO, "undo_rename"),
}
#: Who did it, by what the table calls them.
_ACTORS = {
    "key": "api_key",
    "user": "dashboard_user",
    "job": "job",
    "stripe": "stripe",
    "time": "time",
}


_OF_PLANS = (
    *("id", "plan_id", "plan_version", "status", "started_at"),
    *("trial_ends_at", "canceled_at", "expires_at", "entity_id", "external_id"),
)


class Actor(NamedTuple):
    """Who did something: `type` is one of the values above, `name` that of the key, user or job."""

    type: str
    name: str | None


def plans(some: Iterable[CustomerPlan]) -> Details:
    """Return what a change of plans says of them, before it or after it."""
    return {"plans": [_plan(one) for one in some]}


def entity(one: Entity) -> Details:
    """Return what a change says of an entity, before it or after it."""
    controls = dict(one.billing_controls)
    return {
        "entity": {
            "id": one.id,
            "feature_id": one.feature_id,
            "name": one.name,
            "created_at": one.created_at,
            "billing_controls": controls,
        }
    }


def _plan(one: CustomerPlan) -> Details:
    told = {name: getattr(one, name) for name in _OF_PLANS}
    if not one.custom:
        return told
    # Items would make a line too long: how many there are has to do.
    own = {name: one.custom[name] for name in ("price", "free_trial") if name in one.custom}
    if "items" in one.custom:
        own["items"] = len(one.custom["items"])
    return {**told, "custom": own}


def action(kind: str) -> str:
    """Return what a kind of write is called in the words of the API."""
    return ACTIONS.get(kind, kind)


def action_of(line: Change) -> str:
    """Return what was done by a change with this line; an undo may be written as something else."""
    return action(UNDO if line.details.get("undoes") else line.kind)


def actor(by: str) -> Actor:
    """Return who is meant by what a line says of its writer, such as `key:server`."""
    kind, _, name = by.partition(":")
    return Actor(_ACTORS.get(kind, kind), name or None)


def tokens(change: Change) -> frozenset[str]:
    """Return what a line can be found by."""
    who = actor(change.by)
    named = {
        ACTION: action_of(change),
        FEATURE: _feature(change),
        ENTITY: _entity(change),
        ACTOR: who.type,
        NAME: who.name,
    }
    return frozenset(token(name, text) for name, text in named.items() if text)


def token(name: str, text: str) -> str:
    """Return one of the things that a line can be found by, such as `action:balances.update`."""
    return f"{name}:{text}"


def matches(lines: Iterable[Iterable[str]], wanted: Wanted) -> bool:
    """Whether the lines of a change, given by their tokens, have what is wanted between them."""
    found = {one for line in lines for one in line}
    return all(not found.isdisjoint(some) for some in wanted)


def is_undoable(kind: str) -> bool:
    """Whether changes of a kind can be taken back, unless something came in between."""
    return kind in UNDOABLE


def feature_of(lines: Iterable[Change]) -> str | None:
    """Return the feature that a change is about; None for none, and for several."""
    return _only({_feature(line) for line in lines} - {None})


def entity_of(lines: Iterable[Change]) -> str | None:
    """Return the entity that a change is about; None for none, and for several."""
    return _only({_entity(line) for line in lines} - {None})


def _feature(line: Change) -> str | None:
    return line.feature_id or line.details.get("feature_id")


def _entity(line: Change) -> str | None:
    return line.entity_id or line.details.get("entity_id")


def _only(names: set[str | None]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None
