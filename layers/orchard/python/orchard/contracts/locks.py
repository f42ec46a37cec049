"""Request of `balances.finalize`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from orchard.contracts.fields import Properties, Quantity, fault
from orchard.contracts.request import Request


class FinalizeRequest(Request):
    """Confirm what a lock reserved, all of it or another amount, or release it."""

    lock_id: str = Field(min_length=1, max_length=256)
    action: Literal["confirm", "release"]
    override_value: Quantity | None = None
    properties: Properties | None = None

    @model_validator(mode="after")
    def _override_confirms(self) -> Self:
        if self.action == "release" and self.override_value is not None:
            raise fault("override_value: goes with the action confirm only")
        return self
