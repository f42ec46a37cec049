"""plans.create and plans.get: every kind of item, and what is refused."""

from typing import Any

import pytest

from tests.builders import a_feature, a_plan, lifetime, monthly
from tests.conftest import START, Call
from tests.harness import Response

PREPAID = {"amount": 10, "interval": "month", "billing_method": "prepaid"}
METERED = {"amount": 0.1, "interval": "month", "billing_method": "usage_based"}
VOLUME = {"interval": "month", "billing_method": "prepaid", "tier_behavior": "volume"}
TIERS = [{"to": 100, "amount": 2}, {"to": "inf", "amount": 1}]


@pytest.fixture(autouse=True)
def _features(call: Call) -> None:
    a_feature(call, display={"singular": "message", "plural": "messages"})
    a_feature(call, "seats", consumable=False)
    a_feature(call, "sso", type="boolean", name="SSO")


def create(call: Call, *items: dict[str, Any], **fields: Any) -> Response:
    body = {"plan_id": "pro", "name": "Pro", "items": list(items), **fields}
    return call("plans.create", body)


def refused(answered: Response, code: str, message: str) -> None:
    assert (answered.status, answered.body["code"]) == (400, code), answered
    assert answered.body["message"] == message


def item(**fields: Any) -> dict[str, Any]:
    return {"feature_id": "messages", **fields}


def test_a_plan_is_returned_with_all_its_parts(call: Call) -> None:
    created = create(
        call,
        monthly("messages", 500),
        {
            "feature_id": "seats",
            "included": 2,
            "price": {**PREPAID, "billing_units": 1},
            "proration": {"on_increase": "prorate_immediately", "on_decrease": "none"},
        },
        {"feature_id": "sso"},
        price={"amount": 20, "interval": "month"},
        free_trial={"duration_length": 7, "duration_type": "day", "card_required": True},
        metadata={"tier": "2"},
    )

    assert created.body == {
        "id": "pro",
        "name": "Pro",
        "description": None,
        "group": None,
        "version": 1,
        "add_on": False,
        "auto_enable": False,
        "price": {
            "amount": 20,
            "interval": "month",
            "display": {"primary_text": "$20", "secondary_text": "per month"},
        },
        "items": [
            {
                "feature_id": "messages",
                "included": 500,
                "unlimited": False,
                "reset": {"interval": "month"},
                "price": None,
                "display": {"primary_text": "500 Messages"},
            },
            {
                "feature_id": "seats",
                "included": 2,
                "unlimited": False,
                "reset": None,
                "price": {
                    "amount": 10,
                    "interval": "month",
                    "billing_units": 1,
                    "billing_method": "prepaid",
                    "max_purchase": None,
                },
                "display": {"primary_text": "2 Seats", "secondary_text": "then $10 per seat"},
            },
            {
                "feature_id": "sso",
                "included": 0,
                "unlimited": False,
                "reset": None,
                "price": None,
                "display": {"primary_text": "SSO"},
            },
        ],
        "free_trial": {
            "duration_length": 7,
            "duration_type": "day",
            "card_required": True,
            "on_end": None,
        },
        "created_at": START,
        "env": "sandbox",
        "archived": False,
        "base_variant_id": None,
        "config": {"ignore_past_due": False},
        "metadata": {"tier": "2"},
    }
    assert call("plans.get", {"plan_id": "pro"}).body == created.body


def test_the_smallest_plan_has_the_usual_settings(call: Call) -> None:
    created = call("plans.create", {"plan_id": "pro", "name": "Pro"}).body

    assert created["items"] == []
    assert (created["price"], created["group"], created["description"]) == (None, None, None)
    assert (created["add_on"], created["auto_enable"], created["archived"]) == (False,) * 3
    assert "free_trial" not in created
    assert "billing_controls" not in created


def test_every_setting_of_a_plan_is_kept(call: Call) -> None:
    fields: dict[str, Any] = {
        "description": "For teams",
        "group": "main",
        "add_on": True,
        "config": {"ignore_past_due": True},
        "metadata": {"nested": {"list": [1, 0.5, None, "x"]}},
        "billing_controls": {
            "usage_limits": [
                {"feature_id": "messages", "enabled": True, "limit": 5, "interval": "day"}
            ]
        },
    }

    created = create(call, create_in_stripe=False, **fields)

    assert {name: created.body[name] for name in fields} == fields


