import os

import numpy as np
import pytest

from delssome.exceptions import InfeasibleSpaceError
from delssome.models import FIC, ParameterSpace
from delssome.search import CMAES


@pytest.fixture
def space():
    return ParameterSpace(FIC(), np.random.default_rng(0).standard_normal((20, 2)))


def bowl(space, theta, centre=0.45):
    bottom = centre * np.isin(np.arange(10), [0, 3, 6, 7])
    return ((space.x(theta) - bottom) ** 2).sum(axis=1)


def run(space, n_generations, seed=0):
    search = CMAES(space, popsize=20, rng=np.random.default_rng(seed))
    best = []
    for _ in range(n_generations):
        theta = search.ask()
        fitness = bowl(space, theta)
        search.tell(fitness)
        best.append(fitness.min())
    return search, theta, best


def test_it_asks_for_feasible_candidates_only(space):
    _, theta, _ = run(space, 5)
    assert theta.shape == (20, 10)
    assert space.feasible(theta).all()


def test_it_finds_the_bottom_of_a_bowl(space):
    _, _, best = run(space, 60)
    assert best[-1] < 1e-3 * best[0]


def test_a_seed_determines_the_search(space):
    np.testing.assert_array_equal(run(space, 4)[1], run(space, 4)[1])
    assert not np.array_equal(run(space, 4)[1], run(space, 4, seed=1)[1])


def test_it_converges_and_says_so(space):
    search, _, _ = run(space, 1)
    assert not search.converged
    search, _, _ = run(space, 120)
    assert search.converged


def test_infinite_fitness_is_ranked_last(space):
    search = CMAES(space, popsize=20, rng=np.random.default_rng(0))
    for _ in range(60):
        theta = search.ask()
        fitness = bowl(space, theta)
        fitness[space.x(theta)[:, 6] > 0.5] = np.inf
        search.tell(fitness)
    assert fitness.min() < 0.01


def test_an_infeasible_space_is_reported():
    maps = np.random.default_rng(0).standard_normal((20, 1))
    space = ParameterSpace(FIC(), maps, min_w_EI_sd=100.0)
    search = CMAES(space, popsize=500, rng=np.random.default_rng(0))
    with pytest.raises(InfeasibleSpaceError, match="relax map_signs or min_w_EI_sd"):
        search.ask()


def test_no_file_is_written(space, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(space, 3)
    assert os.listdir() == []
