from dataclasses import replace

import numpy as np
import pytest

from delssome import FIC, MFM, Acquisition
from delssome.models import Candidates
from delssome.surrogate import CorpusSettings, corpus_groups, synthetic_group
from delssome.surrogate.circuit.cards import WEIGHTS, read_weights
from delssome.surrogate.corpus.labels import label_group, push_to_edge
from delssome.surrogate.corpus.recipe import N_ROUNDS
from delssome.surrogate.corpus.shards import shard_name
from delssome.theory import close

SCAN = Acquisition(tr=2.0, n_frames=60, window=15, burn_in=20.0, warm_up=6.0)
SETTINGS = CorpusSettings(
    popsize=8,
    n_generations=2,
    n_spread=12,
    n_edge=6,
    n_samples=1,
    n_simulated=2,
    n_repeats=2,
)


@pytest.fixture(scope="module")
def group():
    return synthetic_group(0, n_rois=10, n_subjects=2, acquisition=SCAN)


def test_a_seed_determines_the_labels(group):
    first, again, other = (label_group(group, SETTINGS, seed) for seed in (3, 3, 4))
    for name, values in first.items():
        np.testing.assert_array_equal(again[name], values)
    assert not np.array_equal(first["G"], other["G"])


def test_names_of_shards_and_so_their_seeds_are_those_of_the_shipped_weights():
    _, card = read_weights(WEIGHTS, "circuit")
    groups = [group for k in range(N_ROUNDS) for group in corpus_groups(round=k)]
    assert {f"{shard_name(*group)}.npz" for group in groups} == set(card["shards"])


@pytest.mark.parametrize("model", [FIC(), MFM()], ids=lambda model: model.name)
def test_candidates_of_a_model_are_labelled_with_its_own_names(group, model):
    shard = label_group(replace(group, model=model), SETTINGS, 0)
    n = 8 * 2 + 12
    assert n < len(shard["G"]) <= n + 6  # as many at the edge as there are stable ones
    assert set(model.searched) <= set(shard)
    assert shard[model.regional[0]].shape == (len(shard["G"]), 10)
    assert shard[model.readout_key].shape == (len(shard["G"]), 10)
    assert ("rates" in shard) == (model.rate is not None)
    inside = shard["violation"] == 0
    assert inside.any()
    assert np.isfinite(shard["fc_noise"][inside]).all()
    assert shard["runs_violation"].shape == (2, 2)


def test_candidates_are_pushed_to_the_edge_of_stability(group):
    rng = np.random.default_rng(0)
    n = 12
    params = {
        "w_EE": rng.uniform(1.5, 3.0, (n, 10)),
        "w_EI": rng.uniform(2.0, 3.0, (n, 10)),
        "G": rng.uniform(0.2, 1.0, n),
        "sigma": rng.uniform(0.003, 0.008, (n, 10)),
    }
    params["w_EE"][:2] = 9.5  # unstable
    candidates = Candidates(FIC(), params, group.target.sc)
    pushed = push_to_edge(candidates, SCAN.step, 8, rng)
    assert len(pushed) == 8
    before = close(candidates, SCAN.step, 0).network.decay[:, 0]
    after = close(pushed, SCAN.step, 0).network.decay[:, 0]
    assert (before[:2] < 0).all()
    assert (after > 0).all()
    assert np.median(after) < 0.6 < np.median(before[2:])  # the goal: 0.03 to 0.5
    for name in ("w_EI", "sigma"):  # the others stay
        assert set(pushed.params[name][:, 0]) <= set(params[name][2:, 0])
    assert (pushed.params["G"] <= FIC().G[1]).all()
    assert (pushed.params["w_EE"] <= FIC().w_EE[1]).all()
