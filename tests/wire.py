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
    return set(schema.get("properties", {}))


def assert_response(operation: str, body: object) -> None:
    """Require that an answer has the structure promised; operations beyond the contract pass."""
    if f"/v1/{operation}" not in contract()["paths"]:
        return
    found = sorted(_validator(operation).iter_errors(body), key=lambda fault: fault.json_path)
    faults = [f"{fault.json_path}: {fault.message[:300]}" for fault in found]
    assert not faults, f"{operation} breaks the wire contract: {faults}"


@cache
def _validator(operation: str) -> Any:
    answers = contract()["paths"][f"/v1/{operation}"]["post"]["responses"]
    schema = answers["200"]["content"][_JSON]["schema"]
    # References lead to the components of the document, so those go along.
    return Draft202012Validator({"components": contract()["components"], "allOf": [schema]})
