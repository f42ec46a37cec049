"""Products and prices at the double: each there once, whatever happens while they are made."""

from decimal import Decimal
from typing import Any

import pytest
import stripe as stripe_package

from local.stripe.answers import Request
from local.stripe.server import Double
from orchard.domain.billing.stripe_prices import PriceSpec, ProductSpec
from orchard.errors import StripeFailed
from orchard.gateways import stripe_catalog, stripe_client
from tests.pretended_stripe import Stripe

pytestmark = pytest.mark.usefixtures("stripe")

PRO = ProductSpec("orchard_pro", "Pro", {"orchard_plan_id": "pro"})
SEATS = ProductSpec("orchard_seats", "Pro - Seats", {"orchard_feature_id": "seats"})
MONTHLY = PriceSpec("orchard_pro", "usd", Decimal(2000), "month", 1, {"orchard_plan_id": "pro"})
HALF_YEARLY = PriceSpec("orchard_pro", "usd", Decimal(9900), "month", 6)
SEAT = PriceSpec("orchard_seats", "usd", Decimal("0.5"), "month")
ONCE = PriceSpec("orchard_seats", "usd", Decimal(500))
ALL = (MONTHLY, HALF_YEARLY, SEAT, ONCE)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def calls(stripe: Stripe) -> list[str]:
    """The calls that reach Stripe from now on."""
    seen: list[str] = []
    stripe.double.answering = lambda request: seen.append(f"{request.method} {request.path}")
    return seen


@pytest.fixture
def client(stripe: Stripe) -> stripe_package.StripeClient:
    """Somebody else at the account."""
    return stripe_package.StripeClient(
        "sk_test_pretended", base_addresses={"api": stripe.double.url}
    )


def ensure() -> dict[str, str]:
    return stripe_catalog.ensure("sandbox", (PRO, SEATS), ALL)


def restarted() -> None:
    """Let the process begin anew: nothing is remembered."""
    stripe_client.forget()


def made(client: stripe_package.StripeClient) -> tuple[dict[str, str], dict[str | None, str]]:
    """What there is: names of products by id, ids of prices by lookup key, none of them twice."""
    products = {one.id: one.name for one in client.v1.products.list({"limit": 100}).data}
    prices = client.v1.prices.list({"limit": 100}).data
    keys = {one.lookup_key: one.id for one in prices}
    assert len(keys) == len(prices)
    return products, keys


def test_what_is_missing_is_made(client: stripe_package.StripeClient) -> None:
    ids = ensure()

    assert made(client) == ({PRO.id: "Pro", SEATS.id: "Pro - Seats"}, ids)
    assert set(ids) == {one.lookup_key for one in ALL}
    seat = client.v1.prices.retrieve(ids[SEAT.lookup_key])
    assert (seat.product, str(seat.unit_amount_decimal)) == (SEATS.id, "0.5")
    half = client.v1.prices.retrieve(ids[HALF_YEARLY.lookup_key])
    assert half.recurring is not None
    assert (half.recurring.interval, half.recurring.interval_count) == ("month", 6)
    assert client.v1.prices.retrieve(ids[ONCE.lookup_key]).type == "one_time"
    monthly = client.v1.prices.retrieve(ids[MONTHLY.lookup_key])
    assert monthly.metadata.to_dict() == {"orchard_plan_id": "pro"}


def test_what_is_there_is_found_with_two_requests_and_remembered(calls: list[str]) -> None:
    ids = ensure()
    restarted()
    calls.clear()

    assert ensure() == ids
    assert calls == ["GET /v1/prices", "GET /v1/products"]
    calls.clear()
    assert ensure() == ids
    assert calls == []


def test_products_without_prices_are_made_too(client: stripe_package.StripeClient) -> None:
    assert stripe_catalog.ensure("sandbox", (PRO,), ()) == {}
    assert made(client) == ({PRO.id: "Pro"}, {})


