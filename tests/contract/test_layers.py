"""What the layer of dependencies has to hold for our code."""

import runpy
from pathlib import Path
from typing import get_args

from orchard.gateways import aws
from tests.harness import ROOT


def test_the_layer_describes_every_service_that_we_call() -> None:
    kept = runpy.run_path(str(ROOT / "layers" / "dependencies" / "build.py"))["SERVICES"]

    assert kept >= {"dynamodb", "ssm", *get_args(aws.Service.__value__)}


def test_the_layer_holds_the_binaries_of_both_processors_under_names_of_their_own(
    tmp_path: Path,
) -> None:
    build = runpy.run_path(str(ROOT / "layers" / "dependencies" / "build.py"))
    for processor in build["PROCESSORS"]:
        folder = tmp_path / processor
        folder.mkdir()
        (folder / "_ffi.abi3.so").write_text(processor)
        build["tell_apart"](folder, processor)
        build["overlay"](folder, tmp_path / "layer")

    assert {path.name: path.read_text() for path in (tmp_path / "layer").iterdir()} == {
        "_ffi.cpython-313-aarch64-linux-gnu.so": "aarch64",
        "_ffi.cpython-313-x86_64-linux-gnu.so": "x86_64",
    }
