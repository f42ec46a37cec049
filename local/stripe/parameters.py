"""Checks parameters against the official package's own types: what they forbid is refused."""

import sys
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from stripe import RequestOptions
from typing_extensions import TypedDict

from local.stripe.failures import Refused

_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


def checked(kind: type, given: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the types of `stripe.params.<kind>`, or refuse them."""
    try:
        values: dict[str, Any] = _adapter(kind).validate_python(given)
    except ValidationError as invalid:
        # Of a union of types the last arm is the object: the one that was meant.
        raise _refusal(invalid.errors()[-1]) from None
    return values


def supported(given: dict[str, Any], known: set[str]) -> None:
    """Refuse what Stripe knows and the double does not: silence would hide the difference."""
    for name in sorted(given.keys() - known):
        raise Refused(f"The double does not support the parameter {name}", param=name)


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
