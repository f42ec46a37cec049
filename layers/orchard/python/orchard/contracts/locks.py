"""Locks: what a check asks to reserve, and the request of `balances.finalize`."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from orchard.contracts.fields import Properties, Quantity, Timestamp, fault
from orchard.contracts.request import Request

type LockId = Annotated[str, Field(min_length=1, max_length=256)]


def _true(value: Any) -> Any:
    if value is not True:
        raise fault("must be true")
    return value


class LockRequest(Request):
    """A reservation that `balances.finalize` confirms or releases."""

    lock_id: LockId
    enabled: Annotated[bool, BeforeValidator(_true)]
    #: When it is released by itself; after a day if this is absent.
    expires_at: Timestamp | None = None


class FinalizeRequest(Request):
    """Confirm what a lock reserved, all of it or another amount, or release it."""

    lock_id: LockId
    action: Literal["confirm", "release"]
    override_value: Quantity | None = None
    properties: Properties | None = None

    @model_validator(mode="after")
    def _override_confirms(self) -> Self:
        if self.action == "release" and self.override_value is not None:
            raise fault("override_value: goes with the action confirm only")
        return self
