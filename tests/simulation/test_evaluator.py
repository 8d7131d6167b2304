import numpy as np
import pytest

from delssome import FIC
from delssome.connectome import prepare_sc
from delssome.costs import Target, cost_terms
from delssome.observables import fc_edges, fcd_histogram
from delssome.simulation import SimulationEvaluator, simulate
from delssome.simulation.evaluator import draw_seeds

N_ROIS, N_BINS = 6, 40


@pytest.fixture
def sc(random_sc):
    return prepare_sc(random_sc(N_ROIS))


@pytest.fixture
def params(rng):
    n = 20
    return {
        "w_EE": rng.uniform(1, 2, (n, N_ROIS)),
        "w_EI": rng.uniform(2, 3, (n, N_ROIS)),
        "G": rng.uniform(0.5, 2, n),
        "sigma": rng.uniform(0.001, 0.003, (n, N_ROIS)),
    }


@pytest.fixture
def evaluator(scan):
    return SimulationEvaluator(FIC(), scan, n_fcd_bins=N_BINS, n_repeats=2)


def test_statistics_average_over_repeats(evaluator, params, sc, scan):
    statistics = evaluator.statistics(params, sc, np.random.default_rng(1))
    seeds = draw_seeds(np.random.default_rng(1), (20, 2))
    raw = simulate(FIC(), params, sc, scan, seeds)
    np.testing.assert_allclose(statistics.fc, fc_edges(raw.bold).mean(1), atol=1e-4)
    counts = fcd_histogram(raw.bold, scan.fcd_window, N_BINS).sum(axis=1).cumsum(1)
    gap = np.abs(statistics.fcd_cdf - counts / counts[:, -1:])
    assert gap.max() < 0.01  # a few values cross bin edges between batches
    S_E, S_I = raw.averages["S_E"], raw.averages["S_I"]
    np.testing.assert_allclose(statistics.ei_ratio, (S_E / S_I).mean(1), rtol=1e-4)
    np.testing.assert_allclose(statistics.rates, raw.averages["r_E"].mean(1), rtol=1e-3)


def test_results_do_not_depend_on_processes(evaluator, params, sc, scan):
    alone = evaluator.statistics(params, sc, np.random.default_rng(1))
    evaluator.n_jobs = 2
    shared = evaluator.statistics(params, sc, np.random.default_rng(1))
    for a, b in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(a, b)


def test_evaluation_compares_with_the_target(evaluator, params, sc):
    rng = np.random.default_rng(2)
    statistics = evaluator.statistics(
        params, sc, np.random.default_rng(1), common_noise=True
    )
    target = Target(sc, rng.uniform(-1, 1, 15), np.linspace(0, 1, N_BINS))
    evaluation = evaluator.evaluate(params, target, np.random.default_rng(1))
    expected = cost_terms(statistics.fc, statistics.fcd_cdf, target.fc, target.fcd_cdf)
    np.testing.assert_array_equal(evaluation.costs, expected)


def test_candidates_that_are_ranked_share_their_noise(evaluator, params, sc):
    same = {name: np.repeat(values[:1], 4, axis=0) for name, values in params.items()}
    rng = np.random.default_rng(1)
    shared = evaluator.statistics(same, sc, rng, common_noise=True)
    own = evaluator.statistics(same, sc, rng)
    assert (shared.fc == shared.fc[0]).all()
    assert (own.fc[1:] != own.fc[0]).any(axis=1).all()


def test_violation_is_the_distance_from_the_plausible_rates(evaluator, params, sc):
    params["sigma"][:10] = 0.0005
    params["w_EE"][10:] = 9.0  # unstable: leaves 3 Hz
    params["w_EI"][10:] = 1.0
    statistics = evaluator.statistics(params, sc, np.random.default_rng(1))
    assert (statistics.violation[:10] == 0).all()
    assert (statistics.violation[10:] > 0.1).all()


def test_a_diverged_repeat_is_left_out_but_makes_its_candidate_invalid(
    evaluator, params, sc, monkeypatch
):
    from delssome.simulation import evaluator as module

    def broken(*args, **kwargs):
        result = simulate(*args, **kwargs)
        result.bold[0, 1] = np.nan
        result.bold[1] = np.nan
        return result

    few = {name: values[:4] for name, values in params.items()}
    whole = evaluator.statistics(few, sc, np.random.default_rng(1))
    monkeypatch.setattr(module, "simulate", broken)
    statistics = evaluator.statistics(few, sc, np.random.default_rng(1))
    assert np.isfinite(statistics.fc[0]).all()
    assert not np.array_equal(statistics.fc[0], whole.fc[0])
    assert np.isnan(statistics.fc[1]).all()
    assert np.isnan(statistics.fcd_cdf[1]).all()
    assert np.isinf(statistics.violation[:2]).all()
    np.testing.assert_array_equal(statistics.fc[2:], whole.fc[2:])
