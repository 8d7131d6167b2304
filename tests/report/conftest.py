"""Fits and posteriors of both models, quick ones."""

import warnings

import numpy as np
import pytest

from delssome import (
    CMAES,
    FIC,
    MFM,
    Acquisition,
    MeanFieldFitter,
    MeanFieldPosterior,
    Simulator,
    Verification,
    pack_subjects,
)
from delssome.observables import fc_matrix, fcd_cdf

N_ROIS = 8
MODELS = {"FIC": FIC(), "MFM": MFM()}
SCAN = Acquisition(n_frames=40, window=10, burn_in=3.6, warm_up=1.0)


@pytest.fixture(scope="session")
def data():
    """One subject, packed, and a map."""
    rng = np.random.default_rng(0)
    upper = np.triu(rng.integers(1, 1000, (N_ROIS, N_ROIS)), 1)
    bold = rng.standard_normal((40, N_ROIS)).cumsum(axis=0)
    X = pack_subjects(upper + upper.T, fc_matrix(bold), fcd_cdf(bold, 10))
    return X, rng.standard_normal((N_ROIS, 1))


@pytest.fixture(scope="session")
def fitters(data):
    """One fit of each model."""
    X, maps = data
    fitted = {}
    for name, model in MODELS.items():
        fitter = MeanFieldFitter(
            maps,
            surrogate="linear",
            model=model,
            acquisition=SCAN,
            search=CMAES(popsize=8, max_iter=1, n_restarts=2),
            simulator=Simulator(n_repeats=1),
            verification=Verification(n_finalists=2),
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted[name] = fitter.fit(X)
    return fitted


@pytest.fixture(scope="session")
def posteriors(data, drawn_at_once):
    """One posterior of each model."""
    X, maps = data
    found = {}
    for name, model in MODELS.items():
        posterior = MeanFieldPosterior(
            maps,
            "linear",
            n_scans=3,
            model=model,
            acquisition=SCAN,
            simulator=Simulator(n_repeats=1),
            random_state=0,
        )
        with warnings.catch_warnings(), drawn_at_once():
            warnings.simplefilter("ignore")
            found[name] = posterior.fit(X)
    return found


@pytest.fixture(params=MODELS)
def fitter(request, fitters):
    return fitters[request.param]


@pytest.fixture(params=MODELS)
def posterior(request, posteriors):
    return posteriors[request.param]


@pytest.fixture(params=[*MODELS, *(f"posterior of {name}" for name in MODELS)])
def either(request, fitters, posteriors):
    of_posterior, _, name = request.param.rpartition("posterior of ")
    return (posteriors if of_posterior else fitters)[name]
