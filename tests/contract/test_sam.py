"""What the SAM CLI itself says about the template."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness import ROOT, template


def test_sam_finds_nothing_wrong_with_the_template() -> None:
    sam = str(Path(sys.executable).with_name("sam"))
    command = [sam, "validate", "--lint", "--template-file", str(ROOT / "template.yaml")]

    done = subprocess.run(
        [*command, "--region", "us-east-1"],
        env={**os.environ, "SAM_CLI_TELEMETRY": "0", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout + done.stderr


def test_a_change_of_a_layer_publishes_every_function_anew() -> None:
    """Without both settings the API would stay on the layers it began with."""
    declared = template()
    layers = [
        resource["Properties"]
        for resource in declared["Resources"].values()
        if resource["Type"] == "AWS::Serverless::LayerVersion"
    ]

    assert declared["Globals"]["Function"]["AutoPublishAliasAllProperties"] is True
    assert len(layers) == 2
    assert all(layer["PublishLambdaVersion"] is True for layer in layers)
