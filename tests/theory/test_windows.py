"""Correlations of samples and their weights, against observables and differences."""

import numpy as np
import pytest

from delssome.observables import fc_edges, fcd_matrix
from delssome.theory.windows import Windows, smooth_distribution

WINDOW, STRIDE = 20, 4


@pytest.fixture
def signals(rng):
    return np.cumsum(rng.standard_normal((2, 90, 5)), axis=1)


def test_windows_say_what_observables_say(signals):
    windows = Windows(signals, WINDOW, STRIDE)
    np.testing.assert_allclose(windows.fc, fc_edges(signals), atol=1e-12)
    for sample, pairs in zip(signals, windows.pairs, strict=True):
        dynamics = fcd_matrix(sample, WINDOW)[::STRIDE, ::STRIDE]
        expected = dynamics[np.triu_indices(len(dynamics), k=1)]
        np.testing.assert_allclose(pairs, expected, atol=1e-12)


def test_weights_of_signals_are_derivatives(signals, rng):
    windows = Windows(signals, WINDOW, STRIDE)
    by_fc = rng.standard_normal(windows.fc.shape)
    by_pairs = rng.standard_normal(windows.pairs.shape)
    direction = rng.standard_normal(signals.shape)

    def number(step):
        moved = Windows(signals + step * direction, WINDOW, STRIDE)
        return (by_fc * moved.fc).sum() + (by_pairs * moved.pairs).sum()

    found = (windows.weights(by_fc, by_pairs) * direction).sum()
    # Central differences are this exact for numbers of order one.
    assert found == pytest.approx((number(1e-5) - number(-1e-5)) / 2e-5, rel=1e-6)


def test_a_smooth_distribution_is_near_the_steps(rng):
    values = np.append(rng.uniform(-0.5, 0.9, (3, 400)), [[-1.0] * 400, [1.0] * 400], 0)
    cdf, _ = smooth_distribution(values, 200)
    ends = np.linspace(-1.0, 1.0, 201)[1:]
    steps = (values.ravel() <= ends[:, None]).mean(axis=1)
    inner = slice(2, -2)  # at -1 and 1 values are many
    np.testing.assert_allclose(cdf[inner], steps[inner], atol=0.01)
    assert (np.diff(cdf) >= 0).all()


def test_a_smooth_distribution_has_derivatives(rng):
    values, by = rng.uniform(-0.99, 0.99, 50), rng.standard_normal(40)
    direction = rng.standard_normal(50)
    back = smooth_distribution(values, 40)[1]

    def number(step):
        return by @ smooth_distribution(values + step * direction, 40)[0]

    expected = (number(1e-6) - number(-1e-6)) / 2e-6
    assert back(by) @ direction == pytest.approx(expected, rel=1e-5)
