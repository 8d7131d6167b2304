import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from delssome import FIC, Acquisition
from delssome.connectome import prepare_sc
from delssome.costs import cost_terms
from delssome.evaluation import Statistics, Target
from delssome.models import MFM, Candidates
from delssome.observables import fc_edges, fcd_histogram, process_bold
from delssome.simulation import SimulationEvaluator, Simulator, simulate

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
def candidates(params, sc):
    return Candidates(FIC(), params, sc)


@pytest.fixture
def evaluator(scan):
    return SimulationEvaluator(FIC(), scan, Simulator(n_repeats=2), n_fcd_bins=N_BINS)


def arrays(statistics):
    """Give all that statistics hold, by name."""
    named = statistics._asdict()
    return {k: v for k, v in (named | named.pop("averages")).items() if v is not None}


def test_statistics_average_over_repeats(evaluator, candidates, scan):
    statistics = evaluator.statistics(candidates, np.random.default_rng(1))
    seeds = np.random.default_rng(1).integers(0, 2**63, (20, 2), dtype=np.int64)
    raw = simulate(candidates, scan, seeds)
    np.testing.assert_allclose(statistics.fc, fc_edges(raw.bold).mean(1), atol=1e-4)
    counts = fcd_histogram(raw.bold, scan.fcd_window, N_BINS).sum(axis=1).cumsum(1)
    gap = np.abs(statistics.fcd_cdf - counts / counts[:, -1:])
    assert gap.max() < 0.01  # a few values cross bin edges between batches
    S_E, S_I = raw.averages["S_E"], raw.averages["S_I"]
    np.testing.assert_allclose(statistics.readout, (S_E / S_I).mean(1), rtol=1e-4)
    assert set(statistics.averages) == {"S_E", "S_I", "r_E"}
    for name, values in statistics.averages.items():
        np.testing.assert_allclose(values, raw.averages[name].mean(1), rtol=1e-3)


@pytest.mark.parametrize(
    "backend", ["fused", pytest.param("torch", marks=pytest.mark.slow)]
)
def test_results_do_not_depend_on_processes(candidates, scan, backend):
    alone, shared = (
        arrays(
            SimulationEvaluator(
                FIC(),
                scan,
                Simulator(n_repeats=2, backend=backend),
                n_fcd_bins=N_BINS,
                n_jobs=n_jobs,
            ).statistics(candidates, np.random.default_rng(1))
        )
        for n_jobs in (1, 2)
    )
    for name, values in alone.items():
        np.testing.assert_array_equal(values, shared[name])


def test_evaluation_compares_with_the_target(evaluator, candidates, sc):
    rng = np.random.default_rng(2)
    statistics = evaluator.statistics(
        candidates, np.random.default_rng(1), common_noise=True
    )
    target = Target(sc, rng.uniform(-1, 1, 15), np.linspace(0, 1, N_BINS))
    evaluation = evaluator.evaluate(candidates, target, np.random.default_rng(1))
    expected = cost_terms(statistics.fc, statistics.fcd_cdf, target.fc, target.fcd_cdf)
    np.testing.assert_array_equal(evaluation.costs, expected)


def test_candidates_that_are_ranked_share_their_noise(evaluator, params, sc):
    same = {name: np.repeat(values[:1], 4, axis=0) for name, values in params.items()}
    same, rng = Candidates(FIC(), same, sc), np.random.default_rng(1)
    shared = evaluator.statistics(same, rng, common_noise=True)
    own = evaluator.statistics(same, rng)
    assert (shared.fc == shared.fc[0]).all()
    assert (own.fc[1:] != own.fc[0]).any(axis=1).all()


def test_violation_is_the_distance_from_the_plausible_rates(evaluator, params, sc):
    params["sigma"][:10] = 0.0005
    params["w_EE"][10:] = 9.0  # unstable: leaves 3 Hz
    params["w_EI"][10:] = 1.0
    candidates = Candidates(FIC(), params, sc)
    statistics = evaluator.statistics(candidates, np.random.default_rng(1))
    assert (statistics.violation[:10] == 0).all()
    assert (statistics.violation[10:] > 0.1).all()


def test_a_diverged_repeat_is_left_out_but_makes_its_candidate_invalid(
    evaluator, candidates, monkeypatch
):
    from delssome.simulation import evaluator as module

    def broken(*args, **kwargs):
        result = simulate(*args, **kwargs)
        result.bold[0, 1] = np.nan
        result.bold[1] = np.nan
        return result

    few = candidates.select(slice(0, 4))
    whole = evaluator.statistics(few, np.random.default_rng(1))
    monkeypatch.setattr(module, "simulate", broken)
    statistics = evaluator.statistics(few, np.random.default_rng(1))
    assert np.isfinite(statistics.fc[0]).all()
    assert not np.array_equal(statistics.fc[0], whole.fc[0])
    assert np.isnan(statistics.fc[1]).all()
    assert np.isnan(statistics.fcd_cdf[1]).all()
    assert np.isinf(statistics.violation[:2]).all()
    np.testing.assert_array_equal(statistics.fc[2:], whole.fc[2:])


def test_a_model_that_bounds_no_rate_is_always_in_range(scan, sc):
    # High rates and low ones, none of which is implausible.
    params = {"w": [0.2, 0.9], "I": [0.2, 0.5], "G": [1.0, 5.0], "sigma": [0.01] * 2}
    evaluator = SimulationEvaluator(MFM(), scan, n_fcd_bins=N_BINS)
    statistics = evaluator.statistics(
        Candidates(MFM(), params, sc), np.random.default_rng(0)
    )
    rates = statistics.averages["r"].mean(axis=1)
    assert rates[0] < 5 < 20 < rates[1]
    assert (statistics.violation == 0).all()
    np.testing.assert_array_equal(statistics.readout, statistics.averages["r"])


