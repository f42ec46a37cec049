"""Every field that the wire contract lets a caller send is known to the request model."""

import pytest

from orchard.contracts import (
    aggregates,
    checking,
    editing,
    entities,
    entity_reads,
    events,
    features,
    granting,
    locks,
    plans,
    rewards,
    tracking,
)
from orchard.contracts.request import Request
from tests import wire

MODELS: dict[str, type[Request]] = {
    "entities.create": entities.CreateEntityRequest,
    "entities.get": entity_reads.GetEntityRequest,
    "entities.list": entity_reads.ListEntitiesRequest,
    "entities.update": entities.UpdateEntityRequest,
    "entities.delete": entity_reads.DeleteEntityRequest,
    "features.create": features.CreateFeatureRequest,
    "features.get": features.GetFeatureRequest,
    "features.list": features.ListFeaturesRequest,
    "features.update": features.UpdateFeatureRequest,
    "features.delete": features.DeleteFeatureRequest,
    "plans.create": plans.CreatePlanRequest,
    "plans.get": plans.GetPlanRequest,
    "plans.list": plans.ListPlansRequest,
    "plans.update": plans.UpdatePlanRequest,
    "plans.delete": plans.DeletePlanRequest,
    "balances.check": checking.CheckRequest,
    "balances.track": tracking.TrackRequest,
    "balances.batch_track": tracking.TrackRequest,
    "balances.create": granting.CreateBalanceRequest,
    "balances.update": granting.UpdateBalanceRequest,
    "balances.delete": editing.DeleteBalanceRequest,
    "balances.finalize": locks.FinalizeRequest,
    "rewards.create": rewards.CreateRewardRequest,
    "rewards.get": rewards.RewardRequest,
    "rewards.list": rewards.ListRewardsRequest,
    "rewards.update": rewards.UpdateRewardRequest,
    "rewards.delete": rewards.RewardRequest,
    "rewards.redeem": rewards.RedeemRequest,
    "events.list": events.ListEventsRequest,
    "events.aggregate": aggregates.AggregateEventsRequest,
}


@pytest.mark.parametrize("operation", MODELS)
def test_no_field_of_the_contract_is_dropped_unread(operation: str) -> None:
    known = {field.alias or name for name, field in MODELS[operation].model_fields.items()}

    assert wire.request_fields(operation) <= known
