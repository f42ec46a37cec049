"""What the tests of the double share: a running one, its clock, and the official client for it."""

from collections.abc import Iterator

import pytest
import stripe

from local.stripe.server import Double
from tests.local.stripe_double import SECRET, Clock, client_of


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def double(clock: Clock) -> Iterator[Double]:
    with Double(webhook_secret=SECRET, clock=clock) as running:
        yield running


@pytest.fixture
def client(double: Double) -> stripe.StripeClient:
    return client_of(double.url)


@pytest.fixture
def customer(client: stripe.StripeClient) -> str:
    return client.v1.customers.create({"name": "Ada"}).id
