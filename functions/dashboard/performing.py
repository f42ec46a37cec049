"""What a form does, done once however often it is sent."""

from collections.abc import Callable, Mapping
from typing import Any

from dashboard import forms
from dashboard.frame.visits import Visit
from orchard.errors import DuplicateIdempotencyKey
from orchard.store.session import Session


def performed(
    visitor: Visit, fields: Mapping[str, str], run: Callable[[Session], Mapping[str, Any]]
) -> str | None:
    """Do what a form asks for, and return the id of the change; None: nothing changed.

    Sent again, by an impatient hand or after a lost answer, it does nothing more and returns the
    same. Errors: those of the use case.
    """
    key = forms.key(fields)
    try:
        change_id = run(visitor.once(key)).get("change_id")
    except DuplicateIdempotencyKey:
        change_id = visitor.made(key)
    return change_id and str(change_id)
