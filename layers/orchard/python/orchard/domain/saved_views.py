"""Saved views of the customers list: a name for what its address says."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from orchard.errors import Conflict, Invalid, InvalidInputs

#: So many an environment has at most, with so long names; of an address, so much is kept.
MOST, LONGEST_NAME, LONGEST_ADDRESS = 50, 60, 4000
#: How addresses are written today. Whoever opens a view passes over what it does not know.
VERSION = 1


class View(NamedTuple):
    """A view; `query` is the query of an address, without the place in the list."""

    name: str
    query: str
    #: Who saved it, as the audit trail names people, and when in UTC milliseconds.
    by: str
    saved_at: int
    version: int = VERSION

    def is_called(self, name: str) -> bool:
        """Whether people would take a name for this one's."""
        return self.name.casefold() == name.casefold()

    def is_same(self, other: "View") -> bool:
        """Whether both show the same under the same name, whoever saved them."""
        return (self.name, self.query, self.version) == (other.name, other.query, other.version)


class NameTaken(Conflict):
    """There is a view with this name, which says something else."""

    code = "view_exists"

    def __init__(self, view: View) -> None:
        super().__init__(f"name: there is a view “{view.name}” already")
        self.view = view


def name_of(text: str) -> str:
    """Return a name as it is kept. Errors: `InvalidInputs`."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name:
        raise InvalidInputs("name: cannot be empty")
    if len(name) > LONGEST_NAME:
        raise InvalidInputs(f"name: must have at most {LONGEST_NAME} characters")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise InvalidInputs("name: must not hold control characters")
    return name


def called(views: Sequence[View], name: str) -> View | None:
    """Return the view with a name, however its letters are cased."""
    return next((one for one in views if one.is_called(name)), None)


def with_view(views: Sequence[View], new: View, *, replacing: bool) -> tuple[View, ...]:
    """Return the views with a new one, sorted by name.

    Errors: `NameTaken`, unless it is to replace the one with its name; `Invalid` for one too many.
    """
    known = called(views, new.name)
    if known is not None and not replacing and not known.is_same(new):
        raise NameTaken(known)
    if known is None and len(views) >= MOST:
        sentence = (
            f"There are {MOST} saved views already, and no more can be kept: delete one first"
        )
        raise Invalid(sentence, "too_many_views")
    rest = without(views, new.name)
    return tuple(sorted((*rest, new), key=lambda one: (one.name.casefold(), one.name)))


def without(views: Sequence[View], name: str) -> tuple[View, ...]:
    """Return the views without the one that has a name."""
    return tuple(one for one in views if not one.is_called(name))