def test_a_base_price_keeps_its_interval_and_currencies(call: Call) -> None:
    price = {
        "amount": 99.5,
        "interval": "month",
        "interval_count": 3,
        "additional_currencies": [{"currency": "eur", "amount": 89}],
    }

    created = create(call, price=price)

    texts = {"primary_text": "$99.50", "secondary_text": "per 3 months"}
    assert created.body["price"] == {**price, "display": texts}


def test_a_base_price_of_nothing_is_no_price(call: Call) -> None:
    created = create(call, price={"amount": 0, "interval": "month"}, auto_enable=True)

    assert (created.status, created.body["price"]) == (200, None)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"included": 5}, {"included": 5, "reset": None}),
        ({"included": 0.5, "reset": {"interval": "one_off"}}, {"included": 0.5, "reset": None}),
        (
            {"included": 5, "reset": {"interval": "day", "interval_count": 2}},
            {"reset": {"interval": "day", "interval_count": 2}},
        ),
        ({"unlimited": True}, {"unlimited": True, "included": 0, "price": None}),
        ({"included": 5, "pooled": True}, {"pooled": True}),
        # A priced feature that is used up starts anew with its price.
        ({"price": METERED}, {"reset": {"interval": "month"}}),
        (
            {"price": {**PREPAID, "interval_count": 2}},
            {"reset": {"interval": "month", "interval_count": 2}},
        ),
        ({"price": {**PREPAID, "interval": "one_off"}}, {"reset": None}),
        (
            {"price": {**PREPAID, "interval": "year"}, "reset": {"interval": "month"}},
            {"reset": {"interval": "month"}},
        ),
        (
            {"reset": {"interval": "month"}, "rollover": {"expiry_duration_type": "forever"}},
            {"rollover": {"max": None, "expiry_duration_type": "forever"}},
        ),
        (
            {
                "reset": {"interval": "month"},
                "rollover": {
                    "max": 10,
                    "max_percentage": 50,
                    "expiry_duration_type": "month",
                    "expiry_duration_length": 2,
                },
            },
            {
                "rollover": {
                    "max": 10,
                    "max_percentage": 50,
                    "expiry_duration_type": "month",
                    "expiry_duration_length": 2,
                }
            },
        ),
        ({"included": 10_000_000_000_000}, {"included": 10_000_000_000_000}),
    ],
)
def test_an_item_is_kept_as_it_holds(
    call: Call, given: dict[str, Any], shown: dict[str, Any]
) -> None:
    created = create(call, item(**given))

    assert created.status == 200, created
    kept = call("plans.get", {"plan_id": "pro"}).body["items"][0]
    assert {name: kept[name] for name in shown} == shown


def test_features_that_are_not_used_up_have_no_reset(call: Call) -> None:
    created = create(call, monthly("seats", 5), {"feature_id": "sso", "included": 7}).body

    assert [one["reset"] for one in created["items"]] == [None, None]
    assert [one["included"] for one in created["items"]] == [5, 0]


@pytest.mark.parametrize(
    "price",
    [
        {
            "amount": 1.5,
            "billing_method": "usage_based",
            "billing_units": 100,
            "max_purchase": 300,
            "additional_currencies": [{"currency": "jpy", "amount": 150}],
        },
        {"tiers": TIERS, "tier_behavior": "graduated", "billing_method": "usage_based"},
        {
            "tiers": [
                {"to": 100, "amount": 0, "flat_amount": 10},
                {
                    "to": "inf",
                    "amount": 0,
                    "flat_amount": 15,
                    "additional_currencies": [{"currency": "eur", "flat_amount": 14}],
                },
            ],
            "tier_behavior": "volume",
            "billing_method": "prepaid",
        },
    ],
)
def test_f2_a_price_is_kept_as_it_was_given(call: Call, price: dict[str, Any]) -> None:
    given = {"billing_units": 1, "max_purchase": None, "interval": "month", **price}

    created = create(call, item(included=50, price=given))

    assert created.status == 200, created
    assert call("plans.get", {"plan_id": "pro"}).body["items"][0]["price"] == given


