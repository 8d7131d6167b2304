"""What is released: one version, whole archives, commands that make them."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from delssome import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_citation_and_change_log_name_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    log = (ROOT / "doc" / "whats_new.rst").read_text()
    assert re.search(r"^Version (\S+)", log, re.MULTILINE)[1] == __version__


@pytest.mark.parametrize(
    ("tag", "agrees"),
    [(f"v{__version__}", True), (__version__, False), (f"v{__version__}.1", False)],
)
def test_a_tag_of_another_version_is_not_released(tag, agrees):
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    steps = workflow["jobs"]["build"]["steps"]
    (check,) = (step["run"] for step in steps if "GITHUB_REF_NAME" in str(step))
    done = subprocess.run(
        ["bash", "-e", "-c", check],
        cwd=ROOT,
        env={**os.environ, "GITHUB_REF_NAME": tag},
        capture_output=True,
        text=True,
    )
    assert (done.returncode == 0) is agrees
    assert agrees or (tag in done.stdout and __version__ in done.stdout)


def checkout():
    """Files of the checkout, without what git ignores."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a checkout")
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def test_the_source_archive_is_the_checkout(tmp_path):
    source, here = tmp_path / "source", checkout()
    for name in here:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    # What tests, documentation, builds and fits leave behind.
    for name in (
        "build/lib/delssome/gone.py",
        "delssome-demo/report.html",
        "doc/_build/index.html",
        "doc/auto_examples/plot.rst",
        "doc/generated/page.rst",
        "doc/sg_execution_times.rst",
        "runs/data.npz",
        "tests/.hypothesis/constants/seen",
        "tests/__pycache__/test.cpython-311.pyc",
    ):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("left behind\n")
    code = "from setuptools import build_meta; build_meta.build_sdist('..')"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True)
    with tarfile.open(tmp_path / f"delssome-{__version__}.tar.gz") as archive:
        files = {m.name.partition("/")[2] for m in archive if m.isfile()}
    made = {name for name in files if name == "PKG-INFO" or ".egg-info/" in name}
    assert files - made == here


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
