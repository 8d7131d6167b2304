import itertools

import numpy as np
import pytest
from sklearn.utils import Bunch

from delssome.costs import Evaluation, Target
from delssome.exceptions import SurrogateDomainError, SurrogateDomainWarning
from delssome.fitting.protocol import (
    choose,
    disagreement,
    find_alike,
    search,
    search_and_verify,
    verify,
)
from delssome.models import FIC, ParameterSpace
from delssome.search import CMAES
from delssome.simulation import SimulationEvaluator, Statistics

N_ROIS, N_EDGES, N_BINS = 10, 45, 20


class Bowl:
    """Evaluator with a known best point: G = 1 and small w_EE."""

    def evaluate(self, params, target, rng):
        first = (params["G"] - 1) ** 2
        second = params["w_EE"].mean(axis=1) / 10
        costs = np.stack([first, second, np.zeros_like(first)], axis=1)
        return Evaluation(costs, np.where(params["G"] > 2, params["G"] - 2, 0.0))


class Simulator:
    """Stand-in that gives chosen statistics for each candidate."""

    def __init__(self, fc, violation):
        self.fc, self.violation = fc, violation

    def statistics(self, params, sc, rng, common_noise):
        n = len(params["G"])
        return Statistics(
            self.fc[:n],
            np.tile(np.linspace(0.05, 1, N_BINS), (n, 1)),
            np.full((n, N_ROIS), 3.0),
            np.ones((n, N_ROIS)),
            self.violation[:n],
        )


@pytest.fixture
def space(rng):
    return ParameterSpace(FIC(), rng.standard_normal((N_ROIS, 1)))


@pytest.fixture
def target(rng):
    cdf = np.linspace(0.05, 1, N_BINS)
    return Target(np.zeros((N_ROIS, N_ROIS)), rng.uniform(-0.5, 0.8, N_EDGES), cdf)


def run(space, target, **settings):
    settings = {"max_iter": 15, "n_finalists": 6, **settings}
    optimisers = [
        CMAES(space, popsize=12, rng=child)
        for child in np.random.default_rng(0).spawn(2)
    ]
    return search(space, Bowl(), target, optimisers, **settings)


def test_search_keeps_the_best_of_each_generation_best_first(space, target):
    finalists, history = run(space, target)
    assert len(finalists.theta) == 6
    assert np.all(np.diff(finalists.evaluation.fitness) >= 0)
    kept = set(zip(finalists.restart, finalists.generation, strict=True))
    assert len(kept) == 6  # no generation twice
    best = np.nanmin(history.best_total)
    assert finalists.evaluation.total[0] == pytest.approx(best)
    again = Bowl().evaluate(space.expand(finalists.theta), target, None)
    np.testing.assert_allclose(again.costs, finalists.evaluation.costs)


def test_every_restart_has_its_share_of_the_finalists(space, target):
    finalists, _ = run(space, target)
    assert np.bincount(finalists.restart).tolist() == [3, 3]
    finalists, _ = run(space, target, n_finalists=5)
    assert len(finalists.theta) == 5
    assert np.bincount(finalists.restart).min() == 2


def test_restarts_that_end_as_well_as_the_winner_are_found():
    table = Bunch(
        restart=np.array([0, 0, 1, 1, 2, 3, 4]),
        stage=np.array([0, 0, 0, 0, 0, 0, 1]),
        in_range=np.array([True, True, True, True, True, False, True]),
        mean_total=np.array([0.2, 0.25, 0.4, 0.28, 0.35, 0.2, 0.2]),
    )
    # The better one of restart 1; 2 is worse, 3 leaves the range, 4 is of other noise.
    assert find_alike(table, 0) == [3]


def test_history_has_a_row_per_generation_of_every_restart(space, target):
    _, history = run(space, target)
    assert len(history.restart) == 30
    assert history.n_evaluations[-1] == 30 * 12
    assert set(history.restart) == {0, 1}


def test_restarts_explore_independently(space, target):
    finalists, _ = run(space, target, n_finalists=30)
    first = finalists.theta[finalists.restart == 0]
    second = finalists.theta[finalists.restart == 1]
    assert not np.isin(first[:, 0], second[:, 0]).any()


def test_search_ends_where_the_evaluator_says(space, target):
    finalists, _ = run(space, target, max_iter=40)
    params = space.expand(finalists.theta[:1])
    assert params["G"][0] == pytest.approx(1.0, abs=0.1)
    assert params["w_EE"].mean() < 2.0


def test_the_lowest_simulated_cost_in_range_wins(space, target, rng):
    finalists, _ = run(space, target)
    noise = np.array([0.5, 0.0, 0.05, 0.3, 0.4, 0.6])[:, None]
    fc = target.fc + noise * rng.standard_normal((6, N_EDGES))
    violation = np.array([0, 1.0, 0, 0, 0, 0])  # the best one is out of range
    table = verify(space, Simulator(fc, violation), target, finalists, rng)
    assert np.flatnonzero(table.selected).tolist() == [2]
    assert table.in_range.tolist() == [True, False, True, True, True, True]
    np.testing.assert_allclose(
        table.simulated_total,
        table.simulated_fc_correlation + table.simulated_fc_l1 + table.simulated_fcd_ks,
    )
    np.testing.assert_array_equal(table.predicted_total, finalists.evaluation.total)


