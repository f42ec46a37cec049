"""The product as tests call it: the table of the template, the sample events, the handlers."""

import importlib
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from samtranslator.yaml_helper import yaml_parse

from tests import wire

ROOT = Path(__file__).parent.parent
TABLE_NAME = "orchard"


class Response(NamedTuple):
    """What a handler answered."""

    status: int
    body: Any
    headers: dict[str, str]


@cache
def template() -> Any:
    """Return template.yaml as data, which is not to be changed: reading it takes long."""
    return yaml_parse((ROOT / "template.yaml").read_text())


def create_table(client: Any, name: str = TABLE_NAME, *, streams: bool = True) -> None:
    """Create the table exactly as the template declares it, or without its stream."""
    declared = template()["Resources"]["Table"]["Properties"]
    wanted = (
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "BillingMode",
    )
    stream = {"StreamSpecification": {"StreamEnabled": True, **declared["StreamSpecification"]}}
    client.create_table(
        TableName=name,
        **(stream if streams else {}),
        **{part: declared[part] for part in wanted},
    )


def sample(path: str) -> Any:
    """Return a sample event, such as `api/balances.track`."""
    return json.loads(_text(path))


@cache
def _text(path: str) -> str:
    return (ROOT / "events" / f"{path}.json").read_text()


def handler(module: str) -> Any:
    """Return the handler of a function, such as `api.balances.track`."""
    return importlib.import_module(module).handler


def call(
    operation: str,
    body: dict[str, Any] | list[Any] | str | None = None,
    *,
    key: str,
    headers: dict[str, str] | None = None,
    route: str | None = None,
    path: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
) -> Response:
    """Call an operation as API Gateway would, starting from its sample event.

    A successful answer must have the structure that the wire contract promises.
    """
    event = sample(f"api/{operation}")
    event["headers"] |= {"authorization": f"Bearer {key}"} | (headers or {})
    sent = {} if body is None else body
    event["body"] = sent if isinstance(sent, str) else json.dumps(sent, default=_number)
    if route is not None:
        event["routeKey"] = route
        event["rawPath"] = route.partition(" ")[2]
        event["pathParameters"] = path or {}
        event["queryStringParameters"] = query or {}
    resource, verb = operation.split(".")
    answer = handler(f"api.{resource}.{verb}")(event, None)
    content = json.loads(answer["body"])
    if answer["statusCode"] < 300:
        wire.assert_response(operation, content, answer["statusCode"])
    return Response(answer["statusCode"], content, answer["headers"])


def _number(value: object) -> float:
    assert isinstance(value, Decimal)
    return float(value)
