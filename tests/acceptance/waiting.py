"""The rows of the tables by number, and those that can't be played yet.

The tables number their rows with gaps; `NUMBERS` holds every number there is.
"""

_RANGES = (
    (1, 10),
    (18, 21),
    (25, 34),
    (41, 50),
    (57, 69),
    (79, 100),
    (116, 124),
    (131, 145),
    (156, 164),
    (171, 184),
    (194, 209),
    (220, 235),
    (247, 255),
    (262, 277),
    (289, 293),
)
NUMBERS = frozenset(number for first, last in _RANGES for number in range(first, last + 1))
#: The worked examples of single calls.
TRACES = frozenset(range(1, 10))

#: Why a row is not played.
WAITING: dict[int, str] = {}
