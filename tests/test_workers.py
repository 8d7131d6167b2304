"""Processes of workers: they end with who started them."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from joblib import delayed, parallel_config

import delssome
from delssome import workers
from delssome.workers import Parallel

PACKAGE = Path(delssome.__file__).parent


def described(x):
    return x, os.getpid()


@pytest.mark.parametrize("return_as", ["list", "generator"])
def test_results_come_in_their_order(return_as):
    found = Parallel(2, return_as=return_as)(delayed(described)(x) for x in range(5))
    assert [x for x, _ in found] == list(range(5))


def test_nothing_is_watched_where_nothing_is_started(monkeypatch):
    """In threads, or in a program that was started by another, which may go on."""
    monkeypatch.setattr(workers, "_end_with", lambda _: pytest.fail("watched"))
    for backend in ("sequential", "threading"):
        with parallel_config(backend=backend):
            found = Parallel(2)(delayed(described)(x) for x in range(3))
        assert found == [(x, os.getpid()) for x in range(3)]


def test_all_that_is_shared_goes_this_way():
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "workers.py":
            text = path.read_text()
            assert not re.search(r"joblib\.Parallel|import .*\bParallel.*joblib", text)
            assert not re.search(r"from joblib import .*\bParallel\b", text), path


WORK = """
import os, sys, time
from pathlib import Path
from joblib import delayed, parallel_config
from delssome.workers import Parallel

def work(folder):
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(120)

with parallel_config(backend=sys.argv[2]):
    Parallel(2)(delayed(work)(sys.argv[1]) for _ in range(2))
"""

POPULATION = """
from delssome import Acquisition, CMAES, MeanFieldFitter, PopulationFitter
from delssome.datasets import make_cohort

scan = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)
cohort = make_cohort(2, 8, acquisition=scan, n_fcd_bins=50, random_state=0)
search = CMAES(popsize=50, max_iter=10**5)
fitter = MeanFieldFitter(cohort.maps, None, acquisition=scan, search=search,
                         n_fcd_bins=50, random_state=0)
PopulationFitter(fitter, n_jobs=2).fit(cohort.X)
"""


def exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that ended, but that nobody has asked for, is no process any more.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def until(reached, seconds):
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        time.sleep(0.1)
    return reached()


def children(pid):
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")


@linux
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_workers_of_who_is_killed_end(tmp_path, backend):
    code = WORK
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), backend])
    try:
        assert until(lambda: len(os.listdir(tmp_path)) == 2, 60)
        started = [int(name) for name in os.listdir(tmp_path)]
        assert all(map(exists, started))
    finally:
        parent.kill()
        parent.wait()
    try:
        assert until(lambda: not any(map(exists, started)), 10)
    finally:
        for pid in filter(exists, started):
            os.kill(pid, signal.SIGKILL)


@linux
@pytest.mark.slow
def test_workers_of_a_population_that_is_killed_end():
    parent = subprocess.Popen([sys.executable, "-c", POPULATION])
    try:
        busy = []
        assert until(lambda: len(children(parent.pid)) >= 3, 120)  # and a tracker
        time.sleep(15)  # into their fits
        busy = children(parent.pid)
        assert parent.poll() is None
    finally:
        parent.kill()
        parent.wait()
    try:
        assert until(lambda: not any(map(exists, busy)), 10)
    finally:
        for pid in filter(exists, busy):
            os.kill(pid, signal.SIGKILL)
