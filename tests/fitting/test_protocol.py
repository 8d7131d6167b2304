import numpy as np
import pytest

from delssome import Verification
from delssome.exceptions import SurrogateDomainError, SurrogateDomainWarning
from delssome.fitting.protocol import Task, search_and_verify
from delssome.fitting.searching import Deadline, Schedule
from delssome.search import CMAES


@pytest.fixture
def task(space, target, rng, bowl, simulated):
    """Search by one evaluator that simulation contradicts, then by one it does not."""

    def make(on_disagreement, **changes):
        settings = {
            "space": space,
            "target": target,
            "validation": target,
            "evaluators": [bowl(), bowl(error=9.0)],
            "simulator": simulated(-np.tile(target.fc, (6, 1)), np.zeros(6)),
            "search": CMAES(popsize=12),
            "n_restarts": 1,
            # Rounded up to five generations.
            "verification": Verification(
                on_disagreement=on_disagreement, refine_budget=49
            ),
            "schedule": Schedule(max_iter=5, n_finalists=5),
            "rng": rng,
        }
        return Task(**{**settings, **changes})

    return make


def test_a_contradicted_evaluator_gives_way_to_the_next(task):
    table, history = search_and_verify(task("refine"))
    np.testing.assert_array_equal(table.stage, [0] * 5 + [1] * 5)
    assert np.isnan(table.predicted_error[:5]).all()
    assert (table.predicted_error[5:] == 9.0).all()
    assert history.n_evaluations[-1] == 10 * 12
    # The search went on, with the step size that it had come to.
    assert history.best_total[5] < history.best_total[0]
    assert history.step_size[5] == pytest.approx(history.step_size[4], rel=0.5)


def screened(bowl, simulator):
    looked_at = []

    class Exact(bowl):
        def evaluate(self, candidates, target, rng):
            looked_at.append(len(candidates))
            return super().evaluate(candidates, target, rng)

    settings = {
        "evaluators": [bowl(error=9.0), Exact()],
        "simulator": simulator,
        "n_restarts": 3,
        "schedule": Schedule(max_iter=15, n_finalists=20),
    }
    return settings, looked_at


def test_theory_looks_at_forty_and_five_are_simulated(task, bowl, simulated, target):
    simulator = simulated(np.tile(target.fc, (5, 1)), np.zeros(5))
    settings, looked_at = screened(bowl, simulator)
    table, _ = search_and_verify(task("warn", **settings))
    assert looked_at == [40]
    assert len(table.stage) == len(table.departure) == len(table.predicted_error) == 5
    assert np.bincount(table.restart).max() <= 2
    assert table.selected.sum() == 1


def test_where_none_of_five_stays_the_next_are_simulated(task, bowl, simulated, target):
    outside = simulated(np.tile(target.fc, (5, 1)), np.ones(5))
    inside = simulated(np.tile(target.fc, (5, 1)), np.zeros(5))

    class Third:
        """Only what is simulated third stays in range."""

        n_calls = 0

        def statistics(self, *args, **kwargs):
            self.n_calls += 1
            simulator = inside if self.n_calls == 3 else outside
            return simulator.statistics(*args, **kwargs)

    settings, _ = screened(bowl, Third())
    with pytest.warns(SurrogateDomainWarning, match="of 15 finalists, 10 that"):
        table, _ = search_and_verify(task("warn", **settings))
    np.testing.assert_array_equal(table.in_range, np.repeat([0, 0, 1], 5))
    np.testing.assert_array_equal(np.flatnonzero(table.selected) // 5, [2])
    # None of all: the best of those that theory found best is what is left.
    settings, _ = screened(bowl, outside)
    with pytest.warns(SurrogateDomainWarning, match="of 40 finalists, 40 that"):
        table, _ = search_and_verify(task("warn", **settings))
    np.testing.assert_array_equal(np.flatnonzero(table.selected) // 5, [0])


def test_a_budget_limits_the_candidates_of_a_further_evaluator(task):
    verification = Verification(on_disagreement="refine", refine_budget=25)
    _, history = search_and_verify(task("refine", verification=verification))
    np.testing.assert_array_equal(np.bincount(history.stage), [5, 3])


def test_disagreement_warns_or_raises(task):
    with pytest.warns(SurrogateDomainWarning, match="on_disagreement='refine'"):
        table, _ = search_and_verify(task("warn"))
    assert len(table.stage) == 5
    with pytest.raises(SurrogateDomainError, match="contradicts"):
        search_and_verify(task("raise"))


def test_after_the_deadline_disagreement_is_warned_of(task):
    schedule = Schedule(max_iter=5, n_finalists=5, deadline=Deadline(0.0))
    with pytest.warns(SurrogateDomainWarning, match="contradicts"):
        table, _ = search_and_verify(task("refine", schedule=schedule))
    assert set(table.stage) == {0}


def test_what_simulates_is_contradicted_by_nothing(task, bowl):
    simulating = bowl()
    simulating.simulates = True
    for policy in ("warn", "raise", "refine"):
        table, _ = search_and_verify(task(policy, evaluators=[simulating, bowl()]))
        assert set(table.stage) == {0}


def test_one_that_agrees_is_not_searched_on(task, bowl):
    table, _ = search_and_verify(task("refine", evaluators=[bowl(error=9.0), bowl()]))
    assert set(table.stage) == {0}
