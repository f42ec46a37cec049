"""Which of the controls that customers, plans and entities set holds."""

from typing import Any

import pytest

from orchard.domain import controls


def entry(value: int | None = None, feature: str = "words", **fields: Any) -> dict[str, Any]:
    return {"feature_id": feature, "overage_limit": value, "limit": value, **fields}


def effective(name: str, own: list[Any], *plans: list[Any]) -> list[tuple[Any, str]]:
    """The values that hold, each with who set it."""
    found = controls.effective({name: own}, [{name: given} for given in plans])
    value = {
        "overage_allowed": "enabled",
        "usage_limits": "limit",
        "usage_alerts": "threshold",
        "auto_topups": "quantity",
    }.get(name, "overage_limit")
    return [(one[value], one["source"]) for one in found[name]]


@pytest.mark.parametrize(
    ("name", "own", "plans", "expected"),
    [
        ("spend_limits", [], [[entry(30)]], [(30, "plan")]),
        ("spend_limits", [entry(50)], [[entry(30)]], [(50, "customer")]),
        ("spend_limits", [entry(50, enabled=False)], [[entry(30)]], [(50, "customer")]),
        (
            "spend_limits",
            [entry(50, "credits")],
            [[entry(30)]],
            [(50, "customer"), (30, "plan")],
        ),
        # Of plans the strictest; none is the least strict.
        ("spend_limits", [], [[entry(30)], [entry(10)], [entry(20)]], [(10, "plan")]),
        ("spend_limits", [], [[entry(None)], [entry(40)]], [(40, "plan")]),
        ("usage_limits", [], [[entry(8)], [entry(5)]], [(5, "plan")]),
        # Limits on other events stand beside each other.
        (
            "usage_limits",
            [entry(8, filter={"properties": {"region": "eu"}})],
            [[entry(5), entry(3, filter={"properties": {"region": "eu"}})]],
            [(8, "customer"), (5, "plan")],
        ),
        (
            "overage_allowed",
            [],
            [[entry(enabled=True)], [entry(enabled=False)], [entry(enabled=True)]],
            [(False, "plan")],
        ),
        # Of purchases the latest plan's.
        ("auto_topups", [], [[entry(quantity=1)], [entry(quantity=9)]], [(9, "plan")]),
        # Alerts at other thresholds stand beside each other; a customer's replace them all.
        (
            "usage_alerts",
            [],
            [
                [entry(threshold=5, threshold_type="usage")],
                [entry(threshold=9, threshold_type="usage")],
            ],
            [(5, "plan"), (9, "plan")],
        ),
        (
            "usage_alerts",
            [entry(threshold=7, threshold_type="usage")],
            [[entry(threshold=5, threshold_type="usage")]],
            [(7, "customer")],
        ),
    ],
)
def test_which_entry_holds(
    name: str, own: list[Any], plans: list[list[Any]], expected: list[tuple[Any, str]]
) -> None:
    assert effective(name, own, *plans) == expected


def test_lists_that_nobody_set_are_left_out() -> None:
    assert controls.effective({}, [{}]) == {}
    assert controls.effective({"spend_limits": []}, []) == {"spend_limits": []}


def test_an_entity_has_its_own_entries_before_those_it_inherits() -> None:
    own = {"spend_limits": [entry(3)], "usage_alerts": []}
    inherited = {
        "spend_limits": [entry(50), entry(9, "credits")],
        "usage_limits": [entry(4)],
        "auto_topups": [entry(quantity=1)],
    }

    assert controls.shadowed(own, inherited) == {
        "spend_limits": [entry(3), entry(9, "credits")],
        "usage_limits": [entry(4)],
        "usage_alerts": [],
    }
