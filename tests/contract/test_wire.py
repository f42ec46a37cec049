"""The wire contract: what is promised about every operation, and that the promise is checked."""

import importlib
from copy import deepcopy
from typing import Any

import pytest

from tests import wire
from tests.harness import ROOT

OPERATIONS = sorted(path.removeprefix("/v1/") for path in wire.contract()["paths"])

PLAN: dict[str, Any] = {
    "id": "free",
    "name": "Free",
    "description": None,
    "group": None,
    "version": 1,
    "add_on": False,
    "auto_enable": True,
    "price": None,
    "items": [],
    "created_at": 1788220700000,
    "env": "sandbox",
    "archived": False,
    "base_variant_id": None,
    "config": {"ignore_past_due": False},
    "metadata": {},
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_of_the_contract_has_a_handler_and_a_sample(operation: str) -> None:
    handler = importlib.import_module(f"api.{operation}").handler

    assert callable(handler)
    assert (ROOT / "events" / "api" / f"{operation}.json").exists()


def test_an_answer_as_promised_passes() -> None:
    wire.assert_response("plans.get", PLAN)


@pytest.mark.parametrize("name", ["id", "price", "items", "env", "metadata"])
def test_an_answer_without_a_required_field_is_found(name: str) -> None:
    wrong = deepcopy(PLAN)
    del wrong[name]

    with pytest.raises(AssertionError, match=f"'{name}' is a required property"):
        wire.assert_response("plans.get", wrong)


def test_an_answer_of_the_wrong_type_is_found_however_deep() -> None:
    item = {"feature_id": "a", "included": "5", "unlimited": False, "reset": None, "price": None}

    with pytest.raises(AssertionError, match=r"items\[0\]\.included"):
        wire.assert_response("plans.list", {"list": [PLAN | {"items": [item]}]})


def test_references_inside_the_contract_are_followed() -> None:
    with pytest.raises(AssertionError, match="breaks the wire contract"):
        wire.assert_response("customers.get", {"id": "user_1"})


def test_an_operation_beyond_the_contract_is_not_judged() -> None:
    wire.assert_response("balances.list", {"anything": 1})


def test_the_contract_holds_structure_only() -> None:
    text = (ROOT / "tests" / "contract" / "openapi-2.3.json").read_text()

    assert '"example' not in text
    assert '"summary"' not in text
    assert '"x-' not in text
