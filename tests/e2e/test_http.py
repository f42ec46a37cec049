"""The API without a client: browsers, keys, older paths, bodies that are none."""

import httpx
import pytest

from local.stack import Stack
from tests.e2e.vocabulary import Organization

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Organization:
    shop = Organization.on(stack, "http")
    shop.offer_messages()
    return shop


def test_a_browser_on_the_allowed_origin_may_call(shop: Organization) -> None:
    asked = {
        "origin": "http://localhost:3000",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-api-version",
    }

    answer = httpx.options(f"{shop.base_url}/v1/customers.get", headers=asked, timeout=60)

    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "x-api-version"))


def test_a_browser_elsewhere_may_not(shop: Organization) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}

    answer = httpx.options(f"{shop.base_url}/v1/customers.get", headers=asked, timeout=60)

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ({}, "no_secret_key"),
        ({"authorization": "Basic abc"}, "no_secret_key"),
        ({"authorization": "Bearer something"}, "invalid_request"),
        ({"authorization": f"Bearer am_sk_test_{'x' * 42}"}, "invalid_secret_key"),
    ],
)
def test_who_has_no_key_is_turned_away(
    shop: Organization, authorization: dict[str, str], code: str
) -> None:
    address = f"{shop.base_url}/v1/customers.list"

    answer = httpx.post(address, json={}, headers=authorization, timeout=60)

    assert (answer.status_code, answer.json()["code"]) == (401, code)


def test_older_paths_lead_to_the_same_operations(shop: Organization) -> None:
    headers = {"authorization": f"Bearer {shop.key}"}
    with httpx.Client(base_url=f"{shop.base_url}/v1", headers=headers, timeout=60) as http:
        http.post("/customers", json={"id": "ada", "name": "Ada"}).raise_for_status()
        http.post(
            "/track", json={"customer_id": "ada", "feature_id": "messages", "value": 5}
        ).raise_for_status()
        http.post(
            "/customers/update", json={"customer_id": "ada", "name": "Ada L."}
        ).raise_for_status()
        http.post(
            "/balances/update",
            json={"customer_id": "ada", "feature_id": "messages", "add_to_balance": 1},
        ).raise_for_status()
        checked = http.post("/check", json={"customer_id": "ada", "feature_id": "messages"}).json()
        found = http.get("/customers/ada", params={"expand": "invoices"}).json()
        gone = http.delete("/customers/ada")

    assert checked["balance"]["remaining"] == 96
    assert (found["name"], found["invoices"]) == ("Ada L.", [])
    assert gone.json()["success"] is True


def test_a_publishable_key_opens_the_older_paths_of_reading_and_no_other(
    stack: Stack, shop: Organization
) -> None:
    shop.get_done("customers.get_or_create", customer_id="eve")
    wanted = {
        "organization": "http",
        "environment": "sandbox",
        "name": "browser",
        "kind": "publishable",
    }
    public = shop._replace(key=stack.invoke("CreateApiKey", wanted)["key"])
    question = {"customer_id": "eve", "feature_id": "messages"}

    assert public.get_done("check", **question)["balance"]["remaining"] == 100
    assert public.get_done("entitled", **question)["allowed"] is True
    answers = [
        httpx.get(
            f"{shop.base_url}/v1/customers/eve",
            headers={"authorization": f"Bearer {public.key}"},
            timeout=60,
        ),
        public.post("check", **question, send_event=True),
        public.post("balances.check", **question),
        public.post("customers.get", customer_id="eve"),
    ]

    assert [answer.status_code for answer in answers] == [200, 400, 401, 401]
    assert [answer.json().get("code") for answer in answers[1:]] == [
        "invalid_request",
        "endpoint_not_public",
        "endpoint_not_public",
    ]


def test_an_idempotency_key_counts_once_and_only_after_success(shop: Organization) -> None:
    def track(customer_id: str) -> httpx.Response:
        return httpx.post(
            f"{shop.base_url}/v1/balances.track",
            json={"customer_id": customer_id, "feature_id": "messages", "value": 7},
            headers={"authorization": f"Bearer {shop.key}", "idempotency-key": "once"},
            timeout=60,
        )

    shop.get_done("customers.get_or_create", customer_id="bob")

    answers = [track("nobody"), track("bob"), track("bob")]

    assert [answer.status_code for answer in answers] == [404, 200, 409]
    assert answers[2].json() == {
        "message": "Another request with idempotency key once has already been received",
        "code": "duplicate_idempotency_key",
        "env": "sandbox",
    }
    checked = shop.get_done("balances.check", customer_id="bob", feature_id="messages")
    assert checked["balance"]["remaining"] == 93


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff"])
def test_a_body_that_is_no_object_lacks_every_field(shop: Organization, body: bytes) -> None:
    headers = {"authorization": f"Bearer {shop.key}", "content-type": "application/json"}
    address = f"{shop.base_url}/v1/customers.get"

    answer = httpx.post(address, content=body, headers=headers, timeout=60)

    assert answer.status_code == 400
    assert answer.json() == {
        "message": "customer_id: is required",
        "code": "invalid_inputs",
        "env": "sandbox",
    }
