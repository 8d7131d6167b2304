import numpy as np
import pytest

from delssome import Acquisition
from delssome.costs import Target
from delssome.simulation import SimulationEvaluator
from delssome.theory import TheoryEvaluator

SCAN = Acquisition(n_frames=500)
N_BINS = 1000


@pytest.fixture
def theory(model):
    return TheoryEvaluator(model, SCAN, n_fcd_bins=N_BINS)


@pytest.fixture
def many(params):
    return {name: np.tile(x, (8,) + (1,) * (x.ndim - 1)) for name, x in params.items()}


def test_statistics_have_the_documented_shapes(theory, params, sc):
    expected = theory.statistics(params, sc, np.random.default_rng(0))
    assert expected.fc.shape == (5, 28)
    assert expected.fcd_cdf.shape == (5, N_BINS)
    assert expected.rates.shape == expected.ei_ratio.shape == (5, 8)
    assert (np.diff(expected.fcd_cdf) >= 0).all()
    np.testing.assert_allclose(expected.fcd_cdf[:, -1], 1.0)
    assert (expected.violation == 0).all()
    assert (expected.p_in_range > 0.9).all()


def test_results_do_not_depend_on_workers_or_batches(model, many, sc):
    one, two = (
        TheoryEvaluator(model, SCAN, n_fcd_bins=N_BINS, n_jobs=n_jobs).statistics(
            many, sc, np.random.default_rng(0)
        )
        for n_jobs in (1, 2)
    )
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    # Candidates are repeated and share their noise: every repetition is the same.
    for name in ("fc", "fcd_cdf", "rates"):
        values = getattr(one, name).reshape(8, 5, -1)
        np.testing.assert_allclose(values, values[:1].repeat(8, axis=0), rtol=1e-6)


def test_theory_is_as_near_to_simulation_as_simulation_to_itself(
    model, theory, params, sc
):
    simulator = SimulationEvaluator(model, SCAN, n_fcd_bins=N_BINS, n_repeats=24)
    runs = [simulator.statistics(params, sc, np.random.default_rng(k)) for k in (0, 1)]
    theory.n_samples = 24
    expected = theory.statistics(params, sc, np.random.default_rng(2))
    both = (runs[0].fc + runs[1].fc) / 2
    floor = np.sqrt(((runs[0].fc - runs[1].fc) ** 2).mean())
    # Either half has as much noise as their difference over the square root of two.
    assert np.sqrt(((expected.fc - both) ** 2).mean()) < 1.2 * floor / np.sqrt(2)
    gap = np.abs(expected.fcd_cdf - runs[0].fcd_cdf).max(axis=1)
    assert gap.max() < 0.12
    np.testing.assert_allclose(
        expected.rates, (runs[0].rates + runs[1].rates) / 2, rtol=0.002
    )
    np.testing.assert_allclose(
        expected.ei_ratio, (runs[0].ei_ratio + runs[1].ei_ratio) / 2, rtol=0.002
    )


def test_predicted_costs_are_those_of_simulation(model, theory, params, sc):
    simulator = SimulationEvaluator(model, SCAN, n_fcd_bins=N_BINS)
    truth = simulator.statistics(params, sc, np.random.default_rng(0))
    target = Target(sc, truth.fc[3], truth.fcd_cdf[3])

    def mean_costs(evaluator):
        seeds = range(10, 18)
        evaluations = (
            evaluator.evaluate(params, target, np.random.default_rng(seed))
            for seed in seeds
        )
        return np.mean([evaluation.costs for evaluation in evaluations], axis=0)

    predicted, simulated = mean_costs(theory), mean_costs(simulator)
    # Means of eight draws of noise; a single KS term is uncertain by 0.1.
    np.testing.assert_allclose(predicted, simulated, atol=0.07)


def test_unstable_candidates_come_after_all_others(theory, params, unstable, sc):
    target = Target(sc, np.linspace(0, 1, 28), np.linspace(0, 1, N_BINS))
    mixed = {name: np.concatenate([unstable[name], x]) for name, x in params.items()}
    evaluation = theory.evaluate(mixed, target, np.random.default_rng(0))
    assert (evaluation.violation[:5] > 1).all()
    assert np.isnan(evaluation.costs[:5]).all()
    assert evaluation.fitness[:5].min() > evaluation.fitness[5:].max()
    # Among the unstable, a search can tell which are nearer to stability.
    assert len(np.unique(evaluation.fitness[:5])) == 5


def test_without_samples_there_is_fc_but_no_fcd(model, params, sc):
    theory = TheoryEvaluator(model, SCAN, n_samples=0)
    expected = theory.statistics(params, sc, np.random.default_rng(0))
    assert np.isfinite(expected.fc).all()
    assert np.isnan(expected.fcd_cdf).all()


def test_dilution_by_noise_lessens_with_repeats(model, params, sc):
    target = Target(sc, np.linspace(0, 1, 28), np.linspace(0, 1, N_BINS))
    few, many = (
        TheoryEvaluator(model, SCAN, n_fcd_bins=N_BINS, n_repeats=n)
        .evaluate(params, target, np.random.default_rng(0))
        .costs[:, 0]
        for n in (1, 10)
    )
    assert (np.abs(1 - few) < np.abs(1 - many))[:4].all()
