"""Request and response of `overrides.list`."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from orchard.contracts.cursor import PageRequest
from orchard.contracts.fields import CustomerId, Id, Timestamp
from orchard.contracts.numbers import optional
from orchard.domain import changes
from orchard.domain.holding import Place
from orchard.domain.overrides import Override


class ListOverridesRequest(PageRequest):
    """What was granted, added or withheld for a while: of one customer, or of all."""

    customer_id: CustomerId | None = None
    feature_id: Id | None = None
    #: Only what ends before this time.
    ends_before: Timestamp | None = None


class Cause(NamedTuple):
    """Who made a change, and what was said of why."""

    actor: str | None = None
    reason: str | None = None
    reference: str | None = None


_UNKNOWN = Cause()


class Listed(NamedTuple):
    """An override, and whose it is. `mark` puts those of the same end in order."""

    override: Override
    customer_id: str
    internal_id: str
    place: Place
    mark: str
    cause: Cause = _UNKNOWN

    @property
    def position(self) -> tuple[int, str]:
        """Where it stands in the list: by its end, and told apart from all others."""
        return self.override.ends_at, f"{self.mark}/{self.override.id}"


def list_overrides_response(
    found: Iterable[tuple[Listed, Cause]], next_cursor: str | None
) -> dict[str, Any]:
    """Return a page of overrides."""
    return {"list": [_entry(*one) for one in found], "next_cursor": next_cursor}


def _entry(listed: Listed, cause: Cause) -> dict[str, Any]:
    one = listed.override
    return {
        "id": one.external_id or one.id,
        "customer_id": listed.customer_id,
        "entity_id": listed.place.entity_id,
        "feature_id": listed.place.feature_id,
        "type": one.kind,
        "amount": optional(one.amount),
        "remaining": optional(one.remaining),
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "actor": None if cause.actor is None else changes.actor(cause.actor)._asdict(),
        "reason": cause.reason,
        "reference": cause.reference,
        "change_id": one.change_id,
    }
