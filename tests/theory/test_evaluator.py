import numpy as np
import pytest

from delssome import Acquisition
from delssome.evaluation import Target
from delssome.models import Candidates
from delssome.simulation import SimulationEvaluator, Simulator
from delssome.theory import TheoryEvaluator

SCAN = Acquisition(n_frames=500)
N_BINS = 1000


@pytest.fixture
def theory(model):
    return TheoryEvaluator(model, SCAN, n_fcd_bins=N_BINS)


@pytest.fixture
def many(candidates):
    return candidates.select(np.tile(np.arange(5), 8))


def arrays(statistics):
    """Give all that statistics hold, by name."""
    named = statistics._asdict()
    return {k: v for k, v in (named | named.pop("averages")).items() if v is not None}


def test_statistics_have_the_documented_shapes(theory, candidates):
    expected = theory.statistics(candidates, np.random.default_rng(0))
    assert expected.fc.shape == (5, 28)
    assert expected.fcd_cdf.shape == (5, N_BINS)
    assert expected.readout.shape == (5, 8)
    assert set(expected.averages) == {"S_E", "S_I", "r_E"}
    assert all(values.shape == (5, 8) for values in expected.averages.values())
    assert expected.fc_noise.shape == (5,)
    assert (np.diff(expected.fcd_cdf) >= 0).all()
    np.testing.assert_allclose(expected.fcd_cdf[:, -1], 1.0)
    assert (expected.violation == 0).all()
    assert (expected.p_in_range > 0.9).all()


def test_results_do_not_depend_on_workers_or_batches(model, many):
    one, two = (
        arrays(
            TheoryEvaluator(model, SCAN, n_fcd_bins=N_BINS, n_jobs=n_jobs).statistics(
                many, np.random.default_rng(0)
            )
        )
        for n_jobs in (1, 2)
    )
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name])
    # Candidates are repeated and share their noise: every repetition is the same.
    for name in ("fc", "fcd_cdf", "r_E"):
        values = one[name].reshape(8, 5, -1)
        np.testing.assert_allclose(values, values[:1].repeat(8, axis=0), rtol=1e-6)


def test_theory_is_as_near_to_simulation_as_simulation_to_itself(
    model, theory, candidates
):
    simulator = SimulationEvaluator(
        model, SCAN, Simulator(n_repeats=24), n_fcd_bins=N_BINS
    )
    runs = [simulator.statistics(candidates, np.random.default_rng(k)) for k in (0, 1)]
    theory.n_samples = 24
    expected = theory.statistics(candidates, np.random.default_rng(2))
    both = (runs[0].fc + runs[1].fc) / 2
    floor = np.sqrt(((runs[0].fc - runs[1].fc) ** 2).mean())
    # Either half has as much noise as their difference over the square root of two.
    assert np.sqrt(((expected.fc - both) ** 2).mean()) < 1.2 * floor / np.sqrt(2)
    gap = np.abs(expected.fcd_cdf - runs[0].fcd_cdf).max(axis=1)
    assert gap.max() < 0.12
    a, b = (run.averages["r_E"] for run in runs)
    np.testing.assert_allclose(expected.averages["r_E"], (a + b) / 2, rtol=0.002)
    ratio = (runs[0].readout + runs[1].readout) / 2
    np.testing.assert_allclose(expected.readout, ratio, rtol=0.002)


def test_predicted_costs_are_those_of_simulation(model, theory, candidates, sc):
    simulator = SimulationEvaluator(model, SCAN, n_fcd_bins=N_BINS)
    truth = simulator.statistics(candidates, np.random.default_rng(0))
    target = Target(sc, truth.fc[3], truth.fcd_cdf[3])

    def mean_costs(evaluator):
        seeds = range(10, 18)
        evaluations = (
            evaluator.evaluate(candidates, target, np.random.default_rng(seed))
            for seed in seeds
        )
        return np.mean([evaluation.costs for evaluation in evaluations], axis=0)

    predicted, simulated = mean_costs(theory), mean_costs(simulator)
    # Means of eight draws of noise; a single KS term is uncertain by 0.1.
    np.testing.assert_allclose(predicted, simulated, atol=0.07)


def test_unstable_candidates_come_after_all_others(model, theory, params, unstable, sc):
    target = Target(sc, np.linspace(0, 1, 28), np.linspace(0, 1, N_BINS))
    mixed = {name: np.concatenate([unstable[name], x]) for name, x in params.items()}
    mixed = Candidates(model, mixed, sc)
    evaluation = theory.evaluate(mixed, target, np.random.default_rng(0))
    assert (evaluation.violation[:5] > 1).all()
    assert np.isnan(evaluation.costs[:5]).all()
    assert evaluation.fitness[:5].min() > evaluation.fitness[5:].max()
    # Among the unstable, a search can tell which are nearer to stability.
    assert len(np.unique(evaluation.fitness[:5])) == 5


def test_without_samples_there_is_fc_but_no_fcd(model, candidates):
    theory = TheoryEvaluator(model, SCAN, n_samples=0)
    expected = theory.statistics(candidates, np.random.default_rng(0))
    assert np.isfinite(expected.fc).all()
    assert np.isnan(expected.fcd_cdf).all()


def test_dilution_by_noise_lessens_with_repeats(model, candidates, sc):
    target = Target(sc, np.linspace(0, 1, 28), np.linspace(0, 1, N_BINS))
    few, many = (
        TheoryEvaluator(model, SCAN, n_fcd_bins=N_BINS, n_repeats=n)
        .evaluate(candidates, target, np.random.default_rng(0))
        .costs[:, 0]
        for n in (1, 10)
    )
    assert (np.abs(1 - few) < np.abs(1 - many))[:4].all()
