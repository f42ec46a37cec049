"""What plans.create and plans.update make at Stripe, and that no plan is lost if that fails."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from local import processes
from orchard.gateways import stripe_client
from orchard.store.table import Table
from tests import harness
from tests.builders import a_customer, a_feature, monthly
from tests.conftest import Call, mint
from tests.harness import Response
from tests.pretended_stripe import Stripe

MONTHLY = {"amount": 20, "interval": "month"}
PACK = {"amount": 10, "interval": "month", "billing_method": "prepaid"}
SEATS = {"feature_id": "seats", "included": 2, "price": PACK}
USAGE = {
    "feature_id": "messages",
    "price": {"amount": 0.1, "interval": "month", "billing_method": "usage_based"},
}


@pytest.fixture(autouse=True)
def _features(call: Call) -> None:
    a_feature(call)
    a_feature(call, "seats", consumable=False)


@pytest.fixture
def calls(stripe: Stripe) -> list[str]:
    """The calls that reach Stripe."""
    seen: list[str] = []
    stripe.double.answering = lambda request: seen.append(f"{request.method} {request.path}")
    return seen


def create(call: Call, *items: Mapping[str, Any], **fields: Any) -> Response:
    body = {"plan_id": "pro", "name": "Pro", "price": MONTHLY, "items": list(items), **fields}
    return call("plans.create", body)


def stored(call: Call) -> Any:
    answered = call("plans.get", {"plan_id": "pro"})
    assert answered.status == 200, answered
    return answered.body


def at_stripe(stripe: Stripe) -> tuple[list[str], list[tuple[str, str | None]]]:
    """The names of the products, and of each price what a unit costs in cents, and how often."""
    products = [one["name"] for one in stripe.double.account.objects("product").values()]
    prices = [
        (one["unit_amount_decimal"], (one["recurring"] or {}).get("interval"))
        for one in stripe.double.account.objects("price").values()
    ]
    return products, prices


def fail(stripe: Stripe) -> None:
    """Let the next call be refused."""
    stripe.control("failures", {"status": 400})


def test_a_plan_is_made_with_its_products_and_prices(call: Call, stripe: Stripe) -> None:
    created = create(call, SEATS, USAGE)

    assert (created.status, created.body) == (200, stored(call))
    assert at_stripe(stripe) == (
        ["Pro", "Pro - Seats", "Pro - Messages"],
        [("2000", "month"), ("1000", "month")],
    )


def test_a_plan_that_only_usage_is_paid_of_has_a_free_price(call: Call, stripe: Stripe) -> None:
    assert create(call, USAGE, price=None).status == 200
    assert at_stripe(stripe) == (["Pro", "Pro - Messages"], [("0", "month")])


def test_a_free_plan_concerns_nobody_at_stripe(call: Call, calls: list[str]) -> None:
    assert create(call, monthly("messages", 10), price=None).status == 200
    a_customer(call)
    assert calls == []


def test_stripe_is_left_alone_if_the_caller_says_so(call: Call, calls: list[str]) -> None:
    assert create(call, create_in_stripe=False).status == 200
    body = {"plan_id": "pro", "price": {**MONTHLY, "amount": 25}, "create_in_stripe": False}
    assert call("plans.update", body).status == 200
    assert calls == []


def test_without_a_secret_key_a_plan_is_stored_all_the_same(
    call: Call, calls: list[str], stripe_secrets: Any
) -> None:
    stripe_secrets.delete_parameter(Name="/orchard/stripe/sandbox/secret_key")
    stripe_client.forget()
    created = create(call)

    assert (created.status, created.body) == (200, stored(call))
    assert calls == []


def test_a_plan_is_stored_though_stripe_refuses(call: Call, stripe: Stripe) -> None:
    fail(stripe)
    created = create(call, SEATS)

    problem = created.body.pop("stripe_error")
    assert (created.status, created.body) == (200, stored(call))
    assert problem["code"] == "stripe_error"
    assert problem["message"].startswith("(Stripe Error)")
    assert at_stripe(stripe) == ([], [])


def test_a_plan_is_stored_though_stripe_is_gone(
    call: Call, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("STRIPE_API_BASE", f"http://127.0.0.1:{processes.free_port()}")
        created = create(call)
    assert created.body.pop("stripe_error")["code"] == "service_unavailable"
    assert (created.status, created.body) == (200, stored(call))
    assert at_stripe(stripe) == ([], [])


def test_an_update_without_changes_tries_again(call: Call, stripe: Stripe) -> None:
    fail(stripe)
    create(call, SEATS)

    again = call("plans.update", {"plan_id": "pro"})
    assert (again.status, again.body) == (200, stored(call))
    assert at_stripe(stripe)[0] == ["Pro", "Pro - Seats"]
    assert again.body["version"] == 1


def test_a_new_price_is_made_beside_the_old_one(call: Call, stripe: Stripe) -> None:
    create(call)
    call("plans.update", {"plan_id": "pro", "price": {**MONTHLY, "amount": 25}})
    call("plans.update", {"plan_id": "pro", "price": MONTHLY})

    assert at_stripe(stripe) == (["Pro"], [("2000", "month"), ("2500", "month")])


def test_products_follow_the_name_of_the_plan(call: Call, stripe: Stripe) -> None:
    create(call, SEATS)
    call("plans.update", {"plan_id": "pro", "name": "Professional"})

    assert at_stripe(stripe)[0] == ["Professional", "Professional - Seats"]


def test_a_rename_that_stripe_missed_is_made_up_for(call: Call, stripe: Stripe) -> None:
    create(call, SEATS)
    fail(stripe)
    renamed = call("plans.update", {"plan_id": "pro", "name": "Professional"})
    assert renamed.body.pop("stripe_error")["code"] == "stripe_error"
    assert stored(call)["name"] == "Professional"

    call("plans.update", {"plan_id": "pro", "name": "Professional"})
    assert at_stripe(stripe)[0] == ["Professional", "Professional - Seats"]


def test_most_of_a_very_long_plan_is_made_when_it_is_sold(call: Call, stripe: Stripe) -> None:
    names = [f"feature_{number}" for number in range(25)]
    for name in names:
        a_feature(call, name, consumable=False)
    created = create(call, *({**SEATS, "feature_id": name} for name in names))

    assert (created.status, "stripe_error" in created.body) == (200, False)
    products, prices = at_stripe(stripe)
    assert (len(products), len(prices)) == (20, 20)


@pytest.mark.parametrize(("included", "status"), [(0, 200), (200, 200), (150, 400)])
def test_what_is_included_comes_in_whole_packs(
    call: Call, calls: list[str], included: int, status: int
) -> None:
    item = {**SEATS, "included": included, "price": {**PACK, "billing_units": 100}}
    answered = create(call, item)

    assert answered.status == status
    if status == 400:
        assert answered.body["code"] == "invalid_inputs"
        assert "packs of 100" in answered.body["message"]
        assert call("plans.get", {"plan_id": "pro"}).status == 404
        assert calls == []


def test_packs_stay_whole_when_a_plan_changes(call: Call) -> None:
    create(call, SEATS)
    item = {**SEATS, "price": {**PACK, "billing_units": 3}}
    answered = call("plans.update", {"plan_id": "pro", "items": [item]})

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")
    assert stored(call)["items"][0]["price"]["billing_units"] == 1


def test_sandbox_and_live_are_sold_apart(call: Call, stripe: Stripe, table: Table) -> None:
    live = partial(harness.call, key=mint(table, "live"))
    a_feature(live)
    a_feature(live, "seats", consumable=False)
    create(call)
    create(live)
    assert at_stripe(stripe) == (["Pro", "Pro"], [("2000", "month")] * 2)
