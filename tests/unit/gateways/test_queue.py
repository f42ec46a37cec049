"""The queue of usage: what is sent together, and what happens when something is refused."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from orchard.errors import Unavailable
from orchard.gateways import aws, queue


class Sqs:
    """Answers as SQS does, and refuses what it is told to."""

    def __init__(self, *, refused: set[str] | None = None, times: int = 10**9) -> None:
        self.refused = refused or set()
        self.times = times
        self.sent: list[list[str]] = []

    def __call__(self, service: str, verb: str, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803 - AWS's names
        assert (service, verb, QueueUrl) == ("sqs", "send_message_batch", "url")
        self.sent.append([entry["MessageBody"] for entry in Entries])
        refuse = self.refused if len(self.sent) <= self.times else set()
        good = [{"Id": one["Id"]} for one in Entries if one["MessageBody"] not in refuse]
        bad = [{"Id": one["Id"]} for one in Entries if one["MessageBody"] in refuse]
        return {"Successful": good, "Failed": bad}


@pytest.fixture(autouse=True)
def _url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACK_QUEUE_URL", "url")


def use(monkeypatch: pytest.MonkeyPatch, sqs: Sqs) -> Sqs:
    monkeypatch.setattr(aws, "call", sqs)
    monkeypatch.setattr(aws, "pause", lambda _: None)
    return sqs


def test_messages_go_in_tens(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = use(monkeypatch, Sqs())

    assert queue.send([str(number) for number in range(23)]) == 23

    assert [len(some) for some in sqs.sent] == [10, 10, 3]


def test_together_they_stay_below_the_limit_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = use(monkeypatch, Sqs())

    assert queue.send(["x" * 100_000] * 3 + ["y" * queue.LARGEST_BYTES]) == 4

    assert [len(some) for some in sqs.sent] == [2, 1, 1]


def test_what_is_refused_alone_is_sent_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = use(monkeypatch, Sqs(refused={"b"}, times=1))

    assert queue.send(["a", "b", "c"]) == 3

    assert sqs.sent == [["a", "b", "c"], ["b"]]


def test_after_a_refusal_that_stays_the_rest_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = use(monkeypatch, Sqs(refused={"3"}))

    assert queue.send([str(number) for number in range(23)]) == 9

    assert not any("11" in some for some in sqs.sent)


def test_a_queue_that_does_not_answer_took_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any, **__: Any) -> Any:
        raise Unavailable("lost")

    monkeypatch.setattr(aws, "call", silent)

    assert queue.send(["a"]) == 0


def test_a_refusal_of_the_service_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def send_message_batch(self, **_: Any) -> Any:
            raise EndpointConnectionError(endpoint_url="nowhere")

    monkeypatch.setattr(aws, "_client", lambda _service: Client())

    with pytest.raises(Unavailable):
        aws.call("sqs", "send_message_batch")
