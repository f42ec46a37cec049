"""Tokens of AI models, paid for in dollars; and what is told when balances run low."""

from typing import Any

import pytest

from tests.acceptance.given import controls, entities, grant, limited, monthly, plan
from tests.acceptance.sights import answers, counted, notices, shows
from tests.acceptance.steps import ask, refused, track
from tests.acceptance.world import CUSTOMER, Ask, Step, World, case, play

HUNDRED = plan("free", monthly("ai_credits", 100))
TENTH = plan("free", monthly("ai_credits", 0.1))
TIERED = plan("free", monthly("ai_credits_tiered", 100))


def tokens(
    read: int,
    written: int,
    model: str = "internal-model",
    feature_id: str | None = "ai_credits",
    **more: Any,
) -> Ask:
    """A use of one of the tenant's own models."""
    return ask(
        "balances.track_tokens",
        feature_id=feature_id,
        model_id=f"custom/{model}",
        input_tokens=read,
        output_tokens=written,
        **more,
    )


def marked_up(percent: float) -> Step:
    """The markup of models that have none of their own."""
    body = {"feature_id": "ai_credits", "default_markup": percent}
    return lambda world: world.done("features.update", **body)


@pytest.mark.parametrize(
    "steps",
    TOKENS := [
        case(
            "23.6-83",
            TENTH,
            tokens(10_000, 5_000, overage_behavior="overflow"),
            answers(value=0.125),
            shows(0, 0.125, "ai_credits"),
        ),
        case(
            "23.13-247",
            entities("e1"),
            grant(100, "ai_credits", entity_id="e1"),
            tokens(10_000, 5_000, entity_id="e1"),
            answers(value=0.125),
            shows(99.875, 0.125, "ai_credits", entity="e1"),
        ),
        case(
            "23.13-248",
            plan("free", monthly("ai_credits", 1000)),
            marked_up(0),
            tokens(10_000, 10_000),
            answers(value=0.2),
            marked_up(100),
            tokens(10_000, 10_000),
            answers(value=0.4),
            shows(999.4, 0.6, "ai_credits"),
        ),
        case(
            "23.13-249",
            HUNDRED,
            tokens(8_000, 2_000, "marked-up-model"),
            answers(value=0.21),
            shows(99.79, 0.21, "ai_credits"),
        ),
        case(
            "23.13-250",
            TIERED,
            tokens(10_000, 5_000, "override-model", "ai_credits_tiered"),
            answers(value=0.21),
            tokens(10_000, 5_000, "plain-model", "ai_credits_tiered"),
            answers(value=0.26),
            shows(99.53, 0.47, "ai_credits_tiered"),
        ),
        case(
            "23.13-251 capped",
            TENTH,
            tokens(5_000, 2_500),
            answers(value=0.0625),
            tokens(10_000, 5_000),
            answers(value=0.125),
            shows(0, 0.1, "ai_credits"),
        ),
        case(
            "23.13-251 whole",
            TENTH,
            refused(tokens(10_000, 5_000, overage_behavior="reject"), 400, "insufficient_balance"),
            shows(0.1, 0, "ai_credits"),
            tokens(10_000, 5_000),
            shows(0, 0.1, "ai_credits"),
        ),
        case(
            "23.13-252",
            HUNDRED,
            limited(100, "ai_credits", "day"),
            tokens(10_000, 5_000),
            counted(0.125, "ai_credits"),
        ),
        case(
            "23.13-253",
            HUNDRED,
            plan("other", monthly("ai_credits_tiered", 100)),
            refused(tokens(1, 1, feature_id=None), 400, "invalid_request"),
            refused(tokens(1, 1, feature_id="messages"), 400, "invalid_request"),
        ),
    ],
)
def test_tokens_are_priced_and_paid_for(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


def alert(threshold: float, **fields: Any) -> dict[str, Any]:
    given = {"feature_id": "messages", "threshold": threshold, "threshold_type": "usage"}
    return {**given, **fields}


def told(kind: str, name: str, *wanted: Any) -> Step:
    """The bus was told so many things of a kind, with these contents."""

    def looked(world: World) -> None:
        found = notices(world, kind)
        assert [one[name] for one in found] == list(wanted), found
        about = [(one["customer_id"], one["feature_id"]) for one in found]
        assert about == [(CUSTOMER, "messages")] * len(wanted)

    return looked


def alerts(*thresholds: float) -> Step:
    told_of = [{"threshold": number, "threshold_type": "usage"} for number in thresholds]
    return told("balances.usage_alert_triggered", "usage_alert", *told_of)


def limits(*kinds: str) -> Step:
    return told("balances.limit_reached", "limit_type", *kinds)


THOUSAND = plan("free", monthly("messages", 1000))


@pytest.mark.parametrize(
    "steps",
    ALERTS := [
        case(
            "23.13-254",
            THOUSAND,
            controls(usage_alerts=[alert(500), alert(800)]),
            track(400),
            alerts(),
            track(200),
            alerts(500),
            track(300),
            alerts(500, 800),
            track(50),
            alerts(500, 800),
        ),
        case(
            "23.13-254 disabled",
            THOUSAND,
            controls(usage_alerts=[alert(500, enabled=False)]),
            track(600),
            alerts(),
        ),
        case(
            "23.13-254 exactly",
            THOUSAND,
            controls(usage_alerts=[alert(500)]),
            track(500),
            alerts(500),
            track(1),
            alerts(500),
        ),
        case(
            "23.13-255",
            plan("free", monthly("messages", 100)),
            track(99),
            limits(),
            track(1),
            limits("included"),
            track(50),
            limits("included"),
        ),
    ],
)
def test_the_bus_is_told_once_of_each_crossing(world: World, steps: tuple[Step, ...]) -> None:
    play(world, steps)


CASES = [*TOKENS, *ALERTS]
