"""The features that the cases speak of."""

from typing import Any

from orchard.store import keys
from tests.acceptance.world import World
from tests.conftest import TENANT

EVENT = "action-event"
INTERNAL = {"input_cost": 5, "output_cost": 15}
FLAT = {"input_cost": 10, "output_cost": 20}


def _metered(feature_id: str, *, consumable: bool = True, **fields: Any) -> dict[str, Any]:
    return {"feature_id": feature_id, "type": "metered", "consumable": consumable, **fields}


def _credits(feature_id: str, **costs: float) -> dict[str, Any]:
    schema = [{"metered_feature_id": name, "credit_cost": cost} for name, cost in costs.items()]
    return {"feature_id": feature_id, "type": "credit_system", "credit_schema": schema}


def _ai(feature_id: str, **fields: Any) -> dict[str, Any]:
    return {"feature_id": feature_id, "type": "ai_credit_system", **fields}


METERED = (
    _metered("messages"),
    _metered("words"),
    _metered("storage"),
    _metered("users", consumable=False),
    _metered("workflows", consumable=False),
    _metered("admin", consumable=False),
    _metered("action1", event_names=[EVENT]),
    _metered("action2"),
    _metered("action3", event_names=[EVENT]),
)
FLAGS = (
    {"feature_id": "dashboard", "type": "boolean"},
    {"feature_id": "admin_rights", "type": "boolean"},
)
CREDITS = (
    _credits("credits", action1=0.2, action2=0.6),
    _credits("credits2", action3=1.4),
    _credits("credits3", action1=2),
)
AI = (
    _ai(
        "ai_credits",
        model_markups={
            "custom/internal-model": INTERNAL,
            "custom/marked-up-model": {"input_cost": 10, "output_cost": 30, "markup": 50},
        },
    ),
    _ai(
        "ai_credits_tiered",
        default_markup=10,
        provider_markups={"custom": {"markup": 30}},
        model_markups={
            "custom/override-model": {**FLAT, "markup": 5},
            "custom/plain-model": FLAT,
        },
    ),
)


#: The stored features: made once, by the operation, then copied into each table.
_made: list[Any] = []


def create(world: World) -> None:
    """Create all features."""
    client, name = world.table.client, world.table.name
    if not _made:
        for feature in (*METERED, *FLAGS, *CREDITS, *AI):
            world.done("features.create", name=feature["feature_id"], **feature)
        found = client.query(
            TableName=name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keys.catalog(TENANT)}},
        )
        _made.extend(found["Items"])
    else:
        written = client.batch_write_item(
            RequestItems={name: [{"PutRequest": {"Item": item}} for item in _made]}
        )
        assert not written["UnprocessedItems"]
