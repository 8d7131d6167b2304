import itertools

import numpy as np
import pytest
from sklearn.utils import Bunch

from delssome import Verification
from delssome.evaluation import Evaluation
from delssome.exceptions import SurrogateDomainWarning
from delssome.fitting.screening import screen
from delssome.fitting.searching import Schedule, search
from delssome.fitting.verification import (
    choose,
    confirm,
    disagreement,
    find_alike,
    report_unlike_contexts,
    verify,
)
from delssome.models import MFM, ParameterSpace
from delssome.search import CMAES

N_EDGES = 45


@pytest.fixture
def find(space, target, bowl):
    """Search in a bowl, for finalists to verify."""

    def find(n_finalists=6):
        searchers = [
            CMAES(popsize=12).start(space, child)
            for child in np.random.default_rng(0).spawn(2)
        ]
        schedule = Schedule(15, n_finalists)
        return search(space, bowl(), target, searchers, schedule)[0]

    return find


def predicted_right(finalists):
    return finalists._replace(evaluation=Evaluation(np.full((6, 3), 0.03), np.zeros(6)))


def test_restarts_that_end_as_well_as_the_winner_are_found():
    table = Bunch(
        restart=np.array([0, 0, 1, 1, 2, 3, 4]),
        stage=np.array([0, 0, 0, 0, 0, 0, 1]),
        in_range=np.array([True, True, True, True, True, False, True]),
        mean_total=np.array([0.2, 0.25, 0.4, 0.28, 0.35, 0.2, 0.2]),
    )
    # The better one of restart 1; 2 is worse, 3 leaves the range, 4 is of other noise.
    assert find_alike(table, 0) == [3]


def test_the_lowest_simulated_cost_in_range_wins(space, target, rng, find, simulated):
    finalists = find()
    noise = np.array([0.5, 0.0, 0.05, 0.3, 0.4, 0.6])[:, None]
    fc = target.fc + noise * rng.standard_normal((6, N_EDGES))
    violation = np.array([0, 1.0, 0, 0, 0, 0])  # the best one is out of range
    table = verify(space, simulated(fc, violation), target, finalists, rng)
    assert np.flatnonzero(table.selected).tolist() == [2]
    assert table.in_range.tolist() == [True, False, True, True, True, True]
    np.testing.assert_allclose(
        table.simulated_total,
        table.simulated_fc_correlation + table.simulated_fc_l1 + table.simulated_fcd_ks,
    )
    np.testing.assert_array_equal(table.predicted_total, finalists.evaluation.total)


def test_the_best_by_what_is_more_exact_are_simulated(space, target, find, bowl):
    leaders = find(n_finalists=12)

    class Exact(bowl):
        def evaluate(self, candidates, target, rng):
            costs = np.zeros((len(candidates), 3))
            costs[:, 0] = costs_of
            return Evaluation(costs, violation)

    costs_of, violation = np.linspace(2.0, 0.0, 12), np.zeros(12)
    violation[-1] = 1.0  # leaves the range
    kept = screen(space, Exact(), target, leaders, 4)
    # As many of both restarts, from the end, but for the last.
    order = [k for k in reversed(range(11))]
    half = {r: [k for k in order if leaders.restart[k] == r][:2] for r in (0, 1)}
    which = sorted([*half[0], *half[1]], reverse=True)
    others = [k for k in order if k not in which]  # come next
    which = [*which, *others, 11]
    np.testing.assert_array_equal(kept.theta, leaders.theta[which])
    np.testing.assert_array_equal(kept.generation, leaders.generation[which])
    np.testing.assert_array_equal(
        kept.evaluation.total, leaders.evaluation.total[which]
    )
    few = screen(space, Exact(), target, leaders._replace(restart=np.zeros(12, int)), 4)
    np.testing.assert_array_equal(few.theta, leaders.theta[[*order, 11]])


def test_fewer_are_simulated_where_theory_has_looked_at_them():
    assert Verification().n_simulated(screened=True) == 5
    assert Verification().n_simulated(screened=False) == 20
    assert Verification(n_finalists=3).n_simulated(screened=True) == 3


