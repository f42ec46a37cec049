"""The use of AI models: tokens get their price, and the price is tracked in credits."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from orchard.contracts.request import parse
from orchard.contracts.response import Accepted
from orchard.contracts.tokens import TrackTokensRequest, track_body
from orchard.contracts.tracking import TrackRequest
from orchard.domain import scope, tokens
from orchard.domain.catalog import AI_CREDIT_SYSTEM, Catalog, Feature
from orchard.errors import FeatureNotFound, Invalid, NotFound
from orchard.gateways import model_prices
from orchard.store import catalog, ground
from orchard.store.session import Session
from orchard.usecases import batching


def track(session: Session, request: TrackTokensRequest) -> dict[str, Any] | Accepted:
    """Price tokens and take their cost from an AI credit system, at once or, if asked, later.

    Errors: 404 for an unknown feature, or when the customer has no AI credits; `Invalid` when it
    is not clear which to take, or the model has no price; all of `batching.track`.
    """
    (use,) = _priced(session, [request])
    return batching.track(session, use)


def batch(session: Session, items: Sequence[TrackTokensRequest]) -> None:
    """Price the tokens of many customers now, and queue what they cost to be tracked.

    Errors: as `track` and `batching.accept`; the first keeps everything out of the queue.
    """
    batching.accept(session, _priced(session, items))


def _priced(session: Session, items: Sequence[TrackTokensRequest]) -> list[TrackRequest]:
    try:
        return _priced_by(session, items, catalog.cached(session))
    except (NotFound, Invalid):
        # What is refused may have been set a moment ago.
        return _priced_by(session, items, catalog.read(session))


def _priced_by(
    session: Session, items: Sequence[TrackTokensRequest], known: Catalog
) -> list[TrackRequest]:
    systems = [one for one in known.features.values() if one.type == AI_CREDIT_SYSTEM]

    @cache
    def owned(customer_id: str, entity_id: str | None) -> Feature:
        return _owned(session, systems, customer_id, entity_id)

    uses = []
    for item in items:
        if item.feature_id is None:
            system = owned(item.customer_id, item.entity_id)
        else:
            system = _named(known, item.feature_id)
        uses.append(_use(session, item, system))
    return uses


def _named(known: Catalog, feature_id: str) -> Feature:
    feature = known.feature(feature_id)
    if feature.type != AI_CREDIT_SYSTEM:
        raise Invalid(f"Feature {feature_id} is not an AI credit system feature")
    return feature


def _owned(
    session: Session, systems: Sequence[Feature], customer_id: str, entity_id: str | None
) -> Feature:
    """The one AI credit system that the customer, or its entity, has a balance of."""
    found = ground.load(session, customer_id, entity_id, [system.id for system in systems])
    state = found.state(session.now)
    held = [one for one in systems if any(scope.rows(state, found.subject, one.id))]
    if not held:
        raise NotFound(
            f"Customer {customer_id} has no AI credit system feature", FeatureNotFound.code
        )
    if len(held) > 1:
        names = ", ".join(one.id for one in held)
        raise Invalid(f"Multiple AI credit system features ({names}): say which in feature_id")
    return held[0]


def _use(session: Session, item: TrackTokensRequest, system: Feature) -> TrackRequest:
    """What the tokens come to, as a use of the credit system."""
    at = item.timestamp or session.now
    listed = None if tokens.is_custom(item.model_id) else model_prices.listed(item.model_id, at)
    cost = tokens.price(item.model_id, item.counts, system.settings, listed)
    return parse(TrackRequest, track_body(item, system.id, cost))
