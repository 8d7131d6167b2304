import numpy as np
import pytest

from delssome.exceptions import InfeasibleSpaceError
from delssome.models import FIC, ParameterSpace
from delssome.search.baselines import BASELINES, GridSearch

NAMES = [name for name in BASELINES if "Bayes" not in name]


@pytest.fixture
def space():
    return ParameterSpace(FIC(), np.random.default_rng(0).standard_normal((20, 1)))


def bowl(space, theta):
    return ((space.x(theta) - 0.3) ** 2).sum(axis=1)


def run(name, space, budget=1500, seed=0):
    search = BASELINES[name](space, popsize=30, rng=np.random.default_rng(seed))
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
    search = GridSearch(space, popsize=10_000, rng=np.random.default_rng(0))
    theta = search.ask()
    assert theta.shape == (10_000, 4)
    assert all(len(np.unique(column.round(9))) == 10 for column in theta.T)
    assert len(np.unique(theta.round(9), axis=0)) == 10_000


def test_infinite_fitness_is_told_as_a_number(space):
    search = BASELINES["differential evolution"](
        space, popsize=30, rng=np.random.default_rng(0)
    )
    for _ in range(3):
        theta = search.ask()
        search.tell(np.full(len(theta), np.inf))
    assert space.feasible(search.ask()).all()


def test_an_infeasible_space_is_reported(monkeypatch):
    monkeypatch.setattr("delssome.search.baselines.MAX_BATCHES", 3)
    maps = np.random.default_rng(0).standard_normal((20, 1))
    space = ParameterSpace(FIC(), maps, min_w_EI_sd=100.0)
    search = BASELINES["random"](space, rng=np.random.default_rng(0))
    with pytest.raises(InfeasibleSpaceError, match="relax map_signs or min_w_EI_sd"):
        search.ask()
