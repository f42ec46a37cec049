"""How much one request may read, so that its answer comes in time."""

from collections.abc import Callable

from orchard.errors import Invalid


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
