"""Clients of the AWS services that carry our messages, each made when it is first needed."""

import random
import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from orchard.errors import Unavailable

if TYPE_CHECKING:
    from botocore.client import BaseClient

type Service = Literal["sqs", "events"]

_TRIES = 3


def call(service: Service, verb: str, **arguments: Any) -> Any:
    """Return the answer of a service to one request, which may be sent more than once.

    Errors: `Unavailable` when there is none, or a refusal.
    """
    try:
        return getattr(_client(service), verb)(**arguments)
    except (ClientError, BotoCoreError) as failed:
        raise Unavailable(f"The service {service} did not accept a message") from failed


def pauses() -> Iterator[float]:
    """Seconds to wait after each try: jittered, growing, half a second in all."""
    for attempt in range(_TRIES):
        yield random.uniform(0, 0.1 * 2**attempt)  # noqa: S311 - spreads retries, guards nothing


def pause(seconds: float) -> None:
    """Wait before the next try."""
    time.sleep(seconds)


def forget() -> None:
    """Drop the clients; the next call makes new ones."""
    _client.cache_clear()


@cache
def _client(service: Service) -> "BaseClient":
    config = Config(
        # A caller waits for the answer: better an error that can be repeated than a long silence.
        connect_timeout=1,
        read_timeout=3,
        retries={"total_max_attempts": _TRIES, "mode": "standard"},
        user_agent="orchard",
    )
    made: BaseClient = boto3.client(service, config=config)
    return made
