"""Fits and corpora on a real cluster of processes, of which one is killed."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from joblib import parallel_config

from delssome import (
    CMAES,
    MeanFieldFitter,
    PopulationFitter,
    Simulator,
    Verification,
)
from delssome.datasets import make_cohort
from delssome.simulation import Acquisition
from delssome.surrogate import CorpusSettings, build_corpus, synthetic_group

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::delssome.exceptions.SurrogateDomainWarning"),
    pytest.mark.filterwarnings("ignore::delssome.exceptions.OutOfRangeWarning"),
]

SCAN = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)


@pytest.fixture(scope="module")
def cluster():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
        parallel_config(backend="dask"),
    ):
        # What workers import and compile first takes longer than the work here.
        client.run(lambda: __import__("delssome").__name__)
        yield client


def kill_a_busy_worker(client, killed, done):
    """Kill one that works at the moment, as soon as there is one."""
    while not (killed or done.is_set()):
        busy = [worker for worker, tasks in client.processing().items() if tasks]
        if busy:
            pids = client.run(os.getpid, workers=busy[:1])
            os.kill(next(iter(pids.values())), signal.SIGKILL)
            killed.append(busy[0])
        time.sleep(0.01)


def test_a_population_survives_the_loss_of_a_worker(cluster):
    cohort = make_cohort(6, 8, acquisition=SCAN, n_fcd_bins=50, random_state=0)
    fitter = MeanFieldFitter(
        cohort.maps,
        None,
        acquisition=SCAN,
        search=CMAES(popsize=8, max_iter=20),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=2),
        n_fcd_bins=50,
        random_state=0,
    )
    killed, done = [], threading.Event()
    killer = threading.Thread(target=kill_a_busy_worker, args=(cluster, killed, done))
    killer.start()
    try:
        population = PopulationFitter(fitter).fit(cohort.X)
    finally:
        done.set()
        killer.join()
    assert len(killed) == 1
    assert population.failures_ == {}
    with parallel_config(backend="sequential"):
        expected = PopulationFitter(fitter).fit(cohort.X)
    np.testing.assert_array_equal(population.params_, expected.params_)
    np.testing.assert_array_equal(population.ei_ratio_, expected.ei_ratio_)


def test_a_corpus_is_built_on_a_cluster(cluster, tmp_path):
    settings = CorpusSettings(
        popsize=8,
        n_generations=3,
        n_spread=12,
        n_edge=4,
        n_samples=2,
        n_simulated=3,
        n_repeats=2,
    )
    scan = Acquisition(tr=2.0, n_frames=60, window=15, burn_in=20.0, warm_up=6.0)
    given = {"n_rois": 10, "n_subjects": 2, "acquisition": scan}
    groups = [(synthetic_group, given | {"seed": seed}) for seed in range(2)]
    there = build_corpus(tmp_path / "cluster", groups, settings)
    with parallel_config(backend="sequential"):
        here = build_corpus(tmp_path / "here", groups, settings)
    hashes = [[shard["sha256"] for shard in made.shards] for made in (there, here)]
    assert hashes[0] == hashes[1]
