"""How much one request may read, so that its answer comes in time, and how long that may be."""

import json
from collections.abc import Callable
from typing import Any

from orchard.errors import Invalid

#: A function answers with six megabytes (6 * 2**20) at most, status and headers included.
LARGEST_ANSWER = 6_000_000


def size(content: Any) -> int:
    """Return how many bytes some content takes in an answer.

    The function sends the answer as a text inside JSON, where each quotation mark and each
    backslash takes one byte more.
    """
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode()) + text.count('"') + text.count("\\")


def at_most(number: int, sentence: str) -> Callable[[int], None]:
    """Return what is to be told of items that were read.

    It refuses (`Invalid` with this sentence) once they are more than so many.
    """
    read = 0

    def looked_at(items: int) -> None:
        nonlocal read
        read += items
        if read > number:
            raise Invalid(sentence)

    return looked_at