class NoisySimulator:
    """Stand-in whose costs scatter, and of which one candidate escapes later on."""

    def __init__(self, target, escapes):
        self.target, self.escapes, self.calls = target, escapes, []

    def statistics(self, params, sc, rng, common_noise):
        n = len(params["G"])
        self.calls.append(n)
        noise = np.clip(params["G"], 0, 1) + 0.3 * rng.standard_normal(n)
        fc = self.target.fc + np.abs(noise)[:, None]  # the L1 term
        gone = np.isclose(params["G"], self.escapes) & (len(self.calls) > 1)
        return Statistics(
            fc,
            np.tile(self.target.fcd_cdf, (n, 1)),
            np.full((n, N_ROIS), 3.0),
            np.ones((n, N_ROIS)),
            gone.astype(float),
        )

    evaluate = SimulationEvaluator.evaluate


def test_the_better_half_is_simulated_again_until_one_is_left(space, target, rng):
    finalists, _ = run(space, target, n_finalists=16)
    theta = finalists.theta.copy()
    theta[:, space.slices["G"]] = np.linspace(0.0, 0.9, 16)[:, None]
    simulator = NoisySimulator(target, escapes=0.0)
    finalists = finalists._replace(theta=theta)
    table = verify(space, simulator, target, finalists, rng)
    order = choose(space, simulator, target, table, rng)
    assert simulator.calls[:2] == [16, 8]
    assert all(2 * n <= m + 1 for m, n in itertools.pairwise(simulator.calls))
    assert table.n_evaluations.max() == len(simulator.calls)
    assert table.n_evaluations[order[0]] == table.n_evaluations[order].max()
    if table.n_evaluations[0] > 1:  # seen again, and gone
        assert not table.in_range[0]
        assert 0 not in order
    assert theta[order[0], space.slices["G"].start] < 0.5


def test_a_surrogate_that_was_right_raises_no_warning(space, target, rng):
    finalists, _ = run(space, target)
    matched = finalists._replace(
        evaluation=Evaluation(np.full((6, 3), 0.03), np.zeros(6))
    )
    fc = np.tile(target.fc, (6, 1))
    table = verify(space, Simulator(fc, np.zeros(6)), target, matched, rng)
    assert disagreement(table) == ""
    assert table.in_range.all()


def test_finalists_that_leave_the_range_are_reported(space, target, rng):
    finalists, _ = run(space, target)
    finalists = finalists._replace(
        evaluation=Evaluation(np.full((6, 3), 0.03), np.zeros(6))
    )
    simulator = Simulator(np.tile(target.fc, (6, 1)), np.ones(6))
    table = verify(space, simulator, target, finalists, rng)
    assert "6 that were predicted" in disagreement(table)


def test_predictions_far_from_simulation_are_reported(space, target, rng):
    finalists, _ = run(space, target)
    simulator = Simulator(-np.tile(target.fc, (6, 1)), np.zeros(6))
    table = verify(space, simulator, target, finalists, rng)
    assert "is +2." in disagreement(table)
    # One that expects such errors of itself is not contradicted.
    table.predicted_error = np.full(6, 1.5)
    assert disagreement(table) == ""


def stages(space, target, rng, on_disagreement):
    """Search by one evaluator that simulation contradicts, then by one it does not."""
    honest = Bowl()
    honest.expected_error = lambda params, target: np.full(len(params["G"]), 9.0)
    settings = {"max_iter": 5}
    return search_and_verify(
        space,
        [Bowl(), honest],
        Simulator(-np.tile(target.fc, (6, 1)), np.zeros(6)),
        target,
        target,
        popsize=12,
        sigma0=0.2,
        n_restarts=1,
        search_settings=settings | {"n_finalists": 5},
        refine_settings=settings | {"n_finalists": 3},
        on_disagreement=on_disagreement,
        rng=rng,
    )


def test_a_contradicted_evaluator_gives_way_to_the_next(space, target, rng):
    table, history = stages(space, target, rng, "refine")
    np.testing.assert_array_equal(table.stage, [0] * 5 + [1] * 3)
    assert np.isnan(table.predicted_error[:5]).all()
    assert history.n_evaluations[-1] == 10 * 12
    # The search went on, with the step size that it had come to.
    assert history.best_total[5] < history.best_total[0]
    assert history.step_size[5] == pytest.approx(history.step_size[4], rel=0.5)


def test_disagreement_warns_or_raises(space, target, rng):
    with pytest.warns(SurrogateDomainWarning, match="on_disagreement='refine'"):
        table, _ = stages(space, target, rng, "warn")
    assert len(table.stage) == 5
    with pytest.raises(SurrogateDomainError, match="contradicts"):
        stages(space, target, rng, "raise")
