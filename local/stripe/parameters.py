"""Checks parameters against the official package's own types: what they forbid is refused."""

import sys
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from stripe import RequestOptions
from typing_extensions import TypedDict

from local.stripe.failures import Refused

#: Stripe's bounds of metadata: keys of an object, characters of a key and of its value.
_MOST_KEYS, _LONGEST_KEY, _LONGEST_TEXT = 50, 40, 500
_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


def checked(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the types of `stripe.params.<kind>`, or refuse them."""
    try:
        values: dict[str, Any] = _adapter(kind).validate_python(given)
    except ValidationError as invalid:
        # Of a union of types the last arm is the object: the one that was meant.
        raise _refusal(invalid.errors()[-1]) from None
    _refuse_long_metadata(values, "")
    return values


def supported(given: dict[str, Any], known: set[str]) -> None:
    """Refuse what Stripe knows and the double does not: silence would hide the difference."""
    for name in sorted(given.keys() - known):
        raise Refused(f"The double does not support the parameter {name}", param=name)


def _refuse_long_metadata(values: Any, at: str) -> None:
    """Refuse metadata past Stripe's bounds, wherever it stands in the parameters."""
    parts = enumerate(values) if isinstance(values, list) else values.items()
    for name, value in parts:
        path = f"{at}[{name}]" if at else str(name)
        if name == "metadata" and isinstance(value, dict):
            _check_metadata(value, path)
        elif isinstance(value, dict | list):
            _refuse_long_metadata(value, path)


def _check_metadata(metadata: dict[str, str], path: str) -> None:
    if len(metadata) > _MOST_KEYS:
        raise Refused(f"Metadata can have up to {_MOST_KEYS} keys", param=path)
    for key, text in metadata.items():
        if not 0 < len(key) <= _LONGEST_KEY or len(text) > _LONGEST_TEXT:
            bounds = f"keys up to {_LONGEST_KEY} and values up to {_LONGEST_TEXT} characters"
            raise Refused(f"Metadata can have {bounds}: {key[:_LONGEST_KEY]}", param=path)


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    """The package's type without the options of a call, which never travel as parameters."""
    fields = {
        name: declared
        for name, declared in kind.__annotations__.items()
        if name not in RequestOptions.__annotations__
    }
    shape: Any = TypedDict(kind.__name__, fields)  # type: ignore[misc]  # made at run time
    shape.__module__ = kind.__module__
    for part in [shape, *_declared_beside(kind)]:
        part.__pydantic_config__ = _STRICT
    return TypeAdapter(shape)


def _declared_beside(kind: type) -> list[Any]:
    declared = vars(sys.modules[kind.__module__]).values()
    return [one for one in declared if isinstance(one, type) and one.__module__ == kind.__module__]


def _is_given(part: str | int) -> bool:
    """Whether a part of a path is the caller's; pydantic adds the arms of unions."""
    return (str(part).islower() and "[" not in str(part)) or isinstance(part, int)


def _refusal(error: Any) -> Refused:
    path = [str(part) for part in error["loc"] if _is_given(part)]
    param = path[0] + "".join(f"[{part}]" for part in path[1:])
    if error["type"] == "extra_forbidden":
        message = f"Received unknown parameter: {param}"
        return Refused(message, code="parameter_unknown", param=param)
    if error["type"] == "missing":
        message = f"Missing required param: {param}."
        return Refused(message, code="parameter_missing", param=param)
    return Refused(f"Invalid {param}: {error['msg']}", param=param)
