"""Alerts and limits, from the use that reaches them to a queue of the account."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.stack import Stack
from tests.e2e.vocabulary import Organization, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def receive(stack: Stack) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that takes what a rule delivered of this file's organisation."""
    events, sqs = stack.client("events"), stack.client("sqs")
    bus = stack.physical_id("EventBus")
    url = sqs.create_queue(QueueName="alerts")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {"source": ["orchard"], "detail": {"organization": ["alerts"]}}
    events.put_rule(Name="alerts", EventBusName=bus, EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": attributes["QueueArn"]}
    events.put_targets(Rule="alerts", EventBusName=bus, Targets=[target])

    def taken() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]

    return taken


def test_a_use_that_crosses_an_alert_and_one_that_reaches_a_limit_are_told(
    stack: Stack, receive: Callable[[], list[dict[str, Any]]]
) -> None:
    shop = Organization.on(stack, "alerts")
    shop.offer_messages(100)
    alert = {"feature_id": "messages", "threshold": 80, "threshold_type": "usage_percentage"}
    shop.get_done(
        "customers.get_or_create", customer_id="ada", billing_controls={"usage_alerts": [alert]}
    )
    heard: list[dict[str, Any]] = []

    def listen() -> int:
        heard.extend(receive())
        return len(heard)

    def told(count: int) -> list[tuple[str, str]]:
        eventually(listen, lambda seen: seen >= count)
        return [(one["detail-type"], one["detail"]["customer_id"]) for one in heard]

    shop.get_done("balances.track", customer_id="ada", feature_id="messages", value=80)
    assert told(1) == [("balances.usage_alert_triggered", "ada")]
    assert heard[0]["detail"]["usage_alert"] == {
        "threshold": 80,
        "threshold_type": "usage_percentage",
    }
    shop.get_done("balances.track", customer_id="ada", feature_id="messages", value=20)
    assert told(2)[1] == ("balances.limit_reached", "ada")
    assert heard[1]["detail"]["limit_type"] == "included"
    # The history goes on behind it.
    shop.get_done("balances.track", customer_id="ada", feature_id="messages", value=1)
    eventually(
        lambda: shop.get_done("events.list", customer_id="ada")["list"],
        lambda listed: len(listed) == 3,
    )
