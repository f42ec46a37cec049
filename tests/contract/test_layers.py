"""What the layer of dependencies has to hold for our code."""

import runpy
from typing import get_args

from orchard.gateways import aws
from tests.harness import ROOT


def test_the_layer_describes_every_service_that_we_call() -> None:
    kept = runpy.run_path(str(ROOT / "layers" / "dependencies" / "build.py"))["SERVICES"]

    assert kept >= {"dynamodb", "ssm", *get_args(aws.Service.__value__)}
