"""Every case begins with the catalogue and a customer that holds nothing."""

from collections.abc import Iterator

import boto3
import pytest

from orchard.gateways import aws
from orchard.store.table import Table
from tests.acceptance import catalogue
from tests.acceptance.world import CUSTOMER, World
from tests.conftest import Call, Clock

BUS, REQUESTS = "orchard-acceptance", "before-parameter-build.events.PutEvents"


@pytest.fixture
def world(
    call: Call, clock: Clock, table: Table, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    world = World(call, clock, table)
    monkeypatch.setenv("EVENT_BUS_NAME", BUS)
    client = boto3.client("events")
    client.create_event_bus(Name=BUS)
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register(REQUESTS, world.bus.hear)
    aws.forget()
    catalogue.create(world)
    world.done("customers.get_or_create", customer_id=CUSTOMER)
    yield world
    boto3.DEFAULT_SESSION.events.unregister(REQUESTS, world.bus.hear)
    client.delete_event_bus(Name=BUS)
    aws.forget()
