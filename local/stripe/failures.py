"""How the double refuses: in Stripe's envelope, with Stripe's kinds and codes."""

from collections.abc import Mapping
from typing import Any

INVALID, IDEMPOTENCY, API = "invalid_request_error", "idempotency_error", "api_error"
CARD = "card_error"


class Refused(Exception):
    """A request that Stripe would refuse."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        fields = {"message": message, "type": kind, "code": code, "param": param, **(more or {})}
        self.error = {name: value for name, value in fields.items() if value is not None}

    def envelope(self) -> dict[str, Any]:
        """Return the body of the answer."""
        return {"error": self.error}


def missing(kind: str, object_id: str, param: str = "id") -> Refused:
    """Return the refusal of an id that stands for nothing."""
    message = f"No such {kind}: '{object_id}'"
    return Refused(message, status=404, code="resource_missing", param=param)
