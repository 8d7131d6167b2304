import itertools

import numpy as np
import pytest

from delssome.connectome import prepare_sc
from delssome.exceptions import SearchInterruptedWarning
from delssome.fitting.journal import Journal
from delssome.fitting.searching import Deadline, Schedule, search
from delssome.models import FIC, MFM, ParameterSpace
from delssome.search import CMAES
from delssome.simulation import Acquisition, SimulationEvaluator, Simulator
from delssome.theory import TheoryEvaluator


@pytest.fixture
def run(space, target, bowl):
    def run(evaluator=None, n_searches=2, **settings):
        settings = {"max_iter": 15, "n_finalists": 6, **settings}
        searchers = [
            CMAES(popsize=12).start(space, child)
            for child in np.random.default_rng(0).spawn(n_searches)
        ]
        evaluator = bowl() if evaluator is None else evaluator
        return search(space, evaluator, target, searchers, Schedule(**settings))

    return run


def test_search_keeps_the_best_of_each_generation_best_first(run, space, target, bowl):
    finalists, history = run()
    assert len(finalists.theta) == 6
    assert np.all(np.diff(finalists.evaluation.fitness) >= 0)
    kept = set(zip(finalists.restart, finalists.generation, strict=True))
    assert len(kept) == 6  # no generation twice
    best = np.nanmin(history.best_total)
    assert finalists.evaluation.total[0] == pytest.approx(best)
    candidates = space.candidates(finalists.theta, target.sc)
    again = bowl().evaluate(candidates, target, None)
    np.testing.assert_allclose(again.costs, finalists.evaluation.costs)


def test_every_restart_has_its_share_of_the_finalists(run):
    finalists, _ = run()
    assert np.bincount(finalists.restart).tolist() == [3, 3]
    finalists, _ = run(n_finalists=5)
    assert len(finalists.theta) == 5
    assert np.bincount(finalists.restart).min() == 2


def test_history_has_a_row_per_generation_of_every_restart(run):
    _, history = run()
    assert len(history.restart) == 30
    assert history.n_evaluations[-1] == 30 * 12
    assert set(history.restart) == {0, 1}


def test_restarts_explore_independently(run):
    finalists, _ = run(n_finalists=30)
    first = finalists.theta[finalists.restart == 0]
    second = finalists.theta[finalists.restart == 1]
    assert not np.isin(first[:, 0], second[:, 0]).any()


def test_search_ends_where_the_evaluator_says(run, space):
    finalists, _ = run(max_iter=40)
    params = space.expand(finalists.theta[:1])
    assert params["G"][0] == pytest.approx(1.0, abs=0.1)
    assert params["w_EE"].mean() < 2.0


def test_what_closes_scores_the_last_generations_and_gives_all_finalists(run, bowl):
    closing = bowl()
    closing.evaluate = lambda candidates, target, rng: bowl.evaluate(
        closing, candidates, target, rng
    )._replace(violation=np.zeros(len(candidates)))
    finalists, history = run(closing=closing, n_closing=4)
    np.testing.assert_array_equal(history.closing, ([False] * 11 + [True] * 4) * 2)
    assert set(finalists.generation) <= {11, 12, 13, 14}


def test_a_search_that_has_converged_closes_at_once(run, bowl):
    _, history = run(n_searches=1, max_iter=400, closing=bowl(), n_closing=3)
    assert len(history.closing) < 300
    np.testing.assert_array_equal(history.generation[-3:], [397, 398, 399])
    assert history.closing[-3:].all()


def test_after_the_deadline_one_generation_is_searched_or_closed(run, bowl):
    _, history = run(deadline=Deadline(0.0))
    assert len(history.generation) == 1
    finalists, history = run(deadline=Deadline(0.0), closing=bowl(), n_closing=2)
    assert history.closing.any()
    assert finalists.generation.min() >= 13


@pytest.mark.parametrize("n_closing", [0, 3])
@pytest.mark.parametrize("n_in_time", [1, 2, 5])
def test_what_time_cut_short_is_not_taken_for_what_comes_later(
    run, bowl, tmp_path, n_closing, n_in_time
):
    """After its deadline a search closes at once, with other candidates."""
    settings = {"n_closing": n_closing, "closing": bowl() if n_closing else None}
    _, whole = run(**settings)
    deadline, calls = Deadline(), itertools.count(1)

    class InTime(bowl):
        def evaluate(self, *arguments):
            if next(calls) == n_in_time:
                deadline.set_now()
            return super().evaluate(*arguments)

    path = tmp_path / "fit.npz"
    journal = Journal(path, "a fit")
    _, short = run(InTime(), journal=journal, deadline=deadline, **settings)
    assert len(short.generation) < len(whole.generation)
    # In the same process, and after it has gone.
    for kept in (journal, Journal(path, "a fit")):
        _, again = run(journal=kept, **settings)
        for name in ("restart", "generation", "best_total", "median_total"):
            np.testing.assert_array_equal(again[name], whole[name])


def test_what_is_kept_is_not_evaluated_again(run, bowl, tmp_path):
    path, calls = tmp_path / "fit.npz", []

    class Counting(bowl):
        def evaluate(self, *arguments):
            calls.append(1)
            return super().evaluate(*arguments)

    for n_evaluated in (30, 0):
        calls.clear()
        run(Counting(), journal=Journal(path, "a fit"))
        assert len(calls) == n_evaluated


def test_an_interruption_ends_the_search_with_what_it_found(run, bowl):
    calls = itertools.count(1)

    class Interrupted(bowl):
        def evaluate(self, *arguments):
            if next(calls) == 4:
                raise KeyboardInterrupt
            return super().evaluate(*arguments)

    deadline = Deadline()
    with pytest.warns(SearchInterruptedWarning, match="after 3 generations"):
        _, history = run(Interrupted(), deadline=deadline)
    assert len(history.generation) == 3
    assert deadline.passed


def test_an_interruption_before_anything_is_found_is_one(run, bowl):
    class Interrupted(bowl):
        def evaluate(self, *arguments):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Interrupted())


SCAN = Acquisition(n_frames=60, window=20, burn_in=7.2, warm_up=3.0)


def evaluators(model):
    yield SimulationEvaluator(model, SCAN, Simulator(n_repeats=2), n_fcd_bins=20)
    yield TheoryEvaluator(model, SCAN, n_fcd_bins=20)


@pytest.mark.parametrize(
    ("model", "method"), [(FIC, "solve"), (MFM, "solve"), (MFM, "steady_state")]
)
def test_candidates_of_a_generation_are_solved_once(
    model, method, target, random_sc, monkeypatch
):
    """However many batches and workers share them."""
    target = target._replace(sc=prepare_sc(random_sc(len(target.sc))))
    original, sizes = getattr(model, method), []

    def counting(self, params, sc):
        sizes.append(len(params["G"]))
        return original(self, params, sc)

    made = list(evaluators(model()))
    space = ParameterSpace(model(), np.empty((len(target.sc), 0)))
    monkeypatch.setattr(model, method, counting)
    for evaluator in made:
        sizes.clear()
        searcher = CMAES(popsize=40).start(space, np.random.default_rng(0))
        search(space, evaluator, target, [searcher], Schedule(1, 1))
        simulated_without_rest = method == "steady_state" and evaluator.simulates
        assert sizes == ([] if simulated_without_rest else [40])