def test_rates_are_told_of_models_that_bound_them(space, target, rng, find, simulated):
    simulator = simulated(np.tile(target.fc, (6, 1)), np.zeros(6))
    table = verify(space, simulator, target, find(), rng)
    assert table.rate_min.tolist() == table.rate_max.tolist() == [3.0] * 6
    other = ParameterSpace(MFM(), np.empty((10, 0)))
    finalists = find()._replace(theta=np.tile([0.3, 0.3, 1.3, 0.005], (6, 1)))
    table = verify(other, simulator, target, finalists, rng)
    assert not {"rate_min", "rate_max"} & set(table)


def test_the_better_half_is_simulated_again_until_few_are_left(
    space, target, rng, find, noisy
):
    finalists = find(n_finalists=16)
    theta = finalists.theta.copy()
    theta[:, space.slices["G"]] = np.linspace(0.0, 0.9, 16)[:, None]
    simulator = noisy(target, escapes=0.0)
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


def test_the_winner_is_confirmed_by_five_evaluations(space, target, rng, find, noisy):
    finalists, simulator = find(), noisy(target, escapes=-1.0)
    table = verify(space, simulator, target, finalists, rng)
    winner = confirm(space, simulator, target, table, np.array([4, 1]), rng)
    assert winner.row == 4
    assert len(winner.candidates) == len(winner.evaluation.total) == 5
    theta = space.theta(space.x(finalists.theta[[4]]))
    np.testing.assert_allclose(
        winner.candidates.params["G"], theta[0, space.slices["G"].start]
    )
    assert simulator.calls == [6, 5]


def test_a_winner_that_escapes_gives_way_to_the_next(space, target, rng, find, noisy):
    finalists = find()
    theta = finalists.theta.copy()
    theta[:, space.slices["G"]] = np.linspace(0.0, 0.5, 6)[:, None]
    simulator = noisy(target, escapes=0.4)
    finalists = finalists._replace(theta=theta)
    table = verify(space, simulator, target, finalists, rng)
    winner = confirm(space, simulator, target, table, np.array([4, 1]), rng)
    assert winner.row == 1
    assert winner.evaluation.in_range.all()
    # Where all escape, the one that does so least is told, and that it does.
    winner = confirm(space, simulator, target, table, np.array([4]), rng)
    assert winner.row == 4
    assert not winner.evaluation.in_range.any()


def test_a_surrogate_that_was_right_raises_no_warning(
    space, target, rng, find, simulated
):
    simulator = simulated(np.tile(target.fc, (6, 1)), np.zeros(6))
    table = verify(space, simulator, target, predicted_right(find()), rng)
    assert disagreement(table) == ""
    assert table.in_range.all()


def test_finalists_that_leave_the_range_are_reported(
    space, target, rng, find, simulated
):
    simulator = simulated(np.tile(target.fc, (6, 1)), np.ones(6))
    table = verify(space, simulator, target, predicted_right(find()), rng)
    assert "6 that were predicted" in disagreement(table)


def test_predictions_far_from_simulation_are_reported(
    space, target, rng, find, simulated
):
    simulator = simulated(-np.tile(target.fc, (6, 1)), np.zeros(6))
    table = verify(space, simulator, target, find(), rng)
    assert "is +2." in disagreement(table)
    # One that expects such errors of itself is not contradicted.
    table.predicted_error = np.full(6, 1.5)
    assert disagreement(table) == ""


def test_what_an_evaluator_does_not_know_is_warned_of(target, bowl):
    report_unlike_contexts(bowl(), target)  # says nothing
    stranger = bowl()
    stranger.outside = lambda target: ["80 regions", "TR 3.0 s"]
    with pytest.warns(SurrogateDomainWarning, match=r"this: 80 regions; TR 3\.0 s\."):
        report_unlike_contexts(stranger, target)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_finalists": 0}, ValueError, "n_finalists"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction"),
        ({"validation_fraction": "half"}, TypeError, "validation_fraction"),
        ({"on_disagreement": "ask"}, ValueError, "on_disagreement must be 'warn', "),
        ({"refine_budget": 0}, ValueError, "refine_budget"),
        ({"refine_budget": 10.0}, TypeError, "refine_budget"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        Verification(**settings)
