import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "command",
    [
        ["-c", "from importlinter.cli import lint_imports_command as c; c()"],
        ["-m", "ruff", "check", "--no-cache", "."],
        ["-m", "ruff", "format", "--no-cache", "--check", "."],
        ["-m", "codespell_lib", "delssome", "doc", "tests", "benchmarks", "examples"],
        ["-m", "mypy", "--cache-dir", os.devnull],
    ],
    ids=["import contracts", "lint", "format", "spelling", "types"],
)
def test_source_keeps_the_rules(command):
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_and_ci_run_the_same_test_command():
    command = 'pip install -c constraints.txt -e ".[test]" && python -m pytest'
    assert command in (ROOT / "README.md").read_text()
    assert command in (ROOT / ".ci" / "run").read_text()


def test_import_does_not_load_what_only_plots_need():
    code = "import delssome, sys; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_oldest_versions_are_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    stated = [*project["dependencies"], *extras["study"], *extras["distributed"]]
    bounds = dict(re.match(r"([\w-]+)>=([\d.]+)", text).groups() for text in stated)
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints-oldest.txt").read_text().split()
        if "==" in line
    )
    # Older builds of torch for the CPU alone are not on the index.
    del bounds["torch"], pinned["torch"]
    for name, bound in bounds.items():
        assert pinned[name].startswith(bound), name
