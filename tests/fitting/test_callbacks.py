"""scikit-learn's callbacks over the generations of a fit."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from delssome import CMAES, Acquisition, MeanFieldFitter, Simulator, Verification
from delssome.datasets import make_cohort

callback = pytest.importorskip("sklearn.callback")  # 1.9 and newer

SCAN = Acquisition(n_frames=40, window=10, burn_in=10, warm_up=1)


class Listener:
    """Notes what it is told, and ends a search after some generations."""

    max_propagation_depth = None

    def __init__(self, stop_after=None):
        self.stop_after, self.ended, self.set_up, self.torn_down = stop_after, [], 0, 0
        self.scores = []

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append((context.task_name, context.task_id))
        if context.task_name == "generation":
            self.scores.append(fitted_estimator.score(X))
            return context.task_id + 1 == self.stop_after
        return False


@pytest.fixture(scope="module")
def cohort():
    return make_cohort(3, 8, acquisition=SCAN, n_fcd_bins=100, random_state=0)


@pytest.fixture
def fitter(cohort):
    return MeanFieldFitter(
        cohort.maps,
        None,
        acquisition=SCAN,
        search=CMAES(popsize=6, max_iter=3, n_restarts=2),
        simulator=Simulator(n_repeats=1),
        verification=Verification(n_finalists=2),
        n_fcd_bins=100,
        random_state=0,
    )


def test_every_generation_is_told_with_an_estimator_that_scores(cohort, fitter):
    listener = Listener()
    fitter.set_callbacks(listener).fit(cohort.X)
    one = [("generation", k) for k in range(3)]
    parts = [*one, ("search", 0), *one, ("search", 1), ("verify", 2), ("fit", 0)]
    assert listener.ended == parts
    assert (listener.set_up, listener.torn_down) == (1, 1)
    assert np.isfinite(listener.scores).all()
    assert len(set(listener.scores)) > 1


def test_who_looks_on_changes_nothing(cohort, fitter):
    alone = clone(fitter).fit(cohort.X)
    watched = fitter.set_callbacks(Listener()).fit(cohort.X)
    np.testing.assert_array_equal(watched.params_, alone.params_)
    assert watched.cost_ == alone.cost_


def test_a_callback_ends_searches(cohort, fitter):
    fitter.set_callbacks(Listener(stop_after=2)).fit(cohort.X)
    assert fitter.outcome_.history.generation.tolist() == [0, 1, 0, 1]


def test_callbacks_end_with_a_fit_that_fails(cohort, fitter):
    listener = Listener()
    fitter.set_callbacks(listener).set_params(random_state=0, n_jobs=1)
    fitter.search = CMAES(popsize=6, max_iter=1)

    def broken(*args, **kwargs):
        raise RuntimeError("broken")

    listener.on_fit_task_begin = broken
    with pytest.raises(RuntimeError, match="broken"):
        fitter.fit(cohort.X)
    assert (listener.set_up, listener.torn_down) == (1, 1)
    assert not hasattr(fitter, "outcome_")


def test_a_grid_search_hands_them_on(cohort, fitter):
    listener = Listener()
    grid = GridSearchCV(fitter, {"search__popsize": [5, 6]}, cv=2, refit=False)
    grid.set_callbacks(listener).fit(cohort.X)
    assert sum(name == "generation" for name, _ in listener.ended) == 4 * 2 * 3
    assert (listener.set_up, listener.torn_down) == (1, 1)


def test_scores_are_monitored(cohort, fitter):
    monitor = callback.ScoringMonitor(scoring={"score": lambda f, X, y: f.score(X)})
    fitter.set_callbacks(monitor).fit(cohort.X, np.zeros(3))  # it asks for a y
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows] == ["generation"] * 6
    scores = [row["score"] for row in rows]
    assert np.isfinite(scores).all()
