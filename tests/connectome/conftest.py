"""Random subjects."""

import numpy as np
import pytest


@pytest.fixture
def subjects(rng, random_sc):
    sc = np.array([random_sc(5) for _ in range(3)])
    fc = np.array([np.corrcoef(signals) for signals in rng.normal(size=(3, 5, 20))])
    cdf = np.sort(rng.random((3, 20)), axis=1)
    cdf[:, -1] = 1.0
    return sc, fc, cdf