def test_candidates_are_solved_once_for_all_batches(evaluator, candidates, monkeypatch):
    solve, sizes = FIC.solve, []

    def counting(self, params, sc):
        sizes.append(len(params["G"]))
        return solve(self, params, sc)

    monkeypatch.setattr(FIC, "solve", counting)
    evaluator.statistics(candidates, np.random.default_rng(1))
    assert sizes == [20]


def test_given_feedback_inhibition_is_simulated(evaluator, candidates):
    """Weaker than what holds 3 Hz: all regions fire faster."""
    weaker = {**candidates.solved, "w_IE": 0.95 * candidates.solved["w_IE"]}
    a, b = (
        evaluator.statistics(one, np.random.default_rng(1)).averages["r_E"]
        for one in (candidates, Candidates(FIC(), weaker, candidates.sc))
    )
    assert (b > a).all()


def test_without_a_generator_noise_is_fresh(evaluator, candidates):
    one = candidates.select(slice(0, 1))
    assert (evaluator.statistics(one).fc != evaluator.statistics(one).fc).any()


def test_it_simulates_and_says_how_often(evaluator):
    assert evaluator.simulates
    assert evaluator.n_repeats == 2
    assert evaluator.expected_error(None, None) is None
    assert evaluator.outside(None) == []


def test_joined_statistics_are_those_of_all(evaluator, candidates):
    whole = evaluator.statistics(candidates, np.random.default_rng(1))
    parts = [
        Statistics(
            *(
                {name: x[part] for name, x in value.items()}
                if isinstance(value, dict)
                else None
                if value is None
                else value[part]
                for value in whole
            )
        )
        for part in (slice(0, 7), slice(7, 20))
    ]
    joined, expected = arrays(Statistics.join(parts)), arrays(whole)
    assert set(joined) == set(expected)
    for name, values in joined.items():
        np.testing.assert_array_equal(values, expected[name])


def test_a_target_is_compared_in_the_bins_of_the_statistics(evaluator, candidates, sc):
    statistics = evaluator.statistics(candidates, np.random.default_rng(1))
    fine = np.linspace(0, 1, 10 * N_BINS + 1)[1:] ** 3
    edges = np.linspace(-0.5, 0.8, 15)
    coarse = Target(sc, edges, fine[9::10])
    np.testing.assert_allclose(
        statistics.compare(Target(sc, edges, fine)).costs,
        statistics.compare(coarse).costs,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_fcd_bins": 1}, ValueError, "n_fcd_bins"),
        ({"simulator": 3}, TypeError, "simulator must be a Simulator or None"),
    ],
)
def test_bad_settings_are_named(scan, settings, error, message):
    with pytest.raises(error, match=message):
        SimulationEvaluator(FIC(), scan, **settings)


def test_simulated_bold_goes_through_the_pipeline(candidates, scan):
    few, seeds = candidates.select([0, 1]), np.array([[1, 2], [3, 4]])
    kept = np.arange(scan.n_frames) % 6 > 0
    band = (0.05, 0.3)
    processed = replace(
        scan, window=20, band=band, global_signal=True, kept=kept.tolist()
    )
    raw = simulate(few, scan, seeds).bold
    found = simulate(few, processed, seeds).bold
    settings = {"band": band, "global_signal": True, "kept": kept}
    np.testing.assert_array_equal(found, process_bold(raw, scan.tr, **settings))
    unprocessed = simulate(few, processed, seeds, processed=False).bold
    np.testing.assert_array_equal(unprocessed, raw)
    evaluator = SimulationEvaluator(
        FIC(), processed, Simulator(n_repeats=2), n_fcd_bins=N_BINS
    )
    statistics = evaluator.statistics(few, np.random.default_rng(1))
    seeds = np.random.default_rng(1).integers(0, 2**63, (2, 2), dtype=np.int64)
    found = simulate(few, processed, seeds).bold
    fc = fc_edges(found, kept).mean(axis=1)
    np.testing.assert_allclose(statistics.fc, fc, atol=1e-4)
    counts = fcd_histogram(found, 20, N_BINS, kept=kept).sum(axis=1).cumsum(axis=1)
    assert np.abs(statistics.fcd_cdf - counts / counts[:, -1:]).max() < 0.01


def test_both_backends_process_alike(candidates, scan):
    processed = replace(scan, window=20, band=(0.05, 0.3), global_signal=True)
    for backend in ("fused", "torch"):
        raw, found = (
            simulate(candidates.select([0]), one, [[5]], backend=backend).bold
            for one in (scan, processed)
        )
        np.testing.assert_array_equal(found, processed.process(raw))


def test_many_candidates_are_ranked_in_the_memory_of_a_batch(sc):
    """Of each batch only costs are kept: distributions of all would take 72 MB."""
    n, n_bins = 900, 10_000
    scan = Acquisition(n_frames=12, window=5, burn_in=1, warm_up=0)
    params = {"w_EE": [3.0], "w_EI": [2.0], "G": [1.0], "sigma": [0.005]}
    params = {name: np.repeat(values, n) for name, values in params.items()}
    evaluator = SimulationEvaluator(FIC(), scan, Simulator(n_repeats=1))
    candidates = Candidates(FIC(), params, sc)
    fc = np.linspace(0.0, 0.5, len(sc) * (len(sc) - 1) // 2)
    target = Target(sc, fc, np.ones(n_bins))
    evaluator.evaluate(candidates.select(slice(0, 2)), target)  # compiles
    tracemalloc.start()
    evaluator.evaluate(candidates, target)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6
