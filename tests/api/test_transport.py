"""What holds for every operation: keys, versions, bodies, idempotency, errors."""

import base64
import json
from typing import Any

import pytest

from orchard.store import keys
from orchard.store.keys import Key
from orchard.store.table import Table
from tests import harness
from tests.builders import a_customer, a_feature, a_grant, left
from tests.conftest import TENANT, Call, Clock
from tests.harness import handler, sample

GET = {"customer_id": "user_1"}


@pytest.mark.parametrize(
    ("authorization", "code", "message"),
    [
        (None, "no_secret_key", "Secret key not found in Authorization header"),
        ("Basic abc", "no_secret_key", "Secret key not found in Authorization header"),
        ("Bearer ", "no_secret_key", "Secret key not found in Authorization header"),
        ("Bearer sk_123", "invalid_request", "Invalid authorization token prefix"),
        ("Bearer am_pk_123", "invalid_request", "Invalid authorization token prefix"),
        (
            "Bearer am_sk_test_" + "x" * 42,
            "invalid_secret_key",
            "Invalid secret key: am_sk_test_xxxx" + "*" * 38,
        ),
        (
            "Bearer am_sk_test_short",
            "invalid_secret_key",
            "Invalid secret key: am_sk_test_shor*",
        ),
    ],
)
@pytest.mark.usefixtures("table")
def test_a_stranger_is_told_what_is_wrong_with_the_key(
    authorization: str | None, code: str, message: str
) -> None:
    event = sample("api/customers.get")
    del event["headers"]["authorization"]
    if authorization is not None:
        event["headers"]["authorization"] = authorization

    answer = handler("api.customers.get")(event, None)
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"]) == {"message": message, "code": code}


def test_a_key_is_stored_only_as_a_digest(key: str, table: Table) -> None:
    items = table.client.scan(TableName=table.name)["Items"]

    assert key not in json.dumps(items)
    assert key[:14] in json.dumps(items)


@pytest.mark.parametrize(
    "version",
    ["2", "2.3", "2.3.0", "2.4.0", "2.5.0", "0.2", "2026-05-13", "2025-02-01.clover", "beta"],
)
def test_every_version_up_to_2_5_is_accepted(call: Call, version: str) -> None:
    assert call("customers.list", {}, headers={"x-api-version": version}).status == 200


@pytest.mark.parametrize("version", ["2.6.0", "3", "2.3.1.4", "latest", "", "2026-01-01", "9.9"])
def test_another_version_is_refused(call: Call, version: str) -> None:
    answered = call("customers.list", {}, headers={"x-api-version": version})

    assert answered.status == 400
    assert answered.body["code"] == "invalid_api_version"
    assert answered.body["message"] == f'"{version}" is not a valid API version'


@pytest.mark.parametrize("body", ["", "{", "[1]", "null", '"text"', '{"customer_id": NaN}', "\x00"])
def test_a_body_that_is_no_object_counts_as_empty(call: Call, body: str) -> None:
    answered = call("customers.get", body)

    assert answered.status == 400
    assert answered.body == {
        "message": "customer_id: is required",
        "code": "invalid_inputs",
        "env": "sandbox",
    }


@pytest.mark.parametrize("number", ["1e1000000", "1e-1000000", "-1e309", "1e999999999"])
@pytest.mark.parametrize("field", ["properties", "value"])
def test_numbers_beyond_doubles_count_as_broken(call: Call, field: str, number: str) -> None:
    shown = f'{{"a": {number}}}' if field == "properties" else number
    body = f'{{"customer_id": "user_1", "feature_id": "messages", "{field}": {shown}}}'
    answered = call("balances.track", body)

    assert (answered.status, answered.body["code"]) == (400, "invalid_inputs")


def test_deep_nesting_counts_as_empty(call: Call) -> None:
    assert call("customers.get", "[" * 100_000).status == 400


def test_unknown_fields_are_ignored(call: Call) -> None:
    assert a_customer(call, billing_details={"tax": 1}, wallet=True)["id"] == "user_1"


def test_a_base64_body_is_read(key: str) -> None:
    event = sample("api/customers.get_or_create")
    event["headers"]["authorization"] = f"Bearer {key}"
    event["body"] = base64.b64encode(json.dumps({"customer_id": "b64"}).encode()).decode()
    event["isBase64Encoded"] = True

    assert handler("api.customers.get_or_create")(event, None)["statusCode"] == 200


def test_several_faults_are_listed_together(call: Call) -> None:
    body = {"customer_id": "a b", "required_balance": "1", "send_event": 1}
    answered = call("balances.check", body)

    assert answered.body["message"].startswith("[Validation Errors] customer_id: cannot contain")
    assert "; feature_id: is required; " in answered.body["message"]
    assert "required_balance: must be a number (received string)" in answered.body["message"]
    assert "send_event: must be a boolean (received number)" in answered.body["message"]