def test_a_fee_alone_makes_the_units_of_a_tier_free(call: Call) -> None:
    tiers = [{"to": 10, "flat_amount": 5}, {"to": "inf", "flat_amount": 8}]

    created = create(call, item(price={**VOLUME, "tiers": tiers}))

    assert [one["amount"] for one in created.body["items"][0]["price"]["tiers"]] == [0, 0]


def test_the_same_feature_may_be_prepaid_and_pay_per_use(call: Call) -> None:
    assert create(call, item(price=PREPAID), item(price=METERED)).status == 200


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"price": {**PREPAID, "tiers": TIERS}}, "exactly one of amount and tiers is required"),
        ({"price": {**PREPAID, "amount": None}}, "exactly one of amount and tiers is required"),
        (
            {"price": {**METERED, "amount": None, "tiers": []}},
            "exactly one of amount and tiers is required",
        ),
        (
            {"price": {**VOLUME, "tiers": TIERS, "billing_method": "usage_based"}},
            "volume tiers are only possible with a prepaid price",
        ),
        (
            {
                "price": {
                    **METERED,
                    "amount": None,
                    "tiers": [{"to": 5, "flat_amount": 1}, {"to": "inf", "amount": 1}],
                }
            },
            "tiers: flat_amount is only possible with several volume tiers",
        ),
        (
            {"price": {**VOLUME, "tiers": [{"to": "inf", "flat_amount": 1}]}},
            "tiers: flat_amount is only possible with several volume tiers",
        ),
        (
            {"price": {**VOLUME, "tiers": [{"to": 5, "amount": 1}]}},
            'tiers: the last tier must end at "inf"',
        ),
        (
            {"price": {**VOLUME, "tiers": [{"to": 5, "amount": 1}, {"to": 5, "amount": 1}]}},
            "tiers: each tier must end above the one before it",
        ),
        (
            {"price": {**VOLUME, "tiers": [TIERS[1], TIERS[0]]}},
            "tiers: each tier must end above the one before it",
        ),
        (
            {"price": {**METERED, "interval": "one_off"}},
            "a usage_based price needs a recurring interval",
        ),
    ],
)
def test_f2_a_price_that_contradicts_itself_is_refused(
    call: Call, given: dict[str, Any], message: str
) -> None:
    refused(create(call, item(**given)), "invalid_inputs", f"items.0.price: {message}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"included": 100, "price": {**VOLUME, "tiers": TIERS}},
            "the first tier must end above included",
        ),
        ({"unlimited": True, "price": METERED}, "an unlimited item cannot have a price"),
        (
            {"price": METERED, "reset": {"interval": "year"}},
            "reset.interval and price.interval can differ only with a prepaid price",
        ),
        (
            {
                "price": PREPAID,
                "proration": {"on_increase": "bill_immediately", "on_decrease": "none"},
            },
            "proration.on_increase: bill_immediately is not possible with a prepaid price",
        ),
    ],
)
def test_f2_an_item_that_contradicts_itself_is_refused(
    call: Call, given: dict[str, Any], message: str
) -> None:
    refused(create(call, item(**given)), "invalid_inputs", f"items.0: {message}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"included": 10_000_000_000_001},
            "included: must be at most 10000000000000; use unlimited instead",
        ),
        ({"included": -1}, "included: must be at least 0"),
        ({"included": "5"}, "included: must be a number (received string)"),
        ({"feature_id": ""}, "feature_id: cannot be empty"),
        ({"reset": {}}, "reset.interval: is required"),
        (
            {"reset": {"interval": "month", "interval_count": 0}},
            "reset.interval_count: must be between 1 and 1000",
        ),
        (
            {"price": {**PREPAID, "interval": "day"}},
            "price.interval: must be one of: one_off, week, month, quarter, semi_annual, year",
        ),
        ({"price": {**PREPAID, "amount": -1}}, "price.amount: must be at least 0"),
        (
            {"price": {**PREPAID, "billing_units": 0}},
            "price.billing_units: must be greater than 0",
        ),
        (
            {"price": {**VOLUME, "tiers": [{"to": "all", "amount": 1}]}},
            'price.tiers.0.to: must be a number or "inf"',
        ),
        (
            {"price": {**VOLUME, "tiers": [{"to": "inf"}]}},
            "price.tiers.0: amount or flat_amount is required",
        ),
        (
            {"price": {**VOLUME, "tiers": [{"to": 0, "amount": 1}]}},
            "price.tiers.0.to: must be greater than 0 and at most 1000000000000000",
        ),
        (
            {
                "price": {
                    **PREPAID,
                    "additional_currencies": [{"currency": "euro", "amount": 1}],
                }
            },
            "price.additional_currencies.0.currency: must be a currency code of three letters",
        ),
        (
            {"price": PREPAID, "proration": {"on_increase": "prorate_immediately"}},
            "proration.on_decrease: is required",
        ),
    ],
)
def test_f2_an_item_of_the_wrong_shape_is_refused(
    call: Call, given: dict[str, Any], message: str
) -> None:
    refused(create(call, item(**given)), "invalid_inputs", f"items.0.{message}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"feature_id": "sso", "price": METERED},
            "a boolean feature has no price, rollover or proration",
        ),
        (
            {"feature_id": "messages", "rollover": {"expiry_duration_type": "forever"}},
            "rollover needs a consumable feature with a reset interval",
        ),
        (
            {
                "feature_id": "seats",
                "reset": {"interval": "month"},
                "rollover": {"expiry_duration_type": "forever"},
            },
            "rollover needs a consumable feature with a reset interval",
        ),
        (
            {
                "feature_id": "messages",
                "price": METERED,
                "proration": {"on_increase": "prorate_immediately", "on_decrease": "none"},
            },
            "proration needs a prepaid price, or a price of a feature that is not consumable",
        ),
    ],
)
def test_an_item_that_does_not_suit_its_feature_is_refused(
    call: Call, given: dict[str, Any], message: str
) -> None:
    answered = create(call, given)

    text = f"Item of feature {given['feature_id']}: {message}"
    refused(answered, "invalid_product_item", text)


