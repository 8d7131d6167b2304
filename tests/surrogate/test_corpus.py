import numpy as np
import pytest

from delssome import FIC
from delssome.connectome import prepare_sc
from delssome.costs import cost_terms
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import Corpus, simulate_corpus

N_ROIS, N_BINS, N = 5, 30, 6


@pytest.fixture
def made(rng, random_sc, scan):
    params = {
        "w_EE": rng.uniform(1, 2, (N, N_ROIS)),
        "w_EI": rng.uniform(2, 3, (N, N_ROIS)),
        "G": rng.uniform(0.5, 2, N),
        "sigma": rng.uniform(0.001, 0.003, (N, N_ROIS)),
    }
    params["w_EE"][-1] = 10.0  # leaves the range
    params["w_EI"][-1] = 0.5
    sc = prepare_sc(np.array([random_sc(N_ROIS), random_sc(N_ROIS)]))
    fc = rng.uniform(-0.5, 0.8, (4, 10))
    cdf = np.sort(rng.random((4, N_BINS)), axis=1)
    index = np.array([0, 1, 0, 1, 0, 0])
    simulator = SimulationEvaluator(FIC(), scan, n_fcd_bins=N_BINS, n_repeats=1)
    corpus = simulate_corpus(
        simulator, params, sc, fc, cdf, sc_index=index, random_state=1
    )
    return corpus, simulator, params


def test_one_simulation_is_scored_against_every_target(made):
    corpus, simulator, params = made
    assert corpus.costs.shape == (N, 4, 3)
    statistics = simulator.statistics(
        params, corpus.sc[corpus.sc_index], np.random.default_rng(1)
    )
    for t in range(4):
        expected = cost_terms(
            statistics.fc, statistics.fcd_cdf, corpus.fc[t], corpus.fcd_cdf[t]
        )
        np.testing.assert_array_equal(corpus.costs[:, t], expected)
    np.testing.assert_array_equal(corpus.in_range, statistics.violation == 0)
    assert not corpus.in_range[-1]


def test_examples_point_at_the_right_context(made):
    corpus, _, params = made
    X, y, contexts = corpus.cost_examples()
    kept = np.flatnonzero(corpus.in_range)
    assert len(X) == 4 * len(kept)
    row = 4 * 1 + 2  # second candidate kept, third target
    candidate = kept[1]
    np.testing.assert_array_equal(X[row, :N_ROIS], params["w_EE"][candidate])
    np.testing.assert_array_equal(y[row], corpus.costs[candidate, 2])
    target = contexts[int(X[row, -1])]
    np.testing.assert_array_equal(target[10:20], corpus.fc[2])
    np.testing.assert_array_equal(target[20:], corpus.fcd_cdf[2])
    sc = corpus.sc[corpus.sc_index[candidate]]
    connectome = contexts[int(X[row, -2])]
    np.testing.assert_array_equal(connectome[:10], sc[np.triu_indices(N_ROIS, 1)])


def test_diverged_candidates_make_no_cost_example(made):
    corpus, _, _ = made
    corpus.costs[0] = np.nan
    _, y, _ = corpus.cost_examples(in_range_only=False)
    assert len(y) == 4 * (N - 1)
    assert np.isfinite(y).all()


def test_corpora_are_joined_and_survive_a_file(made, tmp_path):
    corpus, _, _ = made
    twice = corpus + corpus
    assert len(twice.params) == 2 * N
    twice.save(tmp_path / "corpus.npz")
    again = Corpus.load(tmp_path / "corpus.npz")
    np.testing.assert_array_equal(again.costs, twice.costs)
    np.testing.assert_array_equal(again.in_range, twice.in_range)


def test_corpora_of_other_targets_are_not_joined(made):
    corpus, _, _ = made
    other = Corpus(**{**vars(corpus), "fc": corpus.fc + 0.1})
    with pytest.raises(ValueError, match="share fc"):
        corpus + other


def test_a_wrong_index_is_named(made):
    corpus, simulator, params = made
    with pytest.raises(ValueError, match="one row of it per candidate"):
        simulate_corpus(
            simulator, params, corpus.sc, corpus.fc, corpus.fcd_cdf, sc_index=[0, 5]
        )
