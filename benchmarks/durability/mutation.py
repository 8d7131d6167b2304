"""Mutants that the tests kill: whether tests see it if a line says something else.

A row is a mutant: a number, a sign, a comparison, a loop, a condition of a file changed
by an operator of cosmic-ray (extra ``[benchmarks]``), in a copy of the package. It is
killed if one of the quick tests of its module fails or takes far longer than usual.
`_mutants.py` has the rules by which mutants are drawn, and which of them are left out.

Of each module `--seeds` mutants are tried, one of each place in a line first. The
libraries are loaded once: every mutant has a process of its own, forked from there.
"""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _run import ROOT, MissingError, each, installed, main, table
from durability._mutants import draw

# Of each module: its files, and the tests that are meant for it.
MODELS = ("base", "published", "fic", "mfm", "candidates", "steady", "space")
MODULES = {
    "connectome": (["delssome/connectome/*.py"], ["tests/connectome"]),
    "costs": (["delssome/costs.py"], ["tests/test_costs.py"]),
    "observables": (["delssome/observables/*.py"], ["tests/observables"]),
    "models": (
        ["delssome/models/[!s]*.py", "delssome/models/steady.py"],
        [f"tests/models/test_{name}.py" for name in MODELS]
        + ["tests/models/test_contract.py::test_the_fixed_point_rests"],
    ),
    "space": (["delssome/models/space.py"], ["tests/models/test_space.py"]),
    "closure": (["delssome/theory/closure.py"], ["tests/theory/test_closure.py"]),
    "store": (
        ["delssome/fitting/store.py", "delssome/fitting/journal.py"],
        ["tests/fitting/test_store.py", "tests/fitting/test_journal.py"],
    ),
}
OPTIONS = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
OPTIONS += ["-W", "ignore:Module already imported"]  # once for all
# Seconds beyond a few times those of the tests, after which a mutant does not end.
PATIENCE = 20
KILLED, SURVIVED, ENDLESS = "killed", "survived", "endless"


class Copy:
    """A copy of the package and its tests, in which mutants of a module are tried."""

    def __init__(self, module):
        if installed("cosmic-ray") is None:
            raise MissingError('cosmic-ray is not there: pip install ".[benchmarks]"')
        patterns, tests = MODULES[module]
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name) / "main"
        for name in ("delssome", "tests"):
            leave = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.root / name, ignore=leave)
        shutil.copy(ROOT / "pyproject.toml", self.root)
        if (shared := ROOT.parent / "shared").exists():
            (self.root.parent / "shared").symlink_to(shared.resolve())
        self.files = [
            path.relative_to(self.root).as_posix()
            for pattern in patterns
            for path in sorted(self.root.glob(pattern))
        ]
        self.tests = [*tests, *self.files]  # doctests, too
        whole = [self.root / test for test in tests if "::" not in test]
        self.own = [
            path.relative_to(self.root).as_posix()
            for test in whole
            for path in ([test] if test.is_file() else test.rglob("test_*.py"))
        ]
        self.mutants = draw(self.root, self.files)
        self.drawn = []
        self._warm_up()

    def _warm_up(self):
        """Load what the tests load, and see that they pass as they are."""
        said = self.root.parent / "modules.json"
        passed = self._tests(self.tests, 600, said) == SURVIVED  # compiles, once
        if passed:
            for name in json.loads(said.read_text()):
                with suppress(ImportError):  # what tests made themselves
                    importlib.import_module(name)
            start = time.perf_counter()
            passed = self._tests(self.tests, 600) == SURVIVED
            self.limit = int(PATIENCE + 4 * (time.perf_counter() - start))
        if not passed:
            raise RuntimeError(f"{self.tests} fail without any mutant.")

    def mutant(self, k):
        """Give mutant k and its source, None if there are no more."""
        self.drawn += islice(self.mutants, max(0, k + 1 - len(self.drawn)))
        return self.drawn[k] if k < len(self.drawn) else None

    def outcome(self, mutant, source):
        """Run the tests against a mutant."""
        file = self.root / mutant.file
        before = file.read_text()
        own = [path for path in self.own if path.endswith(f"/test_{file.stem}.py")]
        file.write_text(source)
        try:
            return self._tests([*own, *self.tests], self.limit)
        finally:
            file.write_text(before)

    def _tests(self, tests, limit, said=None):
        """Run tests in a process of its own that begins here."""
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                late = os.WTERMSIG(status) == signal.SIGALRM
                return ENDLESS if late else KILLED
            return KILLED if os.WEXITSTATUS(status) else SURVIVED
        code = 1
        try:
            os.setsid()
            signal.alarm(limit)  # nobody handles it: the end
            os.chdir(self.root)
            os.environ["DELSSOME_CACHE"] = str(self.root.parent / "cache")
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            sys.path.insert(0, str(self.root))
            sys.dont_write_bytecode = True
            import pytest

            code = int(pytest.main([*OPTIONS, *tests]))
            if said:
                said.write_text(json.dumps(_libraries(self.root)))
        finally:
            os._exit(code)


def _libraries(root):
    """Name what is loaded beside the package and its tests."""
    return [
        name
        for name, module in sys.modules.items()
        if name.partition(".")[0] not in ("delssome", "tests", "conftest", "__main__")
        and not str(getattr(module, "__file__", None) or root).startswith(str(root))
    ]


@cache
def copy_of(module):
    return Copy(module)


def measure(run, module, seed):
    copy = copy_of(module)
    if (found := copy.mutant(seed)) is None:
        return None
    mutant, source = found
    line = (copy.root / mutant.file).read_text().splitlines()[mutant.line - 1]
    return {
        "file": mutant.file,
        "line": mutant.line,
        "operator": mutant.operator,
        "before": line.strip(),
        "after": source.splitlines()[mutant.line - 1].strip(),
        "outcome": copy.outcome(mutant, source),
    }


def score(rows):
    return sum(row["outcome"] != SURVIVED for row in rows) / len(rows)


def tables(rows):
    lines = []
    for module, own in (*each(rows, "module").items(), ("all", rows)):
        counts = [
            sum(row["outcome"] == kind for row in own)
            for kind in (KILLED, ENDLESS, SURVIVED)
        ]
        lines.append(
            " | ".join([module, *map(str, [len(own), *counts]), f"{score(own):.0%}"])
        )
    return table("module | mutants | killed | endless | survived | score", lines)


def summary(rows):
    return {
        "mutation_score": score(rows),
        "by_module": {
            module: score(own) for module, own in each(rows, "module").items()
        },
    }


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(measure, tables, summary=summary, seeds=80, module=MODULES)
