"""Types of request fields, with the sentence that a wrong value gets."""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from orchard.domain import quantity

#: The last millisecond of the year 2999: later instants are mistakes.
_LATEST_MS = 32_503_679_999_999
_LONGEST_ID = 255
#: Bytes as JSON. Properties of the last use stay in the balance, which every check reads.
_LARGEST_METADATA, _LARGEST_PROPERTIES = 100_000, 10_000
_CUSTOMER_ID = re.compile(r"[a-zA-Z0-9_:-]+")
_PLAN_ID = re.compile(r"[a-zA-Z0-9_-]+")
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\\\]]+@[^@\s\"(),:;<>\[\\\]]+\.[^@\s.\"(),:;<>\[\\\]]+")
_NAMED = {" ": "spaces", "@": "@ symbol", ".": "periods"}
_JSON_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "number",
    Decimal: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def json_type(value: object) -> str:
    """Return the name that JSON has for the type of a value."""
    return _JSON_TYPES.get(type(value), "object")


def fault(message: str) -> PydanticCustomError:
    """Return an error whose message is shown to the caller as it is."""
    return PydanticCustomError("orchard", "{message}", {"message": message})


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise fault(f"must be a number (received {json_type(value)})")
    if not abs(Decimal(value)) <= quantity.LARGEST:
        raise fault(f"must be between -{quantity.LARGEST:f} and {quantity.LARGEST:f}")
    return quantity.exact(value)


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    number = _number(value)
    if number != number.to_integral_value():
        raise fault("must be a whole number")
    return int(number)


def _within(least: int, most: int) -> Callable[[int], int]:
    def check(value: int) -> int:
        if not least <= value <= most:
            raise fault(f"must be between {least} and {most}")
        return value

    return check


def _at_least[N: (int, Decimal)](least: N) -> Callable[[N], N]:
    def check(value: N) -> N:
        if value < least:
            raise fault(f"must be at least {least}")
        return value

    return check


def _short(value: str) -> str:
    # In a key the separator and its escape take three bytes.
    if len(value.encode()) + 2 * (value.count("#") + value.count("%")) > _LONGEST_ID:
        raise fault(f"must have at most {_LONGEST_ID} characters")
    return value


def _not_empty(value: str) -> str:
    if not value:
        raise fault("cannot be empty")
    return value


def _customer_id(value: str) -> str:
    if not value:
        raise fault("can't be an empty string")
    wrong = next((letter for letter in value if not _CUSTOMER_ID.fullmatch(letter)), None)
    if wrong is not None:
        named = _NAMED.get(wrong, f"the character {wrong!r}")
        rule = "Use only letters, numbers, underscores, hyphens, and colons."
        raise fault(f"cannot contain {named}. {rule}")
    return value


def _plan_id(value: str) -> str:
    if value and not _PLAN_ID.fullmatch(value):
        raise fault("can only contain letters, numbers, underscores and hyphens")
    return value


def is_email(value: str) -> bool:
    """Whether the text has the form of an e-mail address."""
    return len(value) <= 320 and _EMAIL.fullmatch(value) is not None


def _email(value: str) -> str:
    if value and not is_email(value):
        raise fault("not a valid email address")
    return value


def _small(most: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def check(value: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(value, default=str, ensure_ascii=False).encode()) > most:
            raise fault(f"must have at most {most} bytes as JSON")
        return value

    return check


def _currency(value: str) -> str:
    if len(value) != 3 or not value.isascii() or not value.isalpha():
        raise fault("must be a currency code of three letters")
    return value.lower()


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or any(letter < " " for letter in value):
        raise fault("must be an address that starts with https:// or http://")
    return value


def as_text(value: Any) -> Any:
    """Return a text that a query string was read as something else of, as it was sent."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


type Quantity = Annotated[Decimal, BeforeValidator(_number)]
type Positive = Annotated[Decimal, BeforeValidator(_number), AfterValidator(_at_least(Decimal(0)))]
type Whole = Annotated[int, BeforeValidator(_whole)]
type Count = Annotated[int, BeforeValidator(_whole), AfterValidator(_within(1, 1000))]
type PageLimit = Annotated[int, BeforeValidator(_whole), AfterValidator(_within(1, 5000))]
type Timestamp = Annotated[int, BeforeValidator(_whole), AfterValidator(_within(0, _LATEST_MS))]
type Id = Annotated[str, AfterValidator(_not_empty), AfterValidator(_short)]
type CustomerId = Annotated[str, AfterValidator(_customer_id), AfterValidator(_short)]
type PlanId = Annotated[
    str, AfterValidator(_not_empty), AfterValidator(_plan_id), AfterValidator(_short)
]
type Metadata = Annotated[dict[str, Any], AfterValidator(_small(_LARGEST_METADATA))]
type Properties = Annotated[dict[str, Any], AfterValidator(_small(_LARGEST_PROPERTIES))]
type Currency = Annotated[str, AfterValidator(_currency)]
type WebAddress = Annotated[str, AfterValidator(_web_address)]
type Email = Annotated[str, AfterValidator(_email)]
#: A text that a query string may have turned into something else.
type Text = Annotated[str, BeforeValidator(as_text)]
#: A list that may be sent as one text, as query strings do.
type Listed[T] = Annotated[list[T], BeforeValidator(_one_or_many)]
#: What can be shown inside a balance or a flag.
type BalanceExpands = Listed[Literal["balance.feature", "flag.feature"]]
