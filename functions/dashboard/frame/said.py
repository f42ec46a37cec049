"""What is said once, on the page that follows an action: what was done, and how to undo it."""

import base64
import binascii
import json
from typing import NamedTuple

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

#: It leaves with the next page; a browser that shows none forgets it.
COOKIE = "__Host-orchard-said"
_LIFE_S = 60
_LONGEST = 300


class Said(NamedTuple):
    """A sentence, and the address that takes back what was done ("" if nothing does)."""

    text: str
    undo: str = ""


def cookie(said: Said) -> Cookie:
    """Return the cookie that carries the sentence over to the next page."""
    told = json.dumps([said.text[:_LONGEST], said.undo])
    return _cookie(base64.urlsafe_b64encode(told.encode()).decode(), _LIFE_S)


def no_cookie() -> Cookie:
    """Return what makes a browser forget it."""
    return _cookie("", -1)


def read(value: str) -> Said | None:
    """Return what a cookie says; None for what is none of ours."""
    try:
        told = json.loads(base64.urlsafe_b64decode(value))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if isinstance(told, list) and len(told) == 2 and all(isinstance(part, str) for part in told):
        return Said(*told)
    return None


def _cookie(value: str, max_age: int) -> Cookie:
    lax = SameSite.LAX_MODE
    return Cookie(COOKIE, value, "/", http_only=True, max_age=max_age, same_site=lax)
