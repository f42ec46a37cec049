"""The base of all requests, and how a body that breaks one is reported."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from orchard.contracts.fields import json_type
from orchard.errors import InvalidInputs

_EXPECTED = {
    "string_type": "a string",
    "bool_type": "a boolean",
    "int_type": "a number",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
#: As many faults are named; a long array may have thousands.
_MOST_FAULTS = 50
_LENGTHS = {
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "has characters that are not allowed",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


class Request(BaseModel):
    """A request body. Unknown fields are dropped; types are not converted."""

    # Validators are built by `prepare`, for what a function serves; its module may hold more.
    model_config = ConfigDict(
        extra="ignore", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True
    )

    #: Names that only the older REST routes use for a field.
    rest_names: ClassVar[dict[str, str]] = {}
    #: The one field of a request whose body is no object but a bare array: its entries.
    array: ClassVar[str | None] = None
    #: What clients of versions before 2.3 mean by fields that they leave out.
    defaults_before_2_3: ClassVar[dict[str, Any]] = {}


def prepare(model: type[Request]) -> None:
    """Build the validator of a model now, while a function starts, instead of at its first use."""
    model.model_rebuild()


def parse[R: Request](model: type[R], body: dict[str, Any]) -> R:
    """Return the body as a request.

    Errors: `InvalidInputs`, one sentence for one fault and a list for several.
    """
    try:
        return model.model_validate(body)
    except ValidationError as invalid:
        found = invalid.errors(include_url=False)
        faults = [_sentence(error, array=model.array is not None) for error in found]
    if len(faults) == 1:
        raise InvalidInputs(faults[0]) from None
    if len(faults) > _MOST_FAULTS:
        faults[_MOST_FAULTS:] = [f"and {len(faults) - _MOST_FAULTS} more"]
    raise InvalidInputs(f"[Validation Errors] {'; '.join(faults)}") from None


def _sentence(error: Any, *, array: bool) -> str:
    parts = [str(part) for part in error["loc"] if not _is_internal(part)]
    path = _path_in_array(parts[1:]) if array else ".".join(parts)
    message = _message(error)
    return f"{path}: {message}" if path else message


def _path_in_array(parts: list[str]) -> str:
    """The place in a body that is an array, such as `[3].value`."""
    return ".".join([f"[{parts[0]}]", *parts[1:]]) if parts else "body"


def _is_internal(part: object) -> bool:
    """Names that pydantic gives to the arms of a union and to wrapped validators."""
    return isinstance(part, str) and ("[" in part or part in {"str", "int", "decimal", "none"})


def _message(error: Any) -> str:
    kind = error["type"]
    if kind == "missing":
        return "is required"
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]} (received {json_type(error['input'])})"
    if kind == "literal_error":
        expected: str = error["ctx"]["expected"]
        return "must be one of: " + expected.replace("'", "").replace(" or ", ", ")
    if kind in _LENGTHS:
        return _LENGTHS[kind].format(**error["ctx"])
    return str(error["msg"])
