import numpy as np
import pytest
from scipy import stats

from delssome.exceptions import InfeasibleSpaceError
from delssome.inference import draw_feasible, draw_prior, prior
from delssome.models import FIC, ParameterSpace, check_maps

N = 1000
# Of two regions, by one map, whatever the regions want: one coefficient for each.
TWO = np.array([-1.0, 1.0])


def p_value(draws, cdf="uniform"):
    return stats.kstest(draws, cdf).pvalue


@pytest.fixture
def box():
    """No maps, hence no constraint but the ranges."""
    narrow = FIC(w_EE=(2.0, 2.5), w_EI=(1.0, 3.0), G=(0.5, 0.6), sigma=(0.002, 0.003))
    return ParameterSpace(narrow, check_maps(None, 3))


@pytest.fixture
def of_two():
    return ParameterSpace(FIC(), TWO)


@pytest.fixture
def few_chains(monkeypatch):
    """They need less time, and take turns as many do."""
    monkeypatch.setattr(prior, "N_CHAINS", 200)


def every(x):
    return np.ones(len(x), dtype=bool)


def test_draws_fill_a_box_evenly(box, rng):
    x = draw_feasible(box, N, rng)
    assert x.shape == (N, 4)
    assert box.feasible(box.theta(x)).all()
    for k in range(4):
        assert p_value(x[:, k]) > 0.001
    r = np.corrcoef(x.T)[np.triu_indices(4, k=1)]
    assert np.abs(r).max() < 4 / np.sqrt(N)


def test_regions_that_a_map_tells_apart_are_drawn_independently(of_two, rng):
    x = draw_feasible(of_two, N, rng)
    params = of_two.expand(of_two.theta(x))
    for name in ("w_EE", "w_EI", "sigma"):
        low, high = getattr(of_two.model, name)
        values = (params[name] - low) / (high - low)
        assert p_value(values[:, 0]) > 0.001
        assert p_value(values[:, 1]) > 0.001
        assert abs(np.corrcoef(values.T)[0, 1]) < 4 / np.sqrt(N)


@pytest.mark.parametrize("sign", [-1, 1])
def test_draws_obey_the_signs_of_maps(sign, rng):
    space = ParameterSpace(FIC(map_signs=(sign,)), TWO)
    w_EI = space.expand(space.theta(draw_feasible(space, N, rng)))["w_EI"]
    difference = sign * (w_EI[:, 1] - w_EI[:, 0]) / 5.0
    assert (difference >= 0).all()
    # The difference of two numbers that are uniform, if it is positive.
    assert p_value(difference, lambda d: 1 - (1 - d) ** 2) > 0.001


def test_draws_obey_a_constraint_that_cuts_a_hole(rng):
    space = ParameterSpace(FIC(min_w_EI_sd=1.0), TWO)
    w_EI = space.expand(space.theta(draw_feasible(space, N, rng)))["w_EI"]
    size = np.abs(w_EI[:, 1] - w_EI[:, 0]) / 5.0
    assert size.min() >= 0.4  # two standard deviations
    assert p_value(size, lambda d: 1 - ((1 - d) / 0.6) ** 2) > 0.001


def test_a_seed_determines_the_draws(of_two):
    one, two, other = (
        draw_feasible(of_two, 50, np.random.default_rng(k), n_steps=20)
        for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).all()


def test_draws_go_on_from_where_they_are_told_to(of_two, rng):
    start = np.zeros((50, of_two.n_dim))
    start[:, of_two.slices["G"]] = 0.5
    start[:, [of_two.slices[n].start for n in ("w_EE", "w_EI", "sigma")]] = 0.5
    given = start.copy()
    x = draw_feasible(of_two, 50, rng, start=start, n_steps=1)
    np.testing.assert_array_equal(start, given)  # a copy moves
    moves = x - start
    assert (np.abs(moves).max(axis=1) > 0).all()
    unmoved = draw_feasible(of_two, 50, rng, start=start, n_steps=0)
    np.testing.assert_array_equal(unmoved, start)


def test_constraints_that_nothing_meets_are_named(rng):
    space = ParameterSpace(FIC(min_w_EI_sd=2.6), TWO)  # 2.5 is the largest there is
    with pytest.raises(InfeasibleSpaceError, match=r"min_w_EI_sd=2.6.*widen the rang"):
        draw_feasible(space, N, rng)


def test_the_prior_is_uniform_over_what_is_in_range(box, rng):
    n = 300  # more than are in range at first
    x, share = draw_prior(box, lambda x: x[:, 0] + x[:, 1] < 0.5, n, rng)
    assert x.shape == (n, 4)
    total = x[:, 0] + x[:, 1]
    assert total.max() < 0.5
    assert p_value(total, lambda t: (2 * t) ** 2) > 0.001
    assert p_value(x[:, 2]) > 0.001
    # A triangle of an eighth of the square, of some 4000 draws.
    assert share == pytest.approx(0.125, abs=0.025)


@pytest.mark.usefixtures("few_chains")
def test_where_all_is_in_range_the_share_is_one(box, rng):
    x, share = draw_prior(box, every, 10, rng)
    assert x.shape == (10, 4)
    assert share == 1.0


@pytest.mark.usefixtures("few_chains")
def test_a_seed_determines_the_prior(box):
    (one, share), (two, again) = (
        draw_prior(box, lambda x: x[:, 0] < 0.3, 100, np.random.default_rng(0))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)
    assert share == again


@pytest.mark.usefixtures("few_chains")
def test_a_range_that_nothing_is_in_is_named(box, rng, monkeypatch):
    monkeypatch.setattr(prior, "MOST_DRAWS", 400)
    with pytest.raises(InfeasibleSpaceError, match=r"Only 0 of 400 .*plausible range"):
        draw_prior(box, lambda x: ~every(x), 10, rng)
