"""What the SAM CLI itself says about the template."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness import ROOT


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
