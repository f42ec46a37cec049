"""An export of customers, in chunks that an answer can hold: each a piece of one CSV file."""

import csv
from collections.abc import Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from dashboard.customers.export_rows import DETAILS, Columns
from dashboard.customers.listing import Filters
from dashboard.frame.visits import Visit
from orchard.errors import Conflict, InvalidInputs
from orchard.usecases import exporting, features, naming
from orchard.usecases.exporting import Batch

PAGE = "/dashboard/export"
#: A chunk ends with so many customers or, in bytes, when it is as large as that: with what one more
#: customer can have, far from the 6 MB of an answer.
MOST_CUSTOMERS, _LARGE = 200, 1_000_000
#: Or when so many pages of the index were looked through, most of which may have found nothing.
_MOST_PAGES = 12
#: Spreadsheets read a file as UTF-8 if it begins so; other readers pass over it.
_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
#: The name in the address of a box that is ticked to have a detail of customers.
_BOX = "show:"
ALL, NONE = "", "!none"


class Asked(NamedTuple):
    """What is to be exported, as an address says it.

    `balances` is a feature's id, `ALL` or `NONE`. `shape` is that of the columns that went before;
    `part` counts the files of those who load each chunk by itself.
    """

    filters: Filters
    details: tuple[str, ...] = tuple(DETAILS)
    balances: str = ALL
    cursor: str = ""
    shape: str = ""
    part: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return what an address asks for; without any detail ticked, all are meant."""
        ticked = tuple(name for name in DETAILS if f"{_BOX}{name}" in query)
        part = query.get("part", "")
        return cls(
            Filters.of(query).home._replace(columns=""),
            ticked or tuple(DETAILS),
            query.get("balances", ALL),
            query.get("cursor", ""),
            query.get("shape", ""),
            part if part.isascii() and part.isdigit() and len(part) < 6 else "",
        )

    @property
    def query(self) -> dict[str, str]:
        """The names and values of the address."""
        ticked = {f"{_BOX}{name}": "1" for name in self.details}
        named = {"balances": self.balances, "cursor": self.cursor}
        named |= {"shape": self.shape, "part": self.part}
        rest = {name: value for name, value in named.items() if value}
        return {**self.filters.query, **ticked, **rest}

    def at(self, page: str) -> str:
        """Return the address of a page that is asked for this."""
        return f"{page}?{urlencode(self.query)}"


class Chunk(NamedTuple):
    """A piece of the file; `cursor` is where the next one begins, None if this is the last."""

    text: str
    customers: int
    shape: str
    cursor: str | None


def columns(visitor: Visit, asked: Asked) -> Columns:
    """Return the columns of the file. Errors: `InvalidInputs` for a feature that there is not."""
    known = features.every(visitor.session)["list"]
    if asked.balances == ALL:
        return Columns.of(asked.details, known)
    wanted = [one for one in known if one["id"] == asked.balances]
    if not wanted and asked.balances != NONE:
        raise InvalidInputs(f"There is no feature {asked.balances}: choose the balances again")
    return Columns.of(asked.details, wanted)


def chunk(visitor: Visit, asked: Asked) -> Chunk:
    """Return the piece of the file that begins at the cursor.

    Errors: `Invalid` for filters and cursors that can't be, `Conflict` if the columns are not those
    of the pieces before.
    """
    held = columns(visitor, asked)
    if asked.shape not in ("", held.shape):
        raise Conflict("The features were changed since this export began: start it again")
    found = exporting.batches(visitor.session, asked.filters.sought, asked.cursor)
    piece = _Piece(visitor, held, is_first=not asked.cursor or bool(asked.part))
    cursor: str | None = None
    for number, batch in enumerate(found, 1):
        cursor = piece.take(batch)
        if cursor is None or piece.is_full or number == _MOST_PAGES:
            break
    return Chunk(piece.text, piece.customers, held.shape, cursor)


class _Piece:
    """A piece of the file that is being written."""

    def __init__(self, visitor: Visit, held: Columns, *, is_first: bool) -> None:
        self.columns, self.customers = held, 0
        self._now, self._plans = visitor.now, naming.names(visitor.session).plans
        self._texts = [_MARK] if is_first else []
        self._bytes = 0
        self._writer = csv.writer(self)
        if is_first:
            self._writer.writerow(held.header)

    def write(self, text: str) -> None:
        """Take a line from the writer."""
        self._texts.append(text)
        self._bytes += len(text.encode())

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def is_full(self) -> bool:
        return self.customers >= MOST_CUSTOMERS or self._bytes >= _LARGE

    def take(self, batch: Batch) -> str | None:
        """Write customers until the piece is full; return where to go on, None if nowhere."""
        last = len(batch.lines) - 1
        for number, line in enumerate(batch.lines):
            self._writer.writerow(self.columns.cells(line, self._plans, self._now))
            self.customers += 1
            if self.is_full and line.cursor and number < last:
                return line.cursor
        return batch.cursor


def options(known: list[dict[str, Any]]) -> dict[str, str]:
    """Return the choices of balances, with their labels."""
    named = {one["id"]: one["name"] or one["id"] for one in known}
    return {ALL: "Of every feature", NONE: "None", **named}
