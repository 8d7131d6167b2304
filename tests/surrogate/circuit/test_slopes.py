import numpy as np
import pytest
import torch

from delssome import FIC, MFM, Acquisition, Hopf, Linear
from delssome.connectome import prepare_sc
from delssome.datasets import make_cohort
from delssome.evaluation import Target
from delssome.models import Candidates
from delssome.surrogate import CircuitSurrogate

N_ROIS = 14
SCAN = Acquisition()


@pytest.fixture(scope="module")
def surrogate():
    return CircuitSurrogate.load(acquisition=SCAN)


@pytest.fixture(scope="module")
def sc():
    counts = make_cohort(1, N_ROIS, random_state=0).sc[0]
    return prepare_sc(counts)


@pytest.fixture(scope="module")
def params():
    rng = np.random.default_rng(0)
    return {
        "w_EE": rng.uniform(2.0, 3.5, N_ROIS),
        "w_EI": rng.uniform(2.0, 3.0, N_ROIS),
        "G": np.array(0.8),
        "sigma": rng.uniform(0.003, 0.006, N_ROIS),
    }


@pytest.fixture(scope="module")
def target(sc):
    rng = np.random.default_rng(1)
    fc = rng.uniform(0.0, 0.6, N_ROIS * (N_ROIS - 1) // 2)
    return Target(sc, fc, np.linspace(0.0, 1.0, 400))


def candidates(params, sc):
    return Candidates(FIC(), {name: x[None] for name, x in params.items()}, sc)


def test_it_says_what_the_network_says(surrogate, params, sc, target):
    asked = surrogate.slopes(FIC(), target).asked
    said = asked({name: torch.from_numpy(x) for name, x in params.items()})
    expected = surrogate.statistics(candidates(params, sc))
    assert expected.violation[0] == 0
    np.testing.assert_allclose(said.fc, expected.fc[0], atol=2e-5)
    np.testing.assert_allclose(said.cdf, expected.fcd_cdf[0], atol=2e-5)
    assert said.noise.item() == pytest.approx(expected.fc_noise[0], rel=1e-3)


def test_cost_is_linear_in_the_weights_of_its_terms(surrogate, params, sc, target):
    loss = surrogate.slopes(FIC(), target)
    total, _ = loss(params, 100.0)

    def weighted(*weights):
        loss.weights = weights
        return loss(params, 100.0)[0]

    none = weighted(0.0, 0.0, 0.0)  # what escapes cost
    terms = [weighted(*row) - none for row in np.eye(3)]
    assert min(terms) > 0
    assert total == pytest.approx(sum(terms) + none, rel=1e-9)


def test_sharp_it_is_the_expected_cost(surrogate, params, sc, target):
    cost, _ = surrogate.slopes(FIC(), target)(params, 1e5)
    expected = surrogate.evaluate(candidates(params, sc), target).total[0]
    assert cost == pytest.approx(expected, abs=0.01)
    blunt, _ = surrogate.slopes(FIC(), target)(params, 20.0)
    assert blunt > cost + 0.02


def test_slopes_are_those_of_the_cost(surrogate, params, target):
    cost = surrogate.slopes(FIC(), target)
    _, slopes = cost(params, 50.0)
    for name, values in params.items():
        assert slopes[name].shape == values.shape
        # Shorter ones are lost in the rounding of where regions rest.
        step = 3e-4 * np.ptp(getattr(FIC(), name))
        for where in [()] if name == "G" else [(3,), (11,)]:
            ends = []
            for sign in (1, -1):
                moved = {key: x.copy() for key, x in params.items()}
                moved[name][where] += sign * step
                ends.append(cost(moved, 50.0)[0])
            slope = (ends[0] - ends[1]) / (2 * step)
            assert slopes[name][where] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_an_unstable_candidate_costs_infinitely_much(surrogate, params, target):
    cost, slopes = surrogate.slopes(FIC(), target)(
        params | {"w_EE": np.full(N_ROIS, 9.9), "G": np.array(3.0)}, 50.0
    )
    assert np.isinf(cost)
    assert all((x == 0).all() for x in slopes.values())


def test_models_whose_regions_move_each_other_have_no_slopes(surrogate, target):
    assert surrogate.slopes(MFM(), target) is None
    assert surrogate.slopes(Linear(), target) is not None
    with pytest.raises(ValueError, match="Hopf"):
        surrogate.slopes(Hopf(), target)
