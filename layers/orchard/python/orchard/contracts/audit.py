"""Why something is changed: what every request that changes something may say of it."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from orchard.contracts.fields import as_text
from orchard.contracts.request import Request

type Reason = Annotated[str, Field(max_length=1000), BeforeValidator(as_text)]
type Reference = Annotated[str, Field(max_length=255), BeforeValidator(as_text)]


class AuditedRequest(Request):
    """A request that changes something. What it says of its cause is kept with the change."""

    #: Headers that say it where a client sends no further fields, by the field.
    audit_headers: ClassVar[dict[str, str]] = {
        "reason": "x-orchard-reason",
        "reference": "x-orchard-reference",
    }

    #: Why, in words.
    reason: Reason | None = None
    #: What it follows from elsewhere: a ticket, an order.
    reference: Reference | None = None

    @property
    def audit(self) -> dict[str, str]:
        """What was said of the cause, as a stamp keeps it; only what was given."""
        told = {"reason": self.reason, "reference": self.reference}
        return {name: text for name, text in told.items() if text}


def done(change_id: str | None) -> dict[str, Any]:
    """Return the answer to a change: the id it has in `changes.list`; None: nothing changed."""
    return {"success": True, "change_id": change_id}
