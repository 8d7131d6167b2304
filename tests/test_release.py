"""What is released: one version, whole archives, commands that make them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def function_of_ci(name):
    """Bash that defines a function of `.ci/run`."""
    script = (ROOT / ".ci" / "run").read_text()
    return re.search(rf"(?ms)^{name}\(\) {{\n.+?^}}\n", script).group()


def test_ci_passes_by_other_pythons_that_do_not_run(tmp_path):
    """As shims of versions that are not there do not."""
    (tmp_path / "copy" / "main").mkdir(parents=True)
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in [*(f"python3.{k}" for k in range(11, 15)), "pyenv"]:
        (commands / name).write_text("#!/bin/sh\nexit 127\n")
        (commands / name).chmod(0o755)
    setting = f'folder={tmp_path} PATH="{commands}:$PATH"\n'
    code = f"{setting}{function_of_ci('others')}others"
    subprocess.run(["bash", "-c", code], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["commands", "copy"]
