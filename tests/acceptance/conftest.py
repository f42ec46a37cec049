"""Every case begins with the catalogue and a customer that holds nothing."""

from collections.abc import Iterator

import boto3
import pytest

from orchard.gateways import aws
from orchard.store.table import Table
from tests.acceptance import catalogue
from tests.acceptance.world import CUSTOMER, World
from tests.conftest import Call, Clock

PUBLISHED = "before-parameter-build.events.PutEvents"


@pytest.fixture
def world(call: Call, clock: Clock, table: Table) -> Iterator[World]:
    world = World(call, clock, table)
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register(PUBLISHED, world.bus.hear)
    aws.forget()
    catalogue.create(world)
    world.done("customers.get_or_create", customer_id=CUSTOMER)
    yield world
    boto3.DEFAULT_SESSION.events.unregister(PUBLISHED, world.bus.hear)
    aws.forget()
