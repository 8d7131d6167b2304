import numpy as np
import pytest

from delssome.exceptions import InfeasibleSpaceError
from delssome.models import FIC, ParameterSpace
from delssome.search import BASELINES, GridSearch, Search

NAMES = [name for name in BASELINES if "Bayes" not in name]


@pytest.fixture
def space():
    return ParameterSpace(FIC(), np.random.default_rng(0).standard_normal((20, 1)))


def bowl(space, theta):
    return ((space.x(theta) - 0.3) ** 2).sum(axis=1)


def run(name, space, budget=1500, seed=0):
    search = BASELINES[name](popsize=30).start(space, np.random.default_rng(seed))
    asked, told = [], []
    while sum(map(len, asked)) < budget:
        asked.append(search.ask())
        told.append(bowl(space, asked[-1]))
        search.tell(told[-1])
    return np.concatenate(asked), np.concatenate(told)


@pytest.mark.parametrize("name", NAMES)
def test_only_feasible_candidates_are_asked_for(name, space):
    theta, _ = run(name, space, 300)
    assert theta.shape[1] == 7
    assert space.feasible(theta).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_asks_for_the_same(name, space):
    first, second = (run(name, space, 200)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[:20], run(name, space, 200, seed=1)[0][:20])


@pytest.mark.parametrize("name", ["differential evolution", "gradient descent"])
def test_those_that_learn_find_the_bottom_of_a_bowl(name, space):
    _, told = run(name, space)
    _, random = run("random", space)
    assert told.min() < 0.1 * random.min()


def test_bayesian_optimisation_learns(space):
    pytest.importorskip("optuna", reason="optuna, an optional extra, is not installed")
    _, told = run("Bayesian (TPE)", space, 300)
    _, random = run("random", space, 300)
    assert told.min() < random.min()


def test_a_grid_has_as_many_levels_as_the_budget_allows():
    space = ParameterSpace(FIC(), np.empty((20, 0)))
    search = GridSearch(popsize=10_000).start(space, np.random.default_rng(0))
    theta = search.ask()
    assert theta.shape == (10_000, 4)
    assert all(len(np.unique(column.round(9))) == 10 for column in theta.T)
    assert len(np.unique(theta.round(9), axis=0)) == 10_000


def test_infinite_fitness_is_told_as_a_number(space):
    search = BASELINES["differential evolution"](popsize=30)
    search = search.start(space, np.random.default_rng(0))
    for _ in range(3):
        theta = search.ask()
        search.tell(np.full(len(theta), np.inf))
    assert space.feasible(search.ask()).all()


def test_an_infeasible_space_is_reported(monkeypatch):
    monkeypatch.setattr("delssome.search.baselines.MAX_BATCHES", 3)
    maps = np.random.default_rng(0).standard_normal((20, 1))
    space = ParameterSpace(FIC(min_w_EI_sd=100.0), maps)
    search = BASELINES["random"]().start(space, np.random.default_rng(0))
    with pytest.raises(InfeasibleSpaceError, match="relax its constraints"):
        search.ask()


def test_proposals_of_which_none_is_feasible_are_reported(monkeypatch):
    """A grid has no more points to offer, however often it is asked."""
    monkeypatch.setattr("delssome.search.baselines.MAX_BATCHES", 3)
    maps = np.random.default_rng(0).standard_normal((20, 1))
    space = ParameterSpace(FIC(min_w_EI_sd=100.0), maps)
    search = GridSearch(popsize=10).start(space, np.random.default_rng(0))
    with pytest.raises(InfeasibleSpaceError, match=r"3 batches held no .* constraints"):
        search.ask()


@pytest.mark.parametrize("name", BASELINES)
def test_all_are_searches_with_the_settings_of_all(name):
    search = BASELINES[name](popsize=7, max_iter=3, n_restarts=2)
    assert isinstance(search, Search)
    assert search.get_params().items() >= {
        ("popsize", 7),
        ("max_iter", 3),
        ("n_restarts", 2),
        ("max_seconds", None),
    }


def test_a_larger_budget_has_a_finer_grid():
    space = ParameterSpace(FIC(), np.empty((20, 0)))
    for budget, levels in ((16, 2), (81, 3), (100, 3)):
        search = GridSearch(popsize=1000, budget=budget)
        theta = search.start(space, np.random.default_rng(0)).ask()
        assert len(np.unique(theta[:, 0].round(9))) == levels


@pytest.mark.parametrize("name", NAMES)
def test_a_search_has_no_step_size_and_never_converges(name, space):
    search = BASELINES[name](popsize=30).start(space, np.random.default_rng(0))
    assert np.isnan(search.step_size)
    assert not search.converged
