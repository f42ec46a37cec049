"""Requests and answers, free of the server that carries them."""

import json
from typing import Any, NamedTuple


class Request(NamedTuple):
    """A request; names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    headers: dict[str, str]


def json_answer(status: int, content: Any, **headers: str) -> Answer:
    """Return an answer in JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    text = json.dumps(content, indent=2)
    return Answer(status, text.encode(), {"content-type": "application/json", **named})


def page_answer(status: int, text: str) -> Answer:
    """Return a page."""
    return Answer(status, text.encode(), {"content-type": "text/html; charset=utf-8"})
