"""Caveats are found where they apply, and nowhere else."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from delssome import FIC
from delssome.connectome import edges_to_matrix
from delssome.models import ParameterSpace
from delssome.observables import fc_gradients
from delssome.report import caveats

N_ROIS = 8
# A candidate in the middle of the box of FIC with one map: nothing to remark.
INSIDE = [5.0, 0.2, 2.0, 0.3, 1.0, 0.005, 0.0005]


@pytest.fixture
def fitter(fitters, rng):
    """A copy of a fit that nothing speaks against."""
    fitter = copy.copy(fitters["FIC"])
    maps = rng.standard_normal((N_ROIS, 1))
    fitter.space_ = ParameterSpace(FIC(), maps)
    fitter.model_ = fitter.space_.model
    fitter.params_ = np.array(INSIDE)
    fitter.readout_ = 2.5 + 0.5 * rng.standard_normal(N_ROIS)
    edges = rng.uniform(0.1, 0.6, N_ROIS * (N_ROIS - 1) // 2)
    fitter.fc_ = edges_to_matrix(edges, diagonal=1.0)
    fitter._identifiability = replace(
        fitters["FIC"].identifiability_,
        n_scans=2.0,
        readout=fitter.readout_,
        readout_sd=np.full(N_ROIS, 0.2),
        mean_readout_sd=0.19,
        p_upside_down=0.01,
    )
    return fitter


@pytest.fixture
def posterior(posteriors, fitter, rng):
    """The same of a posterior."""
    posterior = copy.copy(posteriors["FIC"])
    posterior.space_, posterior.model_ = fitter.space_, fitter.model_
    posterior.fc_, posterior.readout_ = fitter.fc_, fitter.readout_
    x = fitter.space_.x(INSIDE) + 0.02 * rng.standard_normal((40, len(INSIDE)))
    posterior.draws_ = fitter.space_.theta(x)
    noise = 0.05 * rng.standard_normal((40, N_ROIS))
    posterior.readout_draws_ = posterior.readout_ + noise
    posterior.pattern_probability_ = 0.99
    posterior.n_scans, posterior.n_scans_effective_ = 3.0, np.array([2.0, 1.9, 2.1])
    return posterior


def known(fitter, **changes):
    fitter._identifiability = replace(fitter._identifiability, **changes)


def move(estimator, model, **coefficients):
    """Put the winner, or all draws, at other coefficients of another space."""
    estimator.space_ = ParameterSpace(model, estimator.space_.maps)
    estimator.model_ = model
    theta = np.array(INSIDE)
    for name, value in coefficients.items():
        theta[estimator.space_.names.index(name)] = value
    estimator.params_ = theta
    if hasattr(estimator, "draws_"):
        estimator.draws_ = np.repeat(theta[None], 40, axis=0)


@pytest.fixture(params=["fit", "posterior"])
def either(request, fitter, posterior):
    return fitter if request.param == "fit" else posterior


def test_nothing_is_said_of_what_is_sound(either):
    assert caveats(either) == []


def test_a_flat_map_is_named(fitter, posterior):
    # Of the pattern, without the level: sqrt(0.4**2 - 0.19**2) = 0.35, 1.16 wide.
    known(fitter, readout_sd=np.full(N_ROIS, 0.4))
    fitter.readout_ = 2.5 + 0.1 * (fitter.readout_ - 2.5)
    (said,) = caveats(fitter)
    assert said.startswith("The map is flat")
    assert "known to within 1.16" in said
    level = 5 * (posterior.readout_draws_.mean(axis=1, keepdims=True) - 2.5)
    posterior.readout_draws_ = posterior.readout_draws_ + level  # of no matter
    assert caveats(posterior) == []
    posterior.readout_ = 2.5 + 0.01 * (posterior.readout_ - 2.5)
    assert any("The map is flat" in said for said in caveats(posterior))


def test_an_open_orientation_is_named(fitter, posterior):
    known(fitter, p_upside_down=0.06)
    posterior.pattern_probability_ = 0.94
    for estimator in (fitter, posterior):
        (said,) = caveats(estimator)
        assert "it is upside down with probability 0.06" in said


def test_an_active_constraint_is_named(either):
    signs = FIC(map_signs=(1,))
    move(either, signs, w_EI_1=0.3)
    assert caveats(either) == []
    move(either, signs, w_EI_1=1e-4)
    (said,) = caveats(either)
    assert "at a constraint of the FIC model" in said
    assert "change of w_EI_1 breaks" in said
    move(either, FIC(), w_EI_1=1e-4)
    assert caveats(either) == []


def test_bounds_of_the_box_are_named(either):
    move(either, FIC(), G=2.99, sigma_0=0.00052, sigma_1=0.0)
    (said,) = caveats(either)
    assert "at a bound of G and sigma in some region" in said
    move(either, FIC(), G=2.9)
    assert caveats(either) == []


@pytest.mark.parametrize("axis", ["gradient", "eigenvector"])
def test_signs_of_gradients_of_the_fc_are_named(either, axis):
    fc = either.fc_
    first = fc_gradients(fc)[:, 0]
    if axis == "eigenvector":
        first = np.linalg.eigh(fc)[1][:, -2]
    for signs, expected in (((-1,), 1), ((0,), 0), (None, 0)):
        model = FIC(map_signs=signs)
        either.space_ = ParameterSpace(model, -first[:, None])
        move(either, model, w_EI_1=-0.3, w_EE_1=0.0, sigma_1=0.0)
        said = [one for one in caveats(either) if "is a gradient of the FC" in one]
        assert len(said) == expected
    model = FIC(map_signs=(-1,))
    either.space_ = ParameterSpace(model, -first[:, None])
    move(either, model, w_EI_1=-0.3, w_EE_1=0.0, sigma_1=0.0)
    (said,) = (one for one in caveats(either) if "gradient" in one)
    assert "Map 1 is a gradient of the FC that is fitted (r 1.00)" in said
    assert "map_signs requires -1" in said


def test_a_readout_that_is_its_own_input_is_named(either):
    either.readout_ = 2.5 - 0.5 * either.space_.maps[:, 0]
    (said,) = (one for one in caveats(either) if "Maps are inputs" in one)
    assert "The E/I ratio correlates with map 1 by -1.00" in said


def test_an_error_of_the_model_is_named(fitter, posterior):
    known(fitter, n_scans=0.9)  # which noise alone may give
    assert caveats(fitter) == []
    known(fitter, n_scans=0.4)
    (said,) = caveats(fitter)
    assert "as large as the noise of 0.4 scans: the model errs by more" in said
    posterior.n_scans = 8.0
    (said,) = caveats(posterior)
    assert "the noise of 2 scans, and 8 were stated" in said
    posterior.n_scans = None
    assert caveats(posterior) == []


def test_what_is_not_known_is_not_spoken_of(fitter):
    fitter._identifiability = None
    assert caveats(fitter) == []
