"""The product of the demo data: features and plans, as bodies of the API."""

from typing import Any

type Body = dict[str, Any]

_MONTHLY = {"interval": "month"}

FEATURES: tuple[Body, ...] = (
    {
        "feature_id": "messages",
        "name": "Messages",
        "type": "metered",
        "consumable": True,
        "display": {"singular": "message", "plural": "messages"},
    },
    {
        "feature_id": "seats",
        "name": "Seats",
        "type": "metered",
        "consumable": False,
        "display": {"singular": "seat", "plural": "seats"},
    },
    {"feature_id": "sso", "name": "Single sign-on", "type": "boolean"},
    {
        "feature_id": "workspaces",
        "name": "Workspaces",
        "type": "metered",
        "consumable": False,
        "display": {"singular": "workspace", "plural": "workspaces"},
    },
    {
        "feature_id": "summaries",
        "name": "Summaries",
        "type": "metered",
        "consumable": True,
        "display": {"singular": "summary", "plural": "summaries"},
    },
    {
        "feature_id": "drafts",
        "name": "Drafts",
        "type": "metered",
        "consumable": True,
        "display": {"singular": "draft", "plural": "drafts"},
    },
    {
        "feature_id": "credits",
        "name": "Credits",
        "type": "credit_system",
        "credit_schema": [
            {"metered_feature_id": "summaries", "credit_cost": 0.5},
            {"metered_feature_id": "drafts", "credit_cost": 4},
        ],
        "display": {"singular": "credit", "plural": "credits"},
    },
)

PLANS: tuple[Body, ...] = (
    {
        "plan_id": "free",
        "name": "Free",
        "description": "For trying things out",
        "auto_enable": True,
        "items": [
            {"feature_id": "messages", "included": 1000, "reset": _MONTHLY},
            {"feature_id": "credits", "included": 50, "reset": _MONTHLY},
            {"feature_id": "seats", "included": 2},
        ],
    },
    {
        "plan_id": "pro",
        "name": "Pro",
        "description": "For teams that write every day",
        "price": {"amount": 49, "interval": "month"},
        "items": [
            {
                "feature_id": "messages",
                "included": 20_000,
                "reset": _MONTHLY,
                "price": {
                    "amount": 1,
                    "billing_units": 1000,
                    "interval": "month",
                    "billing_method": "usage_based",
                },
            },
            {"feature_id": "credits", "included": 1000, "reset": _MONTHLY},
            {
                "feature_id": "seats",
                "included": 5,
                "price": {"amount": 8, "interval": "month", "billing_method": "usage_based"},
            },
            {"feature_id": "sso"},
        ],
    },
    {
        "plan_id": "scale",
        "name": "Scale",
        "description": "For those who write to everybody",
        "price": {"amount": 199, "interval": "month"},
        "items": [
            {"feature_id": "messages", "included": 200_000, "reset": _MONTHLY},
            {"feature_id": "credits", "included": 6000, "reset": _MONTHLY},
            {"feature_id": "seats", "included": 25},
            {"feature_id": "sso"},
        ],
    },
    {
        "plan_id": "pack",
        "name": "Message pack",
        "description": "For a month with more to say; never expires",
        "add_on": True,
        "items": [
            {
                "feature_id": "messages",
                "included": 0,
                "price": {
                    "amount": 15,
                    "billing_units": 5000,
                    "interval": "one_off",
                    "billing_method": "prepaid",
                },
            },
        ],
    },
    {
        "plan_id": "workspaces",
        "name": "Workspaces",
        "description": "Drafts for each workspace of a team",
        "add_on": True,
        "items": [
            {"feature_id": "workspaces", "included": 5},
            {
                "feature_id": "drafts",
                "included": 10,
                "reset": _MONTHLY,
                "entity_feature_id": "workspaces",
            },
        ],
    },
    {
        "plan_id": "boost",
        "name": "Boost",
        "description": "For one workspace that writes more than the others",
        "add_on": True,
        "items": [{"feature_id": "drafts", "included": 40, "reset": _MONTHLY}],
    },
)

#: A coupon with a code, for the first three months.
REWARDS: tuple[Body, ...] = (
    {
        "id": "spring20",
        "name": "Launch offer",
        "type": "percentage_discount",
        "value": 20,
        "duration": {"type": "months", "length": 3},
        "plan_ids": ["pro", "scale"],
        "promo_codes": [{"code": "SPRING20"}],
    },
)
PACK: Body = {"feature_id": "messages", "included_grant": 2500, "balance_id": "launch-pack"}
THANKS: Body = {"feature_id": "credits", "included_grant": 250, "balance_id": "beta-thanks"}
PARTNER: Body = {"feature_id": "messages", "unlimited": True, "balance_id": "partner"}
