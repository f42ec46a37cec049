"""A clock for the double, the official package's client for it, and what it is told by hand."""

from typing import Any

import pytest
import requests
import stripe

from local.stripe.server import Double

SECRET = "whsec_test"
NOW = 1_788_220_800


class Clock:
    """A clock in Unix seconds that stands still until a test moves it."""

    now = NOW

    def __call__(self) -> int:
        return self.now


def client_of(url: str, key: str = "sk_test_x", **options: Any) -> stripe.StripeClient:
    """Return a client of the double at an address."""
    return stripe.StripeClient(key, base_addresses={"api": url}, **options)


def control(double: Double, path: str, body: Any = None) -> Any:
    """Make a control call and return its answer."""
    answered = requests.post(f"{double.url}/_control/{path}", json=body or {}, timeout=10)
    assert answered.status_code == 200, answered.text
    return answered.json()


def kinds(double: Double) -> list[str]:
    """Return the types of all reports in the order of their writing."""
    return [kept["event"]["type"] for kept in double.outbox.all()]


def refusal(call: Any, *arguments: Any) -> stripe.StripeError:
    """Return the error that a call of the package ends with."""
    with pytest.raises(stripe.StripeError) as refused:
        call(*arguments)
    return refused.value