def test_the_price_of_seats_may_be_prorated(call: Call) -> None:
    proration = {"on_increase": "bill_immediately", "on_decrease": "prorate"}

    created = create(call, {"feature_id": "seats", "price": METERED, "proration": proration})

    assert created.status == 200, created
    assert "proration" not in created.body["items"][0]


def test_an_item_names_a_feature_that_exists(call: Call) -> None:
    answered = create(call, lifetime("nothing", 1))

    assert (answered.status, answered.body["code"]) == (404, "feature_not_found")
    assert answered.body["message"] == "Feature nothing not found"


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        (
            {"items": [monthly("messages", 1), monthly("messages", 2)]},
            "invalid_inputs",
            "items: feature messages is listed twice with the same interval",
        ),
        (
            {
                "price": {"amount": 5, "interval": "week"},
                "items": [item(price=METERED)],
            },
            "invalid_inputs",
            "A plan cannot have both weekly and monthly prices",
        ),
        (
            {"price": {"amount": 5.001, "interval": "month"}},
            "invalid_inputs",
            "price.amount: can have at most 2 decimals",
        ),
        (
            {
                "price": {"amount": 5, "interval": "one_off"},
                "free_trial": {"duration_length": 7},
            },
            "invalid_request",
            "One-off products cannot have a free trial",
        ),
        (
            {"price": {"amount": 5, "interval": "month"}, "auto_enable": True},
            "invalid_request",
            "Cannot make a plan auto-enable if it has prices on it.",
        ),
        (
            {
                "price": {"amount": 5, "interval": "month"},
                "auto_enable": True,
                "free_trial": {"duration_length": 7, "card_required": True},
            },
            "invalid_request",
            "Cannot make a plan auto-enable if it has prices on it.",
        ),
        (
            {"licenses": [{"license_plan_id": "seat"}]},
            "invalid_request",
            "licenses: not supported yet",
        ),
        (
            {"plan_id": "a b"},
            "invalid_inputs",
            "plan_id: can only contain letters, numbers, underscores and hyphens",
        ),
        ({"plan_id": ""}, "invalid_inputs", "plan_id: cannot be empty"),
        ({"name": ""}, "invalid_inputs", "name: cannot be empty"),
        (
            {"metadata": {"a": "\u20ac" * 34_000}},
            "invalid_inputs",
            "metadata: must have at most 100000 bytes as JSON",
        ),
        (
            {"billing_controls": {"overage_allowed": [{"feature_id": "messages"}] * 2}},
            "invalid_inputs",
            "billing_controls: Only one overage control entry is allowed per feature_id",
        ),
        (
            {"free_trial": {"duration_length": 0}},
            "invalid_inputs",
            "free_trial.duration_length: must be between 1 and 1000",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    call: Call, fields: dict[str, Any], code: str, message: str
) -> None:
    refused(create(call, **fields), code, message)
    assert call("plans.list", {}).body == {"list": []}


