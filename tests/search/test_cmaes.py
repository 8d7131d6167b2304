import os
import subprocess
import sys

import cma
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
    search = CMAES(popsize=20).start(space, np.random.default_rng(seed))
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
    search = CMAES(popsize=20).start(space, np.random.default_rng(0))
    for _ in range(60):
        theta = search.ask()
        fitness = bowl(space, theta)
        fitness[space.x(theta)[:, 6] > 0.5] = np.inf
        search.tell(fitness)
    assert fitness.min() < 0.01


def test_an_infeasible_space_is_reported():
    maps = np.random.default_rng(0).standard_normal((20, 1))
    space = ParameterSpace(FIC(min_w_EI_sd=100.0), maps)
    search = CMAES(popsize=500).start(space, np.random.default_rng(0))
    said = r"min_w_EI_sd=100\.0.*relax its constraints"
    with pytest.raises(InfeasibleSpaceError, match=said) as caught:
        search.ask()
    # A smaller step makes nothing feasible that is not.
    assert "sigma0" not in str(caught.value)


def test_no_file_is_written(space, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(space, 3)
    assert os.listdir() == []


def maps_of(n_rois=68):
    maps = np.random.default_rng(5).standard_normal((n_rois, 2))
    return maps.cumsum(axis=0) / np.sqrt(n_rois)  # smooth, as gradients are


@pytest.mark.parametrize("sigma0", [0.2, 0.05, 0.001])
@pytest.mark.parametrize("seed", range(4))
def test_any_step_size_finds_a_start_that_keeps_signs_of_maps(sigma0, seed):
    """The published start need not be feasible, nor anything that is near it."""
    space = ParameterSpace(FIC(map_signs=(-1, 1)), maps_of())
    search = CMAES(popsize=30, sigma0=sigma0).start(space, np.random.default_rng(seed))
    for _ in range(3):
        theta = search.ask()
        assert theta.shape == (30, 10)
        assert space.feasible(theta).all()
        search.tell(bowl(space, theta))
    assert 0.3 * sigma0 < search.step_size < 3 * sigma0


@pytest.mark.parametrize("sigma0", [0.05, 0.001])
def test_a_start_that_was_looked_for_is_determined_by_the_seed(sigma0):
    space = ParameterSpace(FIC(map_signs=(-1, 1)), maps_of())
    first, second, other = (
        CMAES(popsize=8, sigma0=sigma0).start(space, np.random.default_rng(seed)).ask()
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("signs", [None, (-1, 1)])
def test_where_the_start_will_do_draws_are_those_of_plain_rejection(signs):
    """As published: nothing is drawn but what the strategy draws."""
    space = ParameterSpace(FIC(map_signs=signs), maps_of())
    search = CMAES(popsize=20).start(space, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    strategy = cma.CMAEvolutionStrategy(
        space.start(rng),
        0.2,
        {
            "popsize": 20,
            "seed": np.nan,
            "randn": lambda *shape: rng.standard_normal(shape),
            "verbose": -9,
            "verb_log": 0,
            "signals_filename": "",
            "tolfun": 1e-4,
            "tolfunhist": 1e-4,
        },
    )
    for _ in range(3):
        accepted = []
        while len(accepted) < 20:
            draws = np.array(strategy.ask(20))
            accepted.extend(draws[space.feasible(space.theta(draws))])
        accepted = np.array(accepted[:20])
        theta = search.ask()
        np.testing.assert_array_equal(theta, space.theta(accepted))
        fitness = bowl(space, theta)
        search.tell(fitness)
        strategy.tell(list(accepted), list(fitness))


def test_fitness_of_other_candidates_is_refused(space):
    search = CMAES(popsize=20).start(space, np.random.default_rng(0))
    with pytest.raises(ValueError, match="ask first"):
        search.tell(np.zeros(20))
    search.ask()
    with pytest.raises(ValueError, match=r"got shape \(19,\)"):
        search.tell(np.zeros(19))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"popsize": 3}, ValueError, "popsize must be an integer between 4 and 100000"),
        ({"popsize": 20.5}, TypeError, "popsize"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"n_restarts": "two"}, TypeError, "n_restarts"),
        ({"n_restarts": 0}, ValueError, "n_restarts"),
        ({"n_closing": -1}, ValueError, "n_closing"),
        ({"max_seconds": -1.0}, ValueError, "max_seconds"),
        ({"sigma0": 0.0}, ValueError, "sigma0"),
        ({"sigma0": np.nan}, ValueError, "sigma0"),
    ],
)
def test_bad_settings_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        CMAES(**settings)


def test_one_setting_starts_many_searches(space):
    """Settings hold no state: searches started from them know nothing of each other."""
    settings = CMAES(popsize=20)
    alone = settings.start(space, np.random.default_rng(1)).ask()
    first = settings.start(space, np.random.default_rng(0))
    second = settings.start(space, np.random.default_rng(1))
    first.ask()
    np.testing.assert_array_equal(second.ask(), alone)
    assert settings == CMAES(popsize=20)


def test_what_the_library_has_for_shells_is_loaded_when_it_is_used():
    """It loads pyplot, for which every worker would pay."""
    code = (
        "import sys\n"
        "from delssome.search import CMAES\n"
        "from delssome.models import FIC, ParameterSpace\n"
        "import numpy as np\n"
        "rng = np.random.default_rng(0)\n"
        "space = ParameterSpace(FIC(), rng.standard_normal((20, 2)))\n"
        "CMAES().start(space, rng).ask()\n"
        "all(hasattr(m, '__file__') for m in list(sys.modules.values()))\n"
        "assert 'matplotlib' not in sys.modules\n"
        "import cma, cma.s\n"
        "assert callable(cma.s.pprint) and cma.s is sys.modules['cma.s']\n"
        "assert 'matplotlib.pyplot' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
