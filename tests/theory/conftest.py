"""A small network of FIC and other models, and exact answers to compare with."""

import numpy as np
import pytest

from delssome import FIC, MFM
from delssome.connectome import prepare_sc
from delssome.models import Candidates, Hopf, Linear

N_ROIS = 8


@pytest.fixture
def model():
    return FIC()


@pytest.fixture
def sc():
    weights = np.random.default_rng(2).gamma(3.0, size=(N_ROIS, N_ROIS))
    weights = np.triu(weights, 1) + np.triu(weights, 1).T
    # Few regions: stronger weights than usual give them as much input as many.
    return 5.0 * prepare_sc(weights, transform=None)


@pytest.fixture
def params():
    """Five stable candidates, with more and more coupling and noise."""
    rng = np.random.default_rng(3)
    shape = 5, N_ROIS
    return {
        "w_EE": rng.uniform(4.2, 4.8, shape),
        "w_EI": rng.uniform(2.4, 3.2, shape),
        "G": np.linspace(0.1, 3.0, 5),
        "sigma": np.linspace(0.004, 0.01, 5)[:, None] * np.ones(shape),
    }


@pytest.fixture
def candidates(model, params, sc):
    return Candidates(model, params, sc)


@pytest.fixture
def unstable(params):
    return params | {
        "w_EE": np.full((5, N_ROIS), 9.0),
        "w_EI": np.full((5, N_ROIS), 1.0),
    }


@pytest.fixture
def directed(sc, rng):
    return sc * rng.uniform(0.0, 1.0, sc.shape)


@pytest.fixture
def given(rng):
    """Four stable candidates of each model, with more and more coupling."""
    n = 4
    return {
        MFM: {
            "w": rng.uniform(0.3, 0.6, (n, N_ROIS)),
            "I": rng.uniform(0.29, 0.31, (n, N_ROIS)),
            "G": np.linspace(1.5, 4.0, n),
            "sigma": np.linspace(0.003, 0.01, n),
        },
        Linear: {
            "k": rng.uniform(5.0, 8.0, (n, N_ROIS)),
            "G": np.linspace(1.0, 10.0, n),
            "sigma": np.linspace(0.003, 0.01, n),
        },
        FIC: {
            "w_EE": rng.uniform(4.2, 4.8, (n, N_ROIS)),
            "w_EI": rng.uniform(2.4, 3.2, (n, N_ROIS)),
            "G": np.linspace(0.1, 3.0, n),
            "sigma": np.linspace(0.004, 0.01, n),
        },
        Hopf: {
            "a": rng.uniform(-0.6, -0.15, (n, N_ROIS)),
            "omega": rng.uniform(0.5, 1.0, (n, N_ROIS))
            * np.array([0.5, 2.0, 5.0, 10.0])[:, None],
            "G": np.linspace(1.0, 3.0, n),
            "sigma": np.linspace(0.003, 0.01, n),
        },
    }


@pytest.fixture
def full_jacobian():
    return _full_jacobian


def _full_jacobian(slopes, network, k):
    """Jacobian of all states of candidate k: first all S_E, then all S_I."""
    n_states = slopes.shape[1] - 1
    rows = []
    for i in range(n_states):
        row = [np.diag(slopes[i, j, k]) for j in range(n_states)]
        row[0] = row[0] + slopes[i, n_states, k][:, None] * network[k]
        rows.append(row)
    return np.block(rows)
