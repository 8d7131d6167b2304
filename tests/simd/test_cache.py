"""Compiled code is kept in the user's cache, never beside the package."""

import importlib.util
import logging
import os
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import delssome
from delssome import FIC
from delssome.observables import fcd
from delssome.simd import cache
from delssome.simulation import fused
from delssome.surrogate.circuit import algebra

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
    return sorted(path.name for path in Path(folder).rglob("*.nb?"))


def test_compiled_code_goes_to_the_folder_that_is_named(folder):
    compiled = cache.kept(nogil=True)(add)
    assert code_in(folder) == []
    assert compiled(1.0, 3.0) == 4.0
    assert len(code_in(folder)) == 1
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


def test_a_first_call_says_that_it_compiles(folder, caplog):
    caplog.set_level(logging.INFO, logger="delssome")
    compiled = cache.kept()(add)
    cache.announce(compiled, "a sum")
    assert "Compiling a sum: some seconds, once; it is kept in" in caplog.text
    assert str(folder) in caplog.text
    caplog.clear()
    compiled(1.0, 3.0)
    cache.announce(compiled, "a sum")
    cache.announce(cache.kept()(add), "a sum")  # on disk
    assert caplog.text == ""


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


def test_without_a_name_the_folder_is_in_the_user_s_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("DELSSOME_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / ".cache" / "delssome"


@pytest.fixture
def fresh_words():
    """Say again what is said once in a process."""
    cache._say_that_nothing_is_kept.cache_clear()


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    tmp_path, monkeypatch, caplog, fresh_words
):
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("DELSSOME_CACHE", str(tmp_path / "a file"))
    with caplog.at_level(logging.INFO, logger="delssome"):
        compiled = cache.kept()(add)
        cache.announce(compiled, "a sum")
        assert compiled(1.0, 3.0) == 4.0
        assert compiled(1, 3) == 4  # another signature
    first, second = (record.message for record in caplog.records)
    assert first == "Compiling a sum: some seconds."
    assert "not kept" in second
    assert os.listdir(tmp_path) == ["a file"]


def test_a_user_without_a_home_is_no_obstacle(monkeypatch, caplog, fresh_words):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("DELSSOME_CACHE", raising=False)
    monkeypatch.setattr(Path, "home", staticmethod(homeless))
    with caplog.at_level(logging.INFO, logger="delssome"):
        compiled = cache.kept()(add)
        cache.announce(compiled, "a sum")
    assert compiled(1.0, 3.0) == 4.0
    assert "home directory" in caplog.text
    assert "it is kept in" not in caplog.text


def truncated(content):
    return content[:-1]


def flipped(content):
    """Damage that unpickles: within the machine code."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "truncated": truncated,
    "flipped": flipped,
    "empty": lambda _: b"",
    "garbage": lambda _: bytes(range(256)) * 20,
    "another pickle": lambda _: cache._sealed(pickle.dumps([1, "x"])),
    "no pickle": lambda _: cache._sealed(b"words"),
    "a pickle of what is not there": lambda _: cache._sealed(b"cnowhere\nf\n."),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_code_is_made_anew_with_a_word(folder, caplog, damage):
    cache.kept()(add)(1.0, 3.0)
    (file,) = folder.rglob("*.nbc")
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    again = cache.kept()(add)
    assert again(2.0, 3.0) == 5.0
    assert str(file) in caplog.text
    assert sum(again.stats.cache_misses.values()) == 1
    caplog.clear()
    healed = cache.kept()(add)
    assert healed(2.0, 3.0) == 5.0
    assert sum(healed.stats.cache_hits.values()) == 1
    assert caplog.text == ""


def test_a_folder_in_the_place_of_a_file_is_no_obstacle(folder):
    cache.kept()(add)(1.0, 3.0)
    (file,) = folder.rglob("*.nbc")
    file.unlink()
    file.mkdir()
    assert cache.kept()(add)(2.0, 3.0) == 5.0
    assert [p.name for p in file.parent.iterdir()] == [file.name]  # no temporary


def test_all_that_python_calls_is_kept_in_such_files():
    """Numba's own cache believes its files."""
    describe, zero = algebra.describe, algebra.at_frequency_zero
    kernel = fused._kernel(FIC, FIC().derivatives, fused.NARROW)
    for compiled in (describe, zero, fcd._slide, fcd._count, kernel):
        assert isinstance(compiled._cache, cache.Files)
    sources = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert not re.search(r"\bcache\s*=\s*True", sources)


SUM = """
import sys
from delssome.simd import cache
import sums
compiled = cache.kept()(sums.add)
print(compiled({numbers}), sum(compiled.stats.cache_hits.values()))
"""


def test_two_processes_that_compile_at_once_do_not_meet(tmp_path):
    """Also with other signatures, which Numba's own cache may take for each other."""
    (tmp_path / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    given = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{PACKAGE.parent}"}
    given |= {"DELSSOME_CACHE": str(tmp_path / "cache")}

    def start(numbers):
        return subprocess.Popen(
            [sys.executable, "-c", SUM.format(numbers=numbers)],
            env=os.environ | given,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(processes):
        return [process.communicate()[0].split() for process in processes]

    numbers = ["1.0, 2.0", "1.0, 2.0", "1, 2"]
    sums = ["3.0", "3.0", "3"]
    first = said([start(n) for n in numbers])
    assert [value for value, _ in first] == sums
    assert len(list((tmp_path / "cache").rglob("*.*"))) == 2
    second = said([start(n) for n in numbers[1:]])
    assert second == [["3.0", "1"], ["3", "1"]]


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
        assert list((tmp_path / "cache").glob(f"{kind}/*.nbc"))
    # Where nothing may be kept, the answer is the same.
    (tmp_path / "a file").write_text("")
    np.testing.assert_array_equal(run(site, tmp_path / "a file"), numbers)
    assert sorted(site.rglob("*")) == before


def test_no_compiled_code_lies_in_the_package():
    assert code_in(PACKAGE) == []
