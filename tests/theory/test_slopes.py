"""Costs by theory with derivatives: against differences, for models of any kind."""

import numpy as np
import pytest

from delssome import FIC, MFM, Acquisition
from delssome.connectome import prepare_sc
from delssome.datasets import make_cohort
from delssome.evaluation import Target
from delssome.models import Candidates, ParameterSpace
from delssome.search.descent import descend
from delssome.theory import TheoryEvaluator, close
from delssome.theory.slopes import FIRM, CostSlopes

N_ROIS = 10
SCAN = Acquisition(n_frames=600)


@pytest.fixture(scope="module")
def target():
    sc = prepare_sc(make_cohort(1, N_ROIS, random_state=0).sc[0])
    rng = np.random.default_rng(1)
    fc = rng.uniform(0.0, 0.6, N_ROIS * (N_ROIS - 1) // 2)
    return Target(3.0 * sc, fc, np.linspace(0.0, 1.0, 400))


def draw(model, G, **ranges):
    rng = np.random.default_rng(0)
    params = {name: rng.uniform(*ends, N_ROIS) for name, ends in ranges.items()}
    return model, params | {"G": np.array(G)}


CASES = {
    "FIC": draw(FIC(), 1.0, w_EE=(2.0, 3.5), w_EI=(2.0, 3.0), sigma=(0.003, 0.006)),
    # Rates near the bounds, whose price has slopes, too.
    "FIC, rates": draw(
        FIC(rate_tolerance=0.02),
        1.5,
        w_EE=(4.2, 4.8),
        w_EI=(2.4, 3.2),
        sigma=(0.006, 0.01),
    ),
    "MFM": draw(MFM(), 2.0, w=(0.5, 0.7), I=(0.28, 0.34), sigma=(0.003, 0.006)),
}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def candidates(model, params, target):
    return Candidates(model, {name: x[None] for name, x in params.items()}, target.sc)


def difference(loss, params, direction, sharpness, step):
    ends = [
        loss({n: x + sign * step * direction[n] for n, x in params.items()}, sharpness)
        for sign in (1, -1)
    ]
    return (ends[0][0] - ends[1][0]) / (2 * step)


def directions(model, params):
    """One parameter of one region each, and G, in shares of the ranges."""
    for name, values in params.items():
        for where in [()] if values.ndim == 0 else [(2,), (7,)]:
            direction = {key: np.zeros_like(x) for key, x in params.items()}
            direction[name][where] = np.ptp(getattr(model, name))
            yield direction


def along(slopes, direction):
    return sum(float(np.sum(slopes[name] * x)) for name, x in direction.items())


def test_slopes_are_those_of_the_cost(case, target):
    model, params = case
    loss = TheoryEvaluator(model, SCAN).slopes(model, target)
    _, slopes = loss(params, 50.0)
    found, expected = np.transpose(
        [
            (along(slopes, one), difference(loss, params, one, 50.0, 1e-5))
            for one in directions(model, params)
        ]
    )
    # Four iterations leave the closure some 1e-4 short, where noise moves it most.
    np.testing.assert_allclose(
        found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max()
    )
    for name, values in params.items():
        assert slopes[name].shape == values.shape


def test_where_noise_softens_a_network_slopes_hold(target):
    model, params = CASES["FIC, rates"]
    params = params | {"w_EE": params["w_EE"] + 0.46, "sigma": np.full(N_ROIS, 0.01)}
    closure = close(candidates(model, params, target), SCAN.step)
    assert 0.7 < closure.softening[0] < FIRM
    loss = CostSlopes(model, SCAN, target, 3)
    rng = np.random.default_rng(5)
    direction = {
        name: np.ptp(getattr(model, name)) * rng.standard_normal(x.shape)
        for name, x in params.items()
    }
    expected = difference(loss, params, direction, 50.0, 1e-6)
    # Here four iterations of the closure are 1 per cent short.
    assert along(loss(params, 50.0)[1], direction) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", ["FIC", "MFM"])
def test_sharp_it_is_the_cost_that_theory_expects(name, target):
    model, params = CASES[name]
    theory = TheoryEvaluator(model, SCAN, n_fcd_bins=400, n_samples=20)
    expected = theory.evaluate(
        candidates(model, params, target), target, np.random.default_rng(0)
    )
    loss = theory.slopes(model, target)
    # FCD of four samples against that of twenty.
    cost = loss(params, 1e5)[0]
    assert cost == pytest.approx(expected.total[0], abs=0.05)
    assert loss(params, 20.0)[0] > cost + 0.02


def test_it_depends_on_nothing_that_was_asked_before(case, target):
    model, params = case
    loss = CostSlopes(model, SCAN, target, 3)
    cost, slopes = loss(params, 50.0)
    loss(params | {"G": params["G"] * 0.7}, 100.0)
    for again in (loss, CostSlopes(model, SCAN, target, 3)):
        other, others = again(params, 50.0)
        assert other == cost
        for name, values in slopes.items():
            np.testing.assert_array_equal(others[name], values)


def test_an_unstable_candidate_costs_infinitely_much(target):
    model, params = CASES["FIC"]
    params = params | {"w_EE": np.full(N_ROIS, 9.9)}
    cost, slopes = CostSlopes(model, SCAN, target, 3)(params, 50.0)
    assert np.isinf(cost)
    assert all((x == 0).all() for x in slopes.values())


def test_rates_near_their_bounds_have_a_price(target):
    wide, params = CASES["FIC"]
    costs = [
        CostSlopes(model, SCAN, target, 3)(params, 50.0)[0]
        for model in (FIC(rate_tolerance=np.inf), wide, FIC(rate_tolerance=1e-4))
    ]
    assert costs[0] <= costs[1] < costs[2] - 0.1


def test_a_descent_moves_regions_of_mfm(target):
    model, params = CASES["MFM"]
    maps = np.random.default_rng(2).standard_normal((N_ROIS, 1))
    space = ParameterSpace(model, maps, departs=True)
    start = space.departing({name: x[None] for name, x in params.items()})[0]
    loss = CostSlopes(model, SCAN, target, 3)
    found = descend(space, loss, start, 0.1, stages=((50.0, 15),))
    assert found.loss[0] < loss(params, 50.0)[0] - 0.1
