"""The same life of customers with the official JavaScript client: js/story.cjs tells it."""

from pathlib import Path

import pytest

from local import javascript
from local.stack import Stack
from tests.e2e.vocabulary import Organization

pytestmark = pytest.mark.e2e

STORY = Path(__file__).parent / "js" / "story.cjs"


def test_the_javascript_client_walks_through_the_life_of_customers(stack: Stack) -> None:
    sandbox = Organization.on(stack, "javascript")
    job = stack.physical_id("ResetBalances")
    told = javascript.run(
        STORY,
        env={
            "ORCHARD_URL": stack.base_url,
            "ORCHARD_KEY": sandbox.key,
            "ORCHARD_LIVE_KEY": Organization.on(stack, "javascript", "live").key,
            "RESET_JOB_URL": f"{stack.endpoint}/2015-03-31/functions/{job}/invocations",
            "STRIPE_URL": stack.stripe_url or "",
            "STRIPE_KEY": stack.secrets.secret_key,
        },
    )

    assert told.returncode == 0, f"{told.stdout}\n{told.stderr}"
