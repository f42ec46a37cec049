"""The call of the API that a page or a form equals, for a terminal."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from orchard.contracts.numbers import number

_CURL = (
    'curl -X POST "$ORCHARD_URL/v1/{operation}" \\\n'
    "  -H \"authorization: Bearer $ORCHARD_KEY\" -H 'content-type: application/json' \\\n"
    "  -d {body}"
)


def curl(operation: str, body: Mapping[str, Any]) -> str:
    """Return the command that calls an operation such as `customers.get`."""
    written = shlex.quote(json.dumps(body, ensure_ascii=False, default=number))
    return _CURL.format(operation=operation, body=written)
