"""The wire contract: the structure of what each operation takes and answers."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_JSON = "application/json"
_CONTRACT = Path(__file__).parent / "contract" / "openapi-2.3.json"


@cache
def contract() -> Any:
    """Return the OpenAPI document, without its texts and cut down to the operations served."""
    return json.loads(_CONTRACT.read_text())


def request_fields(operation: str) -> set[str]:
    """Return the names of all fields that a request may have."""
    described = contract()["paths"][f"/v1/{operation}"]["post"]
    if "requestBody" not in described:
        return set()
    schema = described["requestBody"]["content"][_JSON]["schema"]
    schema = schema.get("items", schema)
    return set(schema.get("properties", {}))


def assert_response(operation: str, body: object, status: int = 200) -> None:
    """Require that an answer has the structure promised; operations beyond the contract pass."""
    if f"/v1/{operation}" not in contract()["paths"]:
        return
    found = sorted(
        _validator(operation, status).iter_errors(body), key=lambda fault: fault.json_path
    )
    faults = [f"{fault.json_path}: {fault.message[:300]}" for fault in found]
    assert not faults, f"{operation} breaks the wire contract: {faults}"


@cache
def _validator(operation: str, status: int) -> Any:
    answers = contract()["paths"][f"/v1/{operation}"]["post"]["responses"]
    # A batch is described with 202 and answered with 200, as the reference does.
    described = answers.get(str(status)) or answers["202"]
    schema = described["content"][_JSON]["schema"]
    # References lead to the components of the document, so those go along.
    return Draft202012Validator({"components": contract()["components"], "allOf": [schema]})
