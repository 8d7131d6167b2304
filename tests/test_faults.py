"""The disk fails, or the process is killed, at every call: nothing is lost or wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "durability" / "faults.py"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes fork")
@pytest.mark.parametrize("kind", ["population", "checkpoint", "corpus", "report"])
def test_nothing_is_lost_wrong_or_half_there(tmp_path, kind):
    command = [sys.executable, SCRIPT, "--quick", "--kind", kind, "--json"]
    run = subprocess.run(
        [*command, tmp_path / "found.json"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert min(found["injected"], found["kills"]) > 15
    said = ("rows_lost", "rows_wrong", "half_files", "unnamed_errors", "left_behind")
    assert {name: found[name] for name in said} == dict.fromkeys(said, 0), run.stdout
