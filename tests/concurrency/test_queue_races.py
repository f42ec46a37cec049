"""Messages that are delivered several times at once, beside other traffic, count once."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.builders import a_customer, a_feature, a_grant, left
from tests.concurrency.test_races import BODY, at_once, patiently
from tests.conftest import Call
from tests.harness import handler

pytestmark = pytest.mark.concurrency

DELIVERIES, ITEMS = 6, 20


def deliver(body: str) -> bool:
    record = {"messageId": "1", "body": body, "attributes": {}}
    answer: Any = handler("queues.track")({"Records": [record]}, None)
    return not answer["batchItemFailures"]


def test_a_message_delivered_several_times_at_once_counts_once(
    call: Call, messages: list[str]
) -> None:
    a_feature(call)
    a_customer(call)
    a_grant(call, 1000)
    items = [{**BODY, "value": 1.5, "idempotency_key": str(number // 2)} for number in range(ITEMS)]
    assert call("balances.batch_track", items).status == 200
    (message,) = messages
    track = partial(patiently, partial(call, "balances.track", BODY))
    work: list[Callable[[], object]] = [partial(deliver, message)] * DELIVERIES + [track] * 10

    at_once(work)
    # Whoever lost too many races reports the message, and gets it again.
    assert deliver(message)

    assert left(call) == (1000 - 15 - 10, 15 + 10)
