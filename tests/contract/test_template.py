"""One name, spelled alike everywhere: handler, path, logical id, sample event, documentation."""

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from orchard.usecases import bulk
from tests.harness import ROOT, sample, template

RESOURCES: dict[str, Any] = template()["Resources"]
FUNCTIONS = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}
API = {name: one for name, one in FUNCTIONS.items() if one["Handler"].startswith("api.")}
READ_ONLY = {"aggregate", "explain", "get", "list", "preview_recalculate", "preview_update"}
READ_ONLY |= {"preview_attach", "preview_multi_attach", "verify"}
#: Those that read at Stripe too.
AT_STRIPE = {"CustomersGet", "BillingVerify"}
POLICIES = {
    *("ReadTable", "WriteTable", "ReadStripeSecrets"),
    *("SendTracks", "SendTopUps", "PublishEvents"),
}


def operation_of(properties: dict[str, Any]) -> str:
    _, resource, verb, _ = properties["Handler"].split(".")
    return f"{resource}.{verb.removesuffix('_')}"


def routes_of(properties: dict[str, Any]) -> list[tuple[str, str]]:
    events = properties.get("Events", {}).values()
    return [
        (event["Properties"]["Method"], event["Properties"]["Path"])
        for event in events
        if event["Type"] == "HttpApi"
    ]


def policies_of(properties: dict[str, Any]) -> set[str]:
    return {policy["Ref"] for policy in properties.get("Policies", [])}


def handler_files() -> list[Path]:
    """The modules that hold a handler; the dashboard is one function of many modules."""
    files = (ROOT / "functions").rglob("*.py")
    dashboard = ROOT / "functions" / "dashboard"
    return sorted(
        path
        for path in files
        if path.name != "__init__.py"
        and (dashboard not in path.parents or path == dashboard / "app.py")
    )


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT / "functions").with_suffix("").parts)


@pytest.mark.parametrize("name", API)
def test_an_operation_is_spelled_alike_in_id_path_and_sample(name: str) -> None:
    operation = operation_of(API[name])
    resource, verb = operation.split(".")

    assert name == resource.capitalize() + "".join(part.capitalize() for part in verb.split("_"))
    assert ("POST", f"/v1/{operation}") == routes_of(API[name])[0]
    assert f"POST /v1/{operation}" == sample(f"api/{operation}")["routeKey"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_handler_that_imports(name: str) -> None:
    module, _, attribute = FUNCTIONS[name]["Handler"].rpartition(".")

    assert callable(getattr(importlib.import_module(module), attribute))


def test_every_handler_file_is_deployed_and_has_a_sample() -> None:
    files = {module_of(path) for path in handler_files()}
    deployed = {one["Handler"].removesuffix(".handler") for one in FUNCTIONS.values()}
    samples = {
        path.relative_to(ROOT / "events").with_suffix("").as_posix().replace("/", ".")
        for path in (ROOT / "events").rglob("*.json")
    }

    assert files == deployed
    assert files == samples


def test_no_two_functions_share_a_route() -> None:
    routes = [route for one in FUNCTIONS.values() for route in routes_of(one)]

    assert len(set(routes)) == len(routes)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_no_more_than_its_named_policies_say(name: str) -> None:
    policies = policies_of(FUNCTIONS[name])

    assert policies <= POLICIES
    if name in API and operation_of(API[name]).split(".")[1] in READ_ONLY:
        reads_there = name in AT_STRIPE or name.startswith("BillingPreview")
        assert policies == {"ReadTable"} | ({"ReadStripeSecrets"} if reads_there else set())


def test_jobs_that_may_have_to_ask_stripe_can_read_its_secrets() -> None:
    """Ends that Stripe should have told of, open orders, customers that are to go there too."""
    jobs = {name for name, one in FUNCTIONS.items() if one["Handler"].startswith("jobs.")}
    asking = {name for name in jobs if "ReadStripeSecrets" in policies_of(FUNCTIONS[name])}

    assert asking == {"FinishOrders", "PurgeCustomers", "ResetBalances"}


def test_policies_permit_what_the_code_does_and_nothing_else() -> None:
    """Above all no Scan, by whichever wild card."""
    policies = [one for one in RESOURCES.values() if one["Type"] == "AWS::IAM::ManagedPolicy"]
    documents = [one["Properties"]["PolicyDocument"] for one in policies]
    actions = {
        action for one in documents for part in one["Statement"] for action in part["Action"]
    }

    assert actions == {
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
        "ssm:GetParametersByPath",
        "sqs:SendMessage",
        "events:PutEvents",
    }


@pytest.mark.parametrize(
    ("policy", "variable"),
    [
        ("SendTracks", "TRACK_QUEUE_URL"),
        ("SendTopUps", "TOP_UP_QUEUE_URL"),
        ("PublishEvents", "EVENT_BUS_NAME"),
    ],
)
def test_who_may_send_messages_knows_where_to_and_nobody_else_does(
    policy: str, variable: str
) -> None:
    permitted = {name for name, one in FUNCTIONS.items() if policy in policies_of(one)}
    told = {
        name
        for name, one in FUNCTIONS.items()
        if variable in one.get("Environment", {}).get("Variables", {})
    }

    assert permitted == told
    assert permitted


@pytest.mark.parametrize(("function", "event"), [("Track", "Tracks"), ("TopUp", "Uses")])
def test_a_queue_waits_longer_than_its_function_may_take_and_keeps_what_fails(
    function: str, event: str
) -> None:
    queue = RESOURCES[f"{function}Queue"]["Properties"]
    source = FUNCTIONS[function]["Events"][event]["Properties"]

    assert queue["VisibilityTimeout"] >= 6 * FUNCTIONS[function]["Timeout"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] > 1
    for name in (f"{function}Queue", f"{function}DeadLetters"):
        assert RESOURCES[name]["Properties"]["SqsManagedSseEnabled"] is True
        assert RESOURCES[name]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


def test_an_event_id_stays_claimed_as_long_as_its_message_can_wait() -> None:
    """In the queue, among the dead letters, and back in the queue counts anew once."""
    kept = RESOURCES["TrackQueue"]["Properties"]["MessageRetentionPeriod"] * 1000

    assert 2 * kept < bulk.CLAIM_MS


def test_every_operation_has_a_heading_in_the_documentation() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    headings = set(re.findall(r"^## `([\w.]+)`", text, re.MULTILINE))
    expected = {
        one["Handler"].removesuffix(".handler").removeprefix("api.") for one in FUNCTIONS.values()
    }

    assert headings == expected


def test_every_alias_is_documented_with_its_operation() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    missing = [
        f"{method} {path}"
        for one in FUNCTIONS.values()
        for method, path in routes_of(one)
        if f"`{method} {path}`" not in text
    ]

    assert missing == []


@pytest.mark.parametrize("path", handler_files(), ids=module_of)
def test_a_handler_is_short_and_decides_nothing(path: Path) -> None:
    source = path.read_text()
    branches = (ast.If, ast.For, ast.While, ast.Try, ast.IfExp, ast.comprehension)

    assert len(source.splitlines()) <= 25
    assert not any(isinstance(node, branches) for node in ast.walk(ast.parse(source)))
