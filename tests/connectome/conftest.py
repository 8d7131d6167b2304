"""Random subjects."""

import numpy as np
import pytest

from delssome.connectome import edges_to_matrix


@pytest.fixture
def subjects(rng, random_sc):
    sc = np.array([random_sc(5) for _ in range(3)])
    fc = edges_to_matrix(rng.uniform(-0.5, 0.9, (3, 10)), diagonal=1.0)
    cdf = np.sort(rng.random((3, 20)), axis=1)
    cdf[:, -1] = 1.0
    return sc, fc, cdf
