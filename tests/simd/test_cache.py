"""Compiled code is kept in the user's cache, never beside the package."""

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import delssome
from delssome.simd import cache

PACKAGE = Path(delssome.__file__).parent


def add(a, b=2.0):
    """Add two numbers."""
    return a + b


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DELSSOME_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def module(tmp_path):
    """Make a module of this source, as an import would."""

    def make(source, name="written"):
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    return make


def code_in(folder):
    return sorted(path.name for path in Path(folder).rglob("*.nb[ic]"))


def test_compiled_code_goes_to_the_folder_that_is_named(folder):
    compiled = cache.kept(nogil=True)(add)
    assert code_in(folder) == []
    assert compiled(1.0, 3.0) == 4.0
    assert len(code_in(folder)) == 2  # an index and the code
    assert code_in(Path(__file__).parent) == []


def test_compiled_code_is_found_again(folder):
    cache.kept()(add)(1.0, 3.0)
    again = cache.kept()(add)
    assert again(2.0, 3.0) == 5.0
    assert sum(again.stats.cache_hits.values()) == 1
    assert sum(again.stats.cache_misses.values()) == 0


def test_it_is_told_whether_code_is_there(folder):
    first = cache.kept()(add)
    assert not cache.is_kept(first)
    first(1.0, 3.0)
    assert cache.is_kept(first)
    assert cache.is_kept(cache.kept()(add))  # on disk, before it is called


SOURCE = "def twice(x):\n    return {factor} * x\n"


def test_a_changed_source_is_compiled_anew(folder, module):
    old = cache.kept()(module(SOURCE.format(factor=2)).twice)
    assert old(1.0) == 2.0
    changed = cache.kept()(module(SOURCE.format(factor=3)).twice)
    assert not cache.is_kept(changed)
    assert changed(1.0) == 3.0


def test_a_change_in_what_is_called_is_compiled_anew(folder, module):
    """Modules of which compiled functions are called count as sources."""
    caller = module(SOURCE.format(factor=2), "caller")
    called = module("FACTOR = 2\n", "called")
    first = cache.kept(called)(caller.twice)
    first(1.0)
    called = module("FACTOR = 3\n", "called")
    assert not cache.is_kept(cache.kept(called)(caller.twice))


def test_other_options_are_compiled_anew(folder):
    cache.kept()(add)(1.0, 3.0)
    assert not cache.is_kept(cache.kept(fastmath=True)(add))


def test_the_tag_stands_for_sources_in_their_order():
    assert cache.tag_of(["a", "b"]) == cache.tag_of(iter(["a", "b"]))
    tags = {cache.tag_of(s) for s in (["a", "b"], ["b", "a"], ["a"], ["ab"])}
    assert len(tags) == 4


def test_another_version_of_numba_has_another_tag(monkeypatch):
    before = cache.tag_of(["a"])
    monkeypatch.setattr(cache.numba, "__version__", "0.0")
    assert cache.tag_of(["a"]) != before


def test_a_moved_function_is_the_same_but_for_its_file(tmp_path):
    moved = cache.moved(add, tmp_path / "elsewhere.py")
    assert moved(1.0) == add(1.0)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__defaults__"):
        assert getattr(moved, name) == getattr(add, name)
    assert moved.__code__.co_filename == str(tmp_path / "elsewhere.py")
    assert add.__code__.co_filename == __file__


def test_without_a_name_the_folder_is_in_the_user_s_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("DELSSOME_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / ".cache" / "delssome"


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path, monkeypatch, caplog):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("DELSSOME_CACHE", str(tmp_path / "a file"))
    with caplog.at_level(logging.INFO, logger="delssome"):
        compiled = cache.kept()(add)
    assert "not kept" in caplog.text
    assert compiled(1.0, 3.0) == 4.0
    assert os.listdir(tmp_path) == ["a file"]


def test_a_user_without_a_home_is_no_obstacle(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("DELSSOME_CACHE", raising=False)
    monkeypatch.setattr(Path, "home", staticmethod(homeless))
    assert cache.stamp("add", "tag", "") is None
    assert cache.kept()(add)(1.0, 3.0) == 4.0


RUN = """
import numpy as np
import delssome
from delssome.models import FIC, Candidates
from delssome.observables import fcd_histogram
from delssome.simulation import Acquisition, simulate

scan = Acquisition(tr=0.3, n_frames=30, window=3, burn_in=0, warm_up=0)
given = {"w_EE": [1.0], "w_EI": [1.0], "G": [1.0], "sigma": [0.001]}
candidates = Candidates(FIC(), given, np.zeros((4, 4)))
bold = simulate(candidates, scan, [[0, 1]]).bold
print(fcd_histogram(bold, 3, 10).sum(), bold.sum(), delssome.__file__)
"""


def run(place, folder):
    """Run what is compiled in another process, from a copy of the package."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", RUN],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place), "DELSSOME_CACHE": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *numbers, file = done.stdout.split()
    assert Path(file).parent == place / "delssome"
    return np.array(numbers, dtype=float)


@pytest.mark.slow
def test_nothing_is_written_beside_the_package(tmp_path):
    site = tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, site / "delssome", ignore=ignored)
    before = sorted(site.rglob("*"))
    numbers = run(site, tmp_path / "cache")
    assert sorted(site.rglob("*")) == before
    for kind in ("kernel-*", "fcd-*"):
        assert list((tmp_path / "cache").glob(f"{kind}/__pycache__/*.nbc"))
    # Where nothing may be kept, the answer is the same.
    (tmp_path / "a file").write_text("")
    np.testing.assert_array_equal(run(site, tmp_path / "a file"), numbers)
    assert sorted(site.rglob("*")) == before


def test_no_compiled_code_lies_in_the_package():
    assert code_in(PACKAGE) == []