def test_another_account_has_products_and_prices_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = ensure()
    with Double() as other:
        monkeypatch.setenv("STRIPE_API_BASE", other.url)
        theirs = ensure()
        assert len(other.account.objects("price")) == len(ALL)
    assert theirs.keys() == ids.keys()
    assert theirs != ids


def test_many_prices_are_looked_up_ten_at_a_time(calls: list[str]) -> None:
    many = [MONTHLY._replace(unit_amount=Decimal(amount)) for amount in range(1, 26)]
    ids = stripe_catalog.ensure("sandbox", (PRO,), many)
    restarted()
    calls.clear()

    assert stripe_catalog.ensure("sandbox", (PRO,), many) == ids
    assert calls.count("GET /v1/prices") == 3
    assert len(calls) == 4


def test_what_was_archived_is_sold_again(client: stripe_package.StripeClient) -> None:
    ids = ensure()
    client.v1.products.update(PRO.id, {"active": False})
    client.v1.prices.update(ids[MONTHLY.lookup_key], {"active": False})
    restarted()

    assert ensure() == ids
    assert client.v1.products.retrieve(PRO.id).active
    assert client.v1.prices.retrieve(ids[MONTHLY.lookup_key]).active


def test_products_are_renamed_where_the_name_differs(
    client: stripe_package.StripeClient, calls: list[str]
) -> None:
    ensure()
    calls.clear()
    renamed = (PRO._replace(name="Professional"), SEATS, ProductSpec("orchard_none", "None"))
    stripe_catalog.rename("sandbox", renamed)

    assert made(client)[0] == {PRO.id: "Professional", SEATS.id: "Pro - Seats"}
    assert calls[:2] == ["GET /v1/products", f"POST /v1/products/{PRO.id}"]


def test_a_price_that_stripe_refuses_is_an_error_and_the_rest_is_kept(
    client: stripe_package.StripeClient,
) -> None:
    dear = MONTHLY._replace(unit_amount=Decimal(10) ** 9)
    with pytest.raises(StripeFailed, match="Stripe Error"):
        stripe_catalog.ensure("sandbox", (PRO,), (MONTHLY, dear))
    products, prices = made(client)
    assert (products, list(prices)) == ({PRO.id: "Pro"}, [MONTHLY.lookup_key])
    assert stripe_catalog.ensure("sandbox", (PRO,), (MONTHLY,)) == prices


#: Two look-ups, two products, four prices.
CALLS = range(8)


@pytest.mark.parametrize("call", CALLS)
def test_whoever_is_killed_after_a_call_leaves_what_the_next_one_finds(
    client: stripe_package.StripeClient, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    real, left = stripe_package.RequestsClient.request, iter(range(call))

    def request(*arguments: Any, **named: Any) -> Any:
        answer = real(*arguments, **named)
        if next(left, None) is None:
            raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(stripe_package.RequestsClient, "request", request)
        with pytest.raises(Killed):
            ensure()
    restarted()
    ids = ensure()
    assert made(client) == ({PRO.id: "Pro", SEATS.id: "Pro - Seats"}, ids)


@pytest.mark.parametrize("call", CALLS)
def test_a_rival_at_any_moment_makes_no_second_one(
    stripe: Stripe, client: stripe_package.StripeClient, call: int
) -> None:
    """The rival does it all after a call was answered; it is of an older release."""
    prices = [one._replace(metadata={"release": "1"}) for one in ALL]
    left, theirs = iter(range(call)), list[dict[str, str]]()

    def answering(_request: Request) -> None:
        if next(left, None) is None:
            stripe.double.answering = lambda _request: None
            restarted()
            theirs.append(stripe_catalog.ensure("sandbox", (PRO, SEATS), prices))

    stripe.double.answering = answering
    ids = ensure()
    assert theirs == [ids]
    assert made(client) == ({PRO.id: "Pro", SEATS.id: "Pro - Seats"}, ids)
