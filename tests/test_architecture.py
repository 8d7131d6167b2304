"""The rules that source, imports and installation keep."""

import importlib
import inspect
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import tomllib
import venv
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


def test_warnings_go_to_who_listens():
    """By `delssome.saying.warn`: what others catch, all threads share."""
    said = {
        path.name
        for path in (ROOT / "delssome").rglob("*.py")
        if "warnings.warn(" in path.read_text()
    }
    assert said == {"saying.py"}


def test_files_are_short():
    long = {
        str(path.relative_to(ROOT)): n_lines
        for path in (ROOT / "delssome").rglob("*.py")
        if (n_lines := len(path.read_text().splitlines())) > 400
    }
    assert not long


def reference():
    """Give what the API reference lists, (module, name) of every entry."""
    listed, module = [], ""
    for line in (ROOT / "doc" / "api.rst").read_text().splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split()[-1]
        elif found := re.fullmatch(r"   (\w+)", line):
            listed.append((module, found[1]))
    return listed


def test_every_entry_of_the_reference_has_an_example():
    """Exceptions excepted: they need none."""
    entries = {
        f"{module}.{name}": getattr(importlib.import_module(module), name)
        for module, name in reference()
        if module != "delssome.exceptions"
    }
    assert "delssome.MeanFieldFitter" in entries  # the page is read as it is written
    # An example of a base class says nothing of what is derived from it.
    documents = {name: inspect.cleandoc(x.__doc__ or "") for name, x in entries.items()}
    assert not [
        name
        for name, document in documents.items()
        if "\n\nExamples\n--------\n" not in document
    ]


COMPILED = """
import numpy as np
from delssome.observables import fcd_cdf
fcd_cdf(np.random.default_rng(0).standard_normal((20, 4)), 5, 10)
"""


def readme_commands():
    """The commands of the README's two install blocks, in their order."""
    text = (ROOT / "README.md").read_text()
    return re.findall(r"```bash\n(pip install .+)\n```", text)


def test_ci_runs_both_commands_of_the_readme_in_their_order():
    first, second = readme_commands()
    script = (ROOT / ".ci" / "run").read_text()
    assert "delssome demo" in first
    assert second == 'pip install -c constraints.txt -e ".[test]" && python -m pytest'
    assert 0 < script.index(first.partition(" --out")[0]) < script.index(second)


@pytest.mark.slow
def test_both_installs_of_the_readme_one_after_the_other_leave_a_package(tmp_path):
    """An editable install after one that ran imports from anywhere."""
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    # What is installed beside the tests serves as the index: no download.
    site = next((environment / "lib").glob("python*/site-packages"))
    here = [p for p in sys.path if p.endswith("site-packages")]
    (site / "installed.pth").write_text("\n".join(here))
    source = tmp_path / "source"
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(".git", "runs", "*.egg-info", "__pycache__"),
    )
    cache = {"DELSSOME_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    surroundings = {**os.environ, **cache, "OMP_NUM_THREADS": "1"}

    def run(*command):
        done = subprocess.run(
            [python, *command],
            cwd=tmp_path,
            env=surroundings,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    install = ("-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation")
    prefix = f"--prefix={environment}"
    run(*install, "--ignore-installed", prefix, str(source))
    assert (site / "delssome").is_dir()
    run("-c", COMPILED)
    assert [*site.rglob("delssome/**/*.nb?")] == []
    assert [*(tmp_path / "cache").rglob("*.nbc")]
    # What pip does first when it installs in place of it.
    run("-m", "pip", "uninstall", "-q", "-y", "delssome")
    assert not (site / "delssome").exists()
    run(*install, "--ignore-installed", prefix, "-e", str(source))
    where = run("-c", "import delssome; print(delssome.__file__); delssome.FIC()")
    assert where.strip() == str(source / "delssome" / "__init__.py")
    assert "delssome" in run("-m", "delssome", "--version")


def modules_after(code):
    """Modules in a fresh interpreter after some code."""
    code = f"import sys; {code}; import json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import delssome",
        "from delssome.cli import main; main(['--help'])",
        "from delssome.cli import main; main(['fit', '--help'])",
        "from delssome import FIC, MFM, pack_subjects",
    ],
)
def test_import_and_help_load_nothing_heavy(code):
    loaded = modules_after(code)
    assert not loaded & {"torch", "skorch", "numba", "matplotlib"}


@pytest.mark.slow
def test_import_costs_at_most_what_scikit_learn_costs():
    def seconds(command):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *command], check=True, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - start

    commands = {
        "sklearn": ["-c", "import sklearn"],
        "import": ["-c", "import delssome"],
        "help": ["-m", "delssome", "--help"],
    }
    rounds = [{k: seconds(c) for k, c in commands.items()} for _ in range(5)]
    middle = {k: statistics.median(r[k] for r in rounds) for k in commands}
    assert middle["import"] <= 1.25 * middle["sklearn"]
    assert middle["help"] <= 1.25 * middle["sklearn"]


def test_oldest_versions_are_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    stated = [
        *project["dependencies"],
        *(text for name in ("files", "study", "distributed") for text in extras[name]),
    ]
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
