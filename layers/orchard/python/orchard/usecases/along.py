"""What goes with a change in its transaction: words for the audit trail, writes of something else.

The transaction of a grant that was approved also notes that it was.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from orchard.store.statements import Write


def _none(_change_id: str | None) -> list[Write]:
    return []


class Along(NamedTuple):
    """Details of the change, and writes for the id of the change (None: nothing is changed).

    `writes` is asked anew at every attempt, so that it can refuse what is not so any more.
    """

    details: Mapping[str, Any] = {}
    writes: Callable[[str | None], list[Write]] = _none


ALONE = Along()
