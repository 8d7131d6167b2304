"""Users without a name, a home, or anything that they may write."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from delssome.observables import fcd_cdf
from delssome.simd.cache import cache_folder

# May read all, as who starts the tests may, but writes nothing and has no name.
NOBODY = [
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--clear-groups",
    *(f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps")),
    "--bounding-set=-all,+dac_read_search",
]


def can_become_nobody():
    """Root can, where a container has left it the right."""
    if shutil.which("setpriv") is None:
        return False
    return subprocess.run([*NOBODY, "true"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(
    not can_become_nobody(), reason="needs a user who may become another"
)


def run(*command, **given):
    surroundings = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "DELSSOME_CACHE", "MPLCONFIGDIR")
    }
    done = subprocess.run(
        [*NOBODY, sys.executable, "-B", *command],
        env=surroundings | given,
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    return done


HOMES = [{}, {"HOME": "/nonexistent"}]

COMPILED = """
import logging, os, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
import numpy as np
from delssome import PopulationFitter
from delssome.observables import fcd_cdf
print(os.getuid(), fcd_cdf(np.random.default_rng(0).normal(size=(20, 4)), 5, 10).sum())
"""


def answer():
    return fcd_cdf(np.random.default_rng(0).normal(size=(20, 4)), 5, 10).sum()


@pytest.mark.parametrize("home", HOMES, ids=["none", "missing"])
def test_code_is_compiled_in_memory_with_one_line_of_log(home):
    done = run("-c", COMPILED, **home)
    user, found = done.stdout.split()
    assert user == "54321"
    assert float(found) == answer()
    assert done.stderr.count("Compiled code is not kept") == 1


def test_compiled_code_of_another_user_is_read(tmp_path):
    """A folder that an administrator has filled serves those who may not write it."""
    answer()
    shutil.copytree(cache_folder(), tmp_path / "cache")
    done = run("-c", COMPILED, DELSSOME_CACHE=str(tmp_path / "cache"))
    assert float(done.stdout.split()[1]) == answer()
    assert done.stderr == ""


@pytest.mark.parametrize("home", HOMES, ids=["none", "missing"])
def test_the_command_line_helps_anybody(home):
    done = run("-m", "delssome", "demo", "--help", **home)
    assert "--out" in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_anybody_fits(tmp_path):
    """From the shell, with figures, in a folder that is the only one to be written."""
    rng = np.random.default_rng(0)
    counts = np.triu(rng.integers(50, 500, (6, 6)), 1)
    np.savetxt(tmp_path / "sc.csv", counts + counts.T, delimiter=",")
    np.savetxt(tmp_path / "bold.csv", rng.normal(size=(60, 6)), delimiter=",")
    data = ["--sc", tmp_path / "sc.csv", "--bold", tmp_path / "bold.csv", "--tr", "2"]
    small = {"window": 15, "burn-in": 10, "warm-up": 1}
    small |= {"popsize": 8, "max-iter": 2, "n-finalists": 2, "n-repeats": 1}
    options = [text for k, v in small.items() for text in (f"--{k}", str(v))]
    # Folders of pytest are closed to others.
    with TemporaryDirectory() as place:
        os.chown(place, 54321, 54321)
        run("-m", "delssome", "fit", *data, *options, "--out", f"{place}/out")
        assert (Path(place) / "out" / "report.html").exists()
