"""Usage that is recorded later, through the deployed queue."""

import json
from typing import Any

import httpx
import pytest

from local.stack import Stack
from tests.e2e.vocabulary import Organization, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Organization:
    shop = Organization.on(stack, "batches")
    shop.offer_messages(1000)
    for customer_id in ("ada", "bob"):
        shop.get_done("customers.get_or_create", customer_id=customer_id)
    return shop


def post(shop: Organization, items: list[dict[str, Any]], **headers: str) -> httpx.Response:
    return httpx.post(
        f"{shop.base_url}/v1/balances.batch_track",
        json=items,
        headers={"authorization": f"Bearer {shop.key}", **headers},
        timeout=60,
    )


def used(shop: Organization, customer_id: str) -> float:
    checked = shop.get_done("balances.check", customer_id=customer_id, feature_id="messages")
    return float(checked["balance"]["usage"])


def test_a_batch_arrives_and_counts_once(shop: Organization) -> None:
    items = [
        {"customer_id": name, "feature_id": "messages", "value": 1.5}
        for name in ("ada", "bob") * 20
    ]
    key = {"idempotency-key": "batch"}

    answers = [post(shop, items, **key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[0].json() == {"success": True}
    assert eventually(lambda: used(shop, "ada"), lambda seen: seen >= 30) == 30
    assert eventually(lambda: used(shop, "bob"), lambda seen: seen >= 30) == 30
    listed = eventually(
        lambda: shop.get_done("events.list", customer_id="ada")["list"],
        lambda seen: len(seen) >= 20,
    )
    assert [(one["value"], one["deductions"][0]["value"]) for one in listed] == [(1.5, 1.5)] * 20


def test_an_asynchronous_track_arrives(shop: Organization) -> None:
    shop.get_done("customers.get_or_create", customer_id="eve")
    body = {"customer_id": "eve", "feature_id": "messages", "value": 2, "async": True}

    answer = shop.post("balances.track", **body)

    assert answer.status_code == 202
    assert answer.json() == {"customer_id": "eve", "value": 2, "balance": None}
    assert eventually(lambda: used(shop, "eve"), lambda seen: seen > 0) == 2


def test_the_python_client_sends_batches(shop: Organization) -> None:
    shop.get_done("customers.get_or_create", customer_id="kay")
    with shop.client() as client:
        answer = client.batch_track(
            request=[{"customer_id": "kay", "feature_id": "messages", "value": 3}]
        )

    assert answer.success
    assert eventually(lambda: used(shop, "kay"), lambda seen: seen > 0) == 3


def test_a_batch_with_an_unknown_feature_is_refused(shop: Organization) -> None:
    answer = post(shop, [{"customer_id": "ada", "feature_id": "nothing"}])

    assert (answer.status_code, answer.json()["code"]) == (404, "feature_not_found")


def test_the_bus_delivers_to_a_rule(stack: Stack) -> None:
    events, sqs = stack.client("events"), stack.client("sqs")
    bus = stack.physical_id("EventBus")
    url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    pattern = json.dumps({"source": ["orchard"]})
    events.put_rule(Name="all", EventBusName=bus, EventPattern=pattern)
    target = {"Id": "queue", "Arn": attributes["QueueArn"]}
    events.put_targets(Rule="all", EventBusName=bus, Targets=[target])
    entry = {"EventBusName": bus, "Source": "orchard", "DetailType": "test", "Detail": '{"n": 1}'}

    events.put_events(Entries=[entry])

    found = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages", []), bool)
    assert json.loads(found[0]["Body"])["detail"] == {"n": 1}


def test_the_queue_hands_what_fails_to_its_dead_letters(stack: Stack) -> None:
    sqs = stack.client("sqs")
    attributes = sqs.get_queue_attributes(
        QueueUrl=stack.physical_id("TrackQueue"), AttributeNames=["All"]
    )["Attributes"]
    dead = sqs.get_queue_attributes(
        QueueUrl=stack.physical_id("TrackDeadLetters"), AttributeNames=["All"]
    )["Attributes"]

    assert json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"] == dead["QueueArn"]
    assert int(attributes["VisibilityTimeout"]) == 720


def test_batches_arrive_after_a_restart(stack: Stack, shop: Organization) -> None:
    shop.get_done("customers.get_or_create", customer_id="ivy")

    stack.stop()
    stack.start()

    assert post(shop, [{"customer_id": "ivy", "feature_id": "messages"}]).status_code == 200
    assert eventually(lambda: used(shop, "ivy"), lambda seen: seen > 0) == 1
