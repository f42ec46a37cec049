"""What is typed into forms, as the requests of the API have it, and what is wrong with it."""

import re
import secrets
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from orchard.errors import InvalidInputs, OrchardError
from orchard.triggers import http

#: Commas part thousands: who means 1.5 by "1,5" is not to get 15.
_NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+(\.\d*)?|\d+\.?\d*|\.\d+)", re.ASCII)
_LONGEST_KEY = 64


class Wrong(NamedTuple):
    """What is wrong with a form, and with which of its fields ("" if with none alone)."""

    message: str = ""
    field: str = ""


#: Nothing is wrong.
RIGHT = Wrong()


def typed(fields: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return what was typed, each field of the form once, without blanks around it."""
    return {name: fields.get(name, "").strip() for name in names}


def wrong(error: OrchardError, fields: Collection[str]) -> Wrong:
    """Return what to say of an error, and beside which of the fields."""
    named, _, rest = error.message.partition(": ")
    field = named.partition(".")[0]
    if rest and field in fields:
        return Wrong(rest[:1].upper() + rest[1:], field)
    return Wrong(error.message)


def new_key() -> str:
    """Return a key for a form: sent twice, the form is done once."""
    return secrets.token_urlsafe(18)


def key(fields: Mapping[str, str]) -> str:
    """Return the key of a form that was sent. Errors: `InvalidInputs` without one."""
    found = fields.get("key", "")
    if not 0 < len(found) <= _LONGEST_KEY:
        raise InvalidInputs("This form can't be read: open the page again")
    return found


def number(text: str, field: str) -> Decimal:
    """Return a number as people type it: `1,200.5`. Errors: `InvalidInputs`."""
    plain = text.replace("\N{MINUS SIGN}", "-").replace(" ", "")
    if not _NUMBER.fullmatch(plain):
        raise InvalidInputs(f"{field}: must be a number, such as 250 or -40")
    return Decimal(plain.replace(",", ""))


def moment(text: str, field: str) -> int:
    """Return the milliseconds of a date and time that was typed in UTC. Errors: `InvalidInputs`."""
    try:
        found = datetime.fromisoformat(text)
        return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        example = "such as 2026-12-01T00:00"
        raise InvalidInputs(f"{field}: must be a date and a time in UTC, {example}") from None


def json_object(text: str, field: str) -> dict[str, Any]:
    """Return an object that was typed as JSON. Errors: `InvalidInputs`."""
    found = http.json_value(text.encode())
    if not isinstance(found, dict):
        raise InvalidInputs(f'{field}: must be a JSON object, such as {{"team": "north"}}')
    return found
