"""Every field that the wire contract lets a caller send is known to the request model."""

import pytest
from pydantic import ValidationError

from orchard.contracts import (
    aggregates,
    checking,
    deletion,
    editing,
    entities,
    entity_reads,
    events,
    features,
    granting,
    invoices,
    locks,
    plans,
    rewards,
    tracking,
)
from orchard.contracts.billing import attach, hosted, multi_attach, update
from orchard.contracts.request import Request
from orchard.errors import Invalid
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
    "customers.delete": deletion.DeleteCustomerRequest,
    "billing.attach": attach.AttachRequest,
    "billing.preview_attach": attach.AttachRequest,
    "billing.multi_attach": multi_attach.MultiAttachRequest,
    "billing.preview_multi_attach": multi_attach.MultiAttachRequest,
    "billing.open_customer_portal": hosted.OpenCustomerPortalRequest,
    "billing.setup_payment": hosted.SetupPaymentRequest,
    "billing.update": update.UpdateRequest,
    "billing.preview_update": update.UpdateRequest,
    "invoices.list": invoices.ListInvoicesRequest,
    "invoices.insert": invoices.InsertInvoicesRequest,
    "rewards.create": rewards.CreateRewardRequest,
    "rewards.get": rewards.RewardRequest,
    "rewards.list": rewards.ListRewardsRequest,
    "rewards.update": rewards.UpdateRewardRequest,
    "rewards.delete": rewards.RewardRequest,
    "rewards.redeem": rewards.RedeemRequest,
    "events.list": events.ListEventsRequest,
    "events.aggregate": aggregates.AggregateEventsRequest,
}

#: What is not done: a request that asks for it is refused, and never half obeyed.
REFUSED = {
    "enable_plan_immediately": True,
    "license_quantities": [{"plan_id": "seat", "quantity": 2}],
    "processor_subscription_id": "sub_1",
    "remove_plan_ids": ["free"],
    "tax_rate_id": "txr_1",
}


@pytest.mark.parametrize("operation", MODELS)
def test_no_field_of_the_contract_is_dropped_unread(operation: str) -> None:
    known = {field.alias or name for name, field in MODELS[operation].model_fields.items()}

    unread = wire.request_fields(operation) - known
    assert unread <= REFUSED.keys()
    for name in unread:
        sent = {"customer_id": "user_1", "plan_id": "pro", name: REFUSED[name]}
        with pytest.raises((Invalid, ValidationError), match=name):
            MODELS[operation].model_validate(sent)