def test_a_paid_plan_on_an_open_trial_may_come_by_itself(call: Call) -> None:
    trial = {"duration_length": 7, "card_required": False}

    created = create(
        call, price={"amount": 5, "interval": "month"}, auto_enable=True, free_trial=trial
    )

    assert created.status == 200, created
    assert created.body["free_trial"]["duration_type"] == "month"


class TestOneDefaultPlanInAGroup:
    def test_a_second_one_is_refused(self, call: Call) -> None:
        a_plan(call, "free", auto_enable=True)

        message = "You have another default product (free): end its auto_enable first"
        refused(create(call, auto_enable=True), "invalid_request", message)

    def test_another_group_has_its_own(self, call: Call) -> None:
        a_plan(call, "free", auto_enable=True)

        assert create(call, auto_enable=True, group="storage").status == 200

    def test_an_archived_one_makes_place(self, call: Call) -> None:
        a_plan(call, "free", auto_enable=True)
        call("plans.update", {"plan_id": "free", "archived": True})

        assert create(call, auto_enable=True).status == 200

    def test_a_paid_one_on_trial_goes_beside_a_free_one(self, call: Call) -> None:
        a_plan(call, "free", auto_enable=True)
        trial = {"duration_length": 7, "card_required": False}
        price = {"amount": 5, "interval": "month"}
        paid = {"price": price, "free_trial": trial, "auto_enable": True}

        assert create(call, **paid).status == 200

        answered = call("plans.create", {"plan_id": "max", "name": "Max", **paid})
        message = "You have another default product (pro): end its auto_enable first"
        refused(answered, "invalid_request", message)


def test_an_id_can_be_taken_once(call: Call) -> None:
    a_plan(call, "pro")

    refused(create(call), "product_already_exists", "Plan pro already exists")


def test_an_unknown_plan_or_version_is_not_found(call: Call) -> None:
    a_plan(call, "pro")

    for body in ({"plan_id": "max"}, {"plan_id": "pro", "version": 2}):
        answered = call("plans.get", body)
        assert (answered.status, answered.body["code"]) == (404, "product_not_found")
        assert answered.body["message"] == f"Plan {body['plan_id']} not found"


def test_over_rest_the_id_is_called_id(call: Call) -> None:
    for number, route in enumerate(("POST /v1/plans", "POST /v1/products")):
        body = {"id": f"pro{number}", "name": "Pro", "is_add_on": True}
        created = call("plans.create", body, route=route)
        assert (created.body["id"], created.body["add_on"]) == (f"pro{number}", True)


def test_over_rest_a_version_is_read_by_path_and_query(call: Call) -> None:
    a_plan(call, "pro")

    for route in ("GET /v1/plans/{plan_id}", "GET /v1/products/{plan_id}"):
        path, query = {"plan_id": "pro"}, {"version": "1"}
        read = call("plans.get", "", route=route, path=path, query=query)
        assert (read.status, read.body["version"]) == (200, 1)