def test_a_read_on_the_older_path_takes_query_and_path(call: Call) -> None:
    a_customer(call)

    answered = call(
        "customers.get",
        "",
        route="GET /v1/customers/{customer_id}",
        path={"customer_id": "user_1"},
        query={"expand": "invoices,entities", "with_autumn_id": "true"},
    )
    assert (answered.status, answered.body["invoices"], answered.body["entities"]) == (200, [], [])
    assert answered.body["autumn_id"].startswith("cus_")


def test_the_older_path_of_creation_names_the_id_plainly(call: Call) -> None:
    for body in ({"id": "user_1"}, {"customer_id": "user_1"}):
        answered = call("customers.get_or_create", body, route="POST /v1/customers")
        assert answered.body["id"] == "user_1"


def test_a_failure_of_ours_is_a_500_that_tells_nothing(
    call: Call, table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    place = keys.customer(TENANT, "broken")
    table.client.put_item(
        TableName=table.name,
        Item={"pk": {"S": place.pk}, "sk": {"S": place.sk}, "internal_id": {"S": "cus_x"}},
    )

    answered = call("customers.get", {"customer_id": "broken"})
    assert answered.status == 500
    assert answered.body == {
        "message": "Something went wrong on our side",
        "code": "internal_error",
        "env": "sandbox",
    }
    assert "KeyError" in caplog.text


def test_logs_hold_no_key(call: Call, key: str, caplog: pytest.LogCaptureFixture) -> None:
    a_customer(call)
    call("customers.get", {"customer_id": "nobody"})

    assert len(caplog.records) == 2
    assert key not in "".join(str(record.__dict__) for record in caplog.records)


class TestIdempotency:
    HEADERS = {"idempotency-key": "K"}

    @pytest.fixture(autouse=True)
    def _customer(self, call: Call) -> None:
        a_feature(call)
        a_customer(call)
        a_grant(call, 100)

    def track(self, call: Call, value: float, **fields: Any) -> harness.Response:
        body = {"customer_id": "user_1", "feature_id": "messages", "value": value, **fields}
        return call("balances.track", body, headers=self.HEADERS)

    def test_a_repetition_is_refused_and_has_no_effect(self, call: Call) -> None:
        first, second = self.track(call, 25.5), self.track(call, 30.75)

        assert (first.status, second.status) == (200, 409)
        assert second.body == {
            "message": "Another request with idempotency key K has already been received",
            "code": "duplicate_idempotency_key",
            "env": "sandbox",
        }
        assert left(call) == (74.5, 25.5)

    def test_a_failed_request_leaves_no_mark(self, call: Call) -> None:
        assert self.track(call, 500, overage_behavior="reject").status == 400
        assert self.track(call, 5, customer_id="nobody").status == 404
        assert self.track(call, 5).status == 200

    def test_a_repetition_is_refused_before_its_body_is_read(self, call: Call) -> None:
        self.track(call, 1)

        assert call("balances.track", "{", headers=self.HEADERS).status == 409

    def test_the_mark_ends_after_a_day(self, call: Call, clock: Clock) -> None:
        self.track(call, 1)
        clock.advance(days=1, ms=1)

        assert self.track(call, 1).status == 200
        assert left(call) == (98, 2)

    def test_a_read_is_marked_too(self, call: Call) -> None:
        statuses = [call("customers.get", GET, headers=self.HEADERS).status for _ in range(2)]

        assert statuses == [200, 409]

    def test_an_update_that_changes_nothing_is_marked(self, call: Call) -> None:
        statuses = [call("customers.update", GET, headers=self.HEADERS).status for _ in range(2)]

        assert statuses == [200, 409]

    def test_creation_is_marked_in_the_same_transaction(self, call: Call, table: Table) -> None:
        body = {"customer_id": "user_2"}
        first = call("customers.get_or_create", body, headers=self.HEADERS)
        second = call("customers.get_or_create", body, headers=self.HEADERS)

        assert (first.status, second.status) == (200, 409)
        items = table.client.scan(TableName=table.name)["Items"]
        (mark,) = [item for item in items if item["sk"]["S"] == "MARKER"]
        assert int(mark["ttl"]["N"]) * 1000 > int(mark["expires_at"]["N"])

    def test_a_key_in_the_body_is_another_key_than_one_in_the_header(self, call: Call) -> None:
        assert self.track(call, 1).status == 200
        body = {"customer_id": "user_1", "feature_id": "messages", "idempotency_key": "K"}
        assert call("balances.track", body).status == 200
        assert call("balances.track", body).status == 409
        assert left(call) == (98, 2)

    def test_both_keys_are_claimed_together(self, call: Call) -> None:
        body = {"customer_id": "user_1", "feature_id": "messages", "idempotency_key": "B"}
        assert call("balances.track", body).status == 200

        assert self.track(call, 1, idempotency_key="B").status == 409
        assert self.track(call, 1).status == 200


def test_ids_cannot_forge_a_key(call: Call, table: Table) -> None:
    a_feature(call, "x#y")
    a_customer(call)
    a_grant(call, 5, "x#y")

    assert table.get(Key(keys.hot_partition(TENANT, "user_1"), "0#BALANCE#x%23y")) is not None
    assert left(call, "x#y") == (5, 0)
