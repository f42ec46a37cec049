"""What requests of billing may say of a custom plan, and the parts that they share."""

from decimal import Decimal
from typing import Any

import pytest

from orchard.contracts.billing.customize import Customize
from orchard.contracts.billing.parts import (
    AskedDiscounts,
    BillingCycleAnchor,
    CustomLineItems,
    FeatureQuantities,
    InvoiceMode,
    PageAddress,
    StripeMetadata,
)
from orchard.contracts.request import Request, parse
from orchard.domain.billing.customizing import ItemFilter
from orchard.errors import Invalid, InvalidInputs

WORDS = {"feature_id": "words", "included": 5}


class Parts(Request):
    """All parts at once."""

    feature_quantities: FeatureQuantities = []
    anchor: BillingCycleAnchor | None = None
    metadata: StripeMetadata = {}
    success_url: PageAddress | None = None
    discounts: AskedDiscounts = []
    invoice_mode: InvoiceMode | None = None
    lines: CustomLineItems = []


def test_only_what_is_sent_is_to_be_different() -> None:
    changes = parse(Customize, {"price": None, "add_items": [WORDS]}).changes()

    assert changes.parts == {"price": None}
    assert (changes.items, changes.removed) == (None, [])
    (added,) = changes.added
    assert (added["feature_id"], added["included"], added["reset"]) == ("words", 5, None)


def test_no_items_is_something_else_than_no_word_of_items() -> None:
    assert parse(Customize, {"items": []}).changes().items == []
    assert parse(Customize, {"items": None, "price": None}).changes().items is None


def test_a_price_of_nothing_is_no_price() -> None:
    sent = {"price": {"amount": 0, "interval": "month"}, "free_trial": {"duration_length": 3}}

    parts = parse(Customize, sent).changes().parts

    assert parts["price"] is None
    assert parts["free_trial"] == {
        "duration_length": 3,
        "duration_type": "month",
        "card_required": True,
        "on_end": None,
    }


def test_items_are_named_by_what_they_have() -> None:
    sent = {"remove_items": [{"interval": "year", "interval_count": 2}, {"feature_id": "words"}]}

    assert parse(Customize, sent).changes().removed == [
        ItemFilter(interval="year", interval_count=2),
        ItemFilter("words"),
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "at least one of price, free_trial, items"),
        ({"items": None, "billing_controls": None}, "at least one of price"),
        ({"items": [WORDS], "add_items": [WORDS]}, "items excludes add_items"),
        ({"items": [], "remove_items": [{"feature_id": "a"}]}, "items excludes add_items"),
        ({"remove_items": [{}]}, "remove_items.0: at least one of feature_id"),
        ({"remove_items": [{"interval": "fortnight"}]}, "remove_items.0.interval: must be one of"),
        ({"add_items": [{**WORDS, "included": -1}]}, "add_items.0.included: must be at least 0"),
        ({"add_items": [{}]}, "add_items.0.feature_id: is required"),
        ({"price": {"amount": 5}}, "price.interval: is required"),
        ({"price": {"amount": "5", "interval": "month"}}, "price.amount: must be a number"),
        ({"price": {"amount": Decimal("5.001"), "interval": "month"}}, "at most 2 decimals"),
        ({"free_trial": {"duration_length": 0}}, "free_trial.duration_length: must be between"),
        ({"billing_controls": {"overage_allowed": [{"feature_id": "a"}] * 2}}, "Only one overage"),
    ],
)
def test_what_is_no_custom_plan_is_refused(body: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputs) as refused:
        parse(Customize, body)

    assert said in refused.value.message
    assert refused.value.code == "invalid_inputs"


@pytest.mark.parametrize("name", ["upsert_licenses", "remove_licenses"])
def test_seat_licences_are_refused_by_name(name: str) -> None:
    with pytest.raises(Invalid, match=f"{name}: seat licences are not supported"):
        parse(Customize, {name: [{"license_plan_id": "seat"}], "price": None})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"feature_quantities": [{"feature_id": "a", "quantity": -1}]}, "must be at least 0"),
        ({"feature_quantities": [{"feature_id": "a"}] * 2}, "feature a is listed twice"),
        ({"anchor": "later"}, 'anchor: must be "now" or a time in milliseconds'),
        ({"anchor": True}, 'anchor: must be "now" or a time in milliseconds'),
        ({"metadata": {"k": 1}}, "metadata.k: must be a string"),
        ({"metadata": {"k": "v" * 501}}, "values at most 500"),
        ({"metadata": {f"k{number}": "" for number in range(46)}}, "at most 45 keys"),
        ({"metadata": {"a[b]": "v"}}, "keys can't contain square brackets"),
        *(
            ({"success_url": wrong}, "must be an address that starts with https:// or http://")
            for wrong in (
                "javascript:alert(1)",
                "https://",
                "https://[",
                "https://a\n",
                "//a.b",
                "",
            )
        ),
        ({"success_url": "https://a.b/c d"}, "success_url: can't contain spaces"),
        ({"discounts": [{}]}, "exactly one of reward_id and promotion_code"),
        ({"discounts": [{"reward_id": "a", "promotion_code": "b"}]}, "exactly one of"),
        ({"invoice_mode": {}}, "invoice_mode.enabled: is required"),
        ({"invoice_mode": {"enabled": True, "net_terms_days": 0}}, "net_terms_days: must be"),
        ({"lines": [{"amount": 5}]}, "lines.0.description: is required"),
        ({"lines": [{"amount": 5, "description": ""}]}, "lines.0.description: must have at least"),
    ],
)
def test_parts_that_are_wrong_are_named(body: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInputs) as refused:
        parse(Parts, body)

    assert said in refused.value.message


def test_parts_have_their_usual_values() -> None:
    sent = {
        "feature_quantities": [{"feature_id": "seats"}],
        "anchor": "now",
        "metadata": {"autumn_id": "x", "orchard_order": "y", "campaign": "summer"},
        "invoice_mode": {"enabled": True},
    }

    parts = parse(Parts, sent)

    (seats,) = parts.feature_quantities
    assert (seats.quantity, seats.adjustable) == (0, False)
    assert (parts.anchor, parse(Parts, {"anchor": 5}).anchor) == ("now", 5)
    # Keys that the product uses itself are not a caller's to set.
    assert parts.metadata == {"campaign": "summer"}
    mode = parts.invoice_mode
    assert mode is not None
    assert (mode.enable_plan_immediately, mode.finalize, mode.net_terms_days) == (False, True, None)
