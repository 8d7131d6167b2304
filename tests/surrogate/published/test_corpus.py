import numpy as np
import pytest

from delssome import FIC, MFM, Acquisition, Simulator
from delssome.connectome import prepare_sc
from delssome.costs import cost_terms
from delssome.evaluation import Target
from delssome.models import Candidates
from delssome.simulation import SimulationEvaluator
from delssome.surrogate import (
    Corpus,
    CorpusSettings,
    CostPredictor,
    PublishedSurrogate,
    WithinRangeClassifier,
    build_corpus,
    corpus_of_shards,
    simulate_corpus,
    synthetic_group,
)

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
    simulator = SimulationEvaluator(
        FIC(), scan, Simulator(n_repeats=1), n_fcd_bins=N_BINS
    )
    corpus = simulate_corpus(
        simulator, params, sc, fc, cdf, sc_index=index, random_state=1
    )
    return corpus, simulator, params


def test_one_simulation_is_scored_against_every_target(made):
    corpus, simulator, params = made
    assert corpus.costs.shape == (N, 4, 3)
    candidates = Candidates(FIC(), params, corpus.sc[corpus.sc_index])
    statistics = simulator.statistics(candidates, np.random.default_rng(1))
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


def test_candidates_of_any_model_are_simulated(rng, random_sc, scan):
    params = {
        "w": rng.uniform(0.2, 0.6, (3, N_ROIS)),
        "I": np.array([0.3, 0.31, 0.32]),  # the same in all regions
        "G": rng.uniform(1, 2, 3),
        "sigma": rng.uniform(0.001, 0.003, (3, N_ROIS)),
    }
    simulator = SimulationEvaluator(
        MFM(), scan, Simulator(n_repeats=1), n_fcd_bins=N_BINS
    )
    fc, cdf = rng.uniform(-0.5, 0.8, (2, 10)), np.sort(rng.random((2, N_BINS)), axis=1)
    sc = prepare_sc(random_sc(N_ROIS))[None]
    corpus = simulate_corpus(simulator, params, sc, fc, cdf)
    assert corpus.params.shape == (3, 3 * N_ROIS + 1)
    np.testing.assert_array_equal(corpus.params[:, 2 * N_ROIS - 1], params["I"])
    np.testing.assert_array_equal(corpus.params[:, 2 * N_ROIS], params["G"])
    assert corpus.in_range.all()


def test_shards_of_a_model_become_examples_of_its_candidates(tmp_path):
    scan = Acquisition(tr=2.0, n_frames=60, window=15, burn_in=20.0, warm_up=6.0)
    given = {"n_rois": 8, "n_subjects": 2, "acquisition": scan, "seed": 0}
    given["model"] = MFM()
    settings = CorpusSettings(
        popsize=8,
        n_generations=2,
        n_spread=12,
        n_edge=0,
        n_samples=1,
        n_simulated=2,
        n_repeats=1,
    )
    manifest = build_corpus(tmp_path, [(synthetic_group, given)], settings)
    files = [tmp_path / shard["file"] for shard in manifest.shards]
    corpus = corpus_of_shards(files, 5, 3, model=MFM())
    assert corpus.params.shape == (len(corpus.in_range), 3 * 8 + 1)
    assert np.isfinite(corpus.costs[corpus.in_range]).all()
    assert corpus.costs.shape[1] == 3  # the group's target and two scans
    small = {"d_model": 16, "n_layers": 1, "n_heads": 2, "max_epochs": 1}
    networks = PublishedSurrogate(
        WithinRangeClassifier(**small),
        CostPredictor(**small),
        model=MFM(),
        random_state=0,
    ).fit(corpus)
    params = {"w": [0.5], "I": [0.3], "G": [1.0], "sigma": [0.005]}
    candidates = Candidates(MFM(), params, corpus.sc[0])
    target = Target(corpus.sc[0], corpus.fc[0], corpus.fcd_cdf[0])
    assert np.isfinite(networks.evaluate(candidates, target).total).all()
    with pytest.raises(ValueError, match="other than FIC, without w_EE, w_EI"):
        corpus_of_shards(files)
