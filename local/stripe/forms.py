"""Form bodies and queries as Stripe reads them: `a[b]=1&c[0]=2&d[]=3` is nested."""

import re
from typing import Any
from urllib.parse import parse_qsl

from local.stripe.failures import Refused

_KEY = re.compile(r"[^\[\]]+|\[[^\[\]]*\]")


def decode(text: str) -> dict[str, Any]:
    """Return the nested parameters in a form; all values are texts."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        parts = [part.strip("[]") for part in _KEY.findall(name)]
        if name.startswith("[") or not parts or "".join(_KEY.findall(name)) != name:
            raise Refused(f"Invalid parameter name: {name}")
        _put(root, parts, value)
    return {name: _as_list(value) for name, value in root.items()}


def _put(place: dict[str, Any], parts: list[str], value: str) -> None:
    for part in parts[:-1]:
        place = place.setdefault(part or str(len(place)), {})
        if not isinstance(place, dict):
            raise Refused(f"Invalid parameter: {part} is both a value and an object")
    place[parts[-1] or str(len(place))] = value


def _as_list(value: Any) -> Any:
    """Turn an object whose keys count from 0 into the list that it stands for."""
    if not isinstance(value, dict):
        return value
    inner = {name: _as_list(one) for name, one in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner
