import numpy as np
import pytest
from scipy.optimize import OptimizeResult, minimize

from delssome.models import FIC, ParameterSpace
from delssome.search import descent
from delssome.search.descent import ABNORMAL, MARGIN, PRICE, STAGES, descend

N_ROIS = 12


class Bowl:
    """A cost with a known lowest point, and a candidate that is unstable."""

    def __init__(self, aim, steep=1.0):
        self.aim, self.steep, self.asked = aim, steep, []

    def __call__(self, params, sharpness):
        self.asked.append(sharpness)
        if params["G"] > 2.9:
            return np.inf, {name: np.zeros_like(x) for name, x in params.items()}
        off = {name: params[name] - self.aim[name] for name in params}
        value = sum(self.steep * np.square(x).sum() for x in off.values())
        return float(value), {name: 2 * self.steep * x for name, x in off.items()}


@pytest.fixture
def maps(rng):
    return rng.standard_normal((N_ROIS, 1))


@pytest.fixture
def space(maps):
    return ParameterSpace(FIC(), maps, departs=True)


@pytest.fixture
def aim(rng):
    return {
        "w_EE": rng.uniform(2, 8, N_ROIS),
        "w_EI": rng.uniform(1, 4, N_ROIS),
        "G": np.array(1.0),
        "sigma": np.full(N_ROIS, 0.005),
    }


@pytest.fixture
def start(space):
    params = {
        "w_EE": np.full((1, N_ROIS), 5.0),
        "w_EI": np.full((1, N_ROIS), 2.0),
        "G": np.array([2.0]),
        "sigma": np.full((1, N_ROIS), 0.004),
    }
    return space.departing(params)[0]


def found(space, theta):
    return {name: x[0] for name, x in space.expand(theta[None]).items()}


def test_free_regions_go_where_the_cost_is_lowest(space, aim, start):
    bowl = Bowl(aim)
    ended = descend(space, bowl, start, np.inf)
    assert ended.theta.shape == (len(STAGES), space.n_dim)
    params = found(space, ended.theta[-1])
    for name in ("w_EE", "w_EI", "G"):
        np.testing.assert_allclose(params[name], aim[name], atol=1e-3)
    assert ended.loss[-1] == pytest.approx(0.0, abs=1e-4)
    assert ended.n_evaluations.sum() == len(bowl.asked)
    assert list(dict.fromkeys(bowl.asked)) == [sharpness for sharpness, _ in STAGES]


def test_departures_have_a_price(space, aim, start):
    """One of so many standard deviations, root mean square, costs that many squared."""
    stiff, loose = (
        descend(space, Bowl(aim, 1e-4), start, departure) for departure in (0.01, 1.0)
    )
    off = np.array(["_at_" in name for name in space.names])
    stiff_off, loose_off = (np.abs(e.theta[-1][off]).max() for e in (stiff, loose))
    assert stiff_off < 0.1 * loose_off
    shares = space.shares(space.expand(loose.theta[-1][None]))[0]
    params = found(space, loose.theta[-1])
    cost = Bowl(aim, 1e-4)(params, 1.0)[0]
    own = np.delete(shares, 2 * N_ROIS).reshape(3, N_ROIS)
    design = np.column_stack([np.ones(N_ROIS), space.maps])
    left = own.T - design @ np.linalg.lstsq(design, own.T, rcond=None)[0]
    assert loose.loss[-1] == pytest.approx(cost + PRICE * np.square(left).mean())


def test_what_maps_explain_is_free(space, aim, start, maps):
    aim["w_EE"] = 5.0 + maps[:, 0]
    aim["w_EI"] = 2.0 - 0.3 * maps[:, 0]
    ended = descend(space, Bowl(aim), start, 1e-3)
    assert ended.loss[-1] == pytest.approx(0.0, abs=1e-4)


def test_it_keeps_within_the_box_and_signs(maps, aim, start):
    space = ParameterSpace(FIC(map_signs=(1,)), maps, departs=True)
    aim["w_EI"] = 2.0 - 1.0 * maps[:, 0]  # the wrong way
    aim["w_EE"] = np.linspace(-5, 20, N_ROIS)
    ended = descend(space, Bowl(aim), start, np.inf)
    assert space.feasible(ended.theta).all()
    params = found(space, ended.theta[-1])
    tilt = params["w_EI"] @ (maps[:, 0] - maps.mean())
    assert tilt == pytest.approx(0.0, abs=1e-3)
    assert params["w_EE"].min() == pytest.approx(1.0, abs=20 * MARGIN)
    assert params["w_EE"].max() == pytest.approx(10.0, abs=20 * MARGIN)


def test_it_turns_back_from_what_is_unstable(space, aim, start):
    aim["G"] = np.array(3.0)
    ended = descend(space, Bowl(aim), start, np.inf)
    assert np.isfinite(ended.loss).all()
    assert found(space, ended.theta[-1])["G"] <= 2.9


def test_where_a_line_search_fails_shorter_steps_go_on(space, aim, start, monkeypatch):
    tried = []

    def fails_once(function, x, **settings):
        tried.append(settings["bounds"][0][1])
        if len(tried) > 1:
            return minimize(function, x, **settings)
        return OptimizeResult(x=x, fun=function(x)[0], nit=0, status=ABNORMAL)

    monkeypatch.setattr(descent, "minimize", fails_once)
    ended = descend(space, Bowl(aim), start, np.inf, stages=((50.0, 100),))
    assert ended.loss[0] == pytest.approx(0.0, abs=1e-3)
    # Coordinates ten times as long make steps of their size ten times as short.
    np.testing.assert_allclose(tried, [1.0, 10.0], rtol=1e-6)
