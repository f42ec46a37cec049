"""The same stories with the official JavaScript client: the files in js/ tell them."""

import json
from pathlib import Path

import pytest

from local import javascript
from local.stack import Stack
from tests.e2e import browsing
from tests.e2e.vocabulary import STUDIO_FEATURES, STUDIO_PLANS, Organization

pytestmark = pytest.mark.e2e

STORIES = Path(__file__).parent / "js"


def test_the_javascript_client_walks_through_the_life_of_customers(stack: Stack) -> None:
    tell("story.cjs", stack, "javascript")


def test_the_javascript_client_works_with_workspaces_credits_and_locks(stack: Stack) -> None:
    tell("studio.cjs", stack, "javascript-studio")


def test_the_javascript_client_reads_what_happened(stack: Stack) -> None:
    tell("ledger.cjs", stack, "javascript-ledger")


def test_the_javascript_client_sells_plans_on_stripes_page(stack: Stack) -> None:
    if stack.stripe_url is None:
        pytest.skip("a real Stripe account can't be steered")
    tell("billing.cjs", stack, "billing-javascript", BROWSER=browsing.executable())


def tell(story: str, stack: Stack, organization: str, **variables: str) -> None:
    """Run the tests of a file with Node, in an organisation of their own."""
    job = stack.physical_id("ResetBalances")
    told = javascript.run(
        STORIES / story,
        env={
            "ORCHARD_URL": stack.base_url,
            "ORCHARD_KEY": Organization.on(stack, organization).key,
            "ORCHARD_LIVE_KEY": Organization.on(stack, organization, "live").key,
            "RESET_JOB_URL": f"{stack.endpoint}/2015-03-31/functions/{job}/invocations",
            "STRIPE_URL": stack.stripe_url or "",
            "STRIPE_KEY": stack.secrets.secret_key,
            "PLAYWRIGHT": str(browsing.FOR_NODE),
            "STUDIO": json.dumps({"features": STUDIO_FEATURES, "plans": STUDIO_PLANS}),
            **variables,
        },
    )

    assert told.returncode == 0, f"{told.stdout}\n{told.stderr}"
