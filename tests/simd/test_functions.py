"""Elementary functions and noise of compiled code."""

import numpy as np
import pytest
from numba import njit
from scipy import stats

from delssome.simd import functions


@njit
def apply_expm1(x, y):
    for k in range(len(x)):
        y[k] = functions.expm1(x[k])


@njit
def apply_log(x, y):
    for k in range(len(x)):
        y[k] = functions.log(x[k])


@njit
def draw(state, out):
    """Fill out (n, 2, n_lanes) from the states (4, n_lanes)."""
    for k in range(out.shape[0]):
        for lane in range(out.shape[2]):
            a, b, x0, x1, x2, x3 = functions.next_pair(
                state[0, lane], state[1, lane], state[2, lane], state[3, lane]
            )
            state[0, lane], state[1, lane] = x0, x1
            state[2, lane], state[3, lane] = x2, x3
            out[k, 0, lane], out[k, 1, lane] = a, b


def noise(seeds, n):
    out = np.empty((n, 2, len(seeds)), dtype=np.float32)
    draw(functions.seed_lanes(seeds), out)
    return out


@pytest.fixture(scope="module")
def draws():
    return noise(np.arange(50), 40_000)  # four million numbers


def test_expm1_is_exact_to_single_precision():
    small = np.logspace(-30, 0, 2000)
    x = np.concatenate([-small, small, np.linspace(-80, 80, 10_001)])
    x = x.astype(np.float32)
    y = np.empty_like(x)
    apply_expm1(x, y)
    exact = np.expm1(x.astype(np.float64))
    kept = exact != 0
    assert np.abs(y[kept] / exact[kept] - 1).max() < 3e-7


def test_log_is_exact_to_single_precision():
    x = np.concatenate([np.logspace(-30, 30, 5001), np.linspace(0.5, 2, 5001)])
    x = x.astype(np.float32)
    y = np.empty_like(x)
    apply_log(x, y)
    exact = np.log(x.astype(np.float64))
    assert np.abs(y - exact).max() / np.abs(exact).max() < 1e-7
    near = np.abs(exact) < 0.7
    assert np.abs(y - exact)[near].max() < 1e-7


def test_moments_are_those_of_a_standard_normal(draws):
    x = draws.ravel().astype(np.float64)
    n, power = x.size, np.ones_like(x)
    # Five standard errors of the first six moments.
    for order, expected, variance in (
        (1, 0, 1),
        (2, 1, 2),
        (3, 0, 15),
        (4, 3, 96),
        (5, 0, 945),
        (6, 15, 10_170),
    ):
        power *= x
        assert abs(power.mean() - expected) < 5 * np.sqrt(variance / n), order


def test_distribution_is_standard_normal(draws):
    for component in (draws[:, 0], draws[:, 1]):
        x = component.ravel()[:1_000_000].astype(np.float64)
        assert stats.kstest(x, "norm").pvalue > 1e-4


@pytest.mark.parametrize("threshold", [2.0, 3.0, 4.0, 4.5])
def test_tails_hold_as_many_as_they_should(draws, threshold):
    n = draws.size
    expected = 2 * stats.norm.sf(threshold) * n
    found = np.count_nonzero(np.abs(draws) > threshold)
    assert abs(found - expected) < 5 * np.sqrt(expected)


def test_no_number_is_beyond_what_is_documented(draws):
    assert np.abs(draws).max() < 5.9


def test_directions_of_pairs_are_uniform(draws):
    angle = np.arctan2(draws[:, 1], draws[:, 0]).ravel()
    counts = np.histogram(angle, bins=64, range=(-np.pi, np.pi))[0]
    assert stats.chisquare(counts).pvalue > 1e-4


def test_numbers_are_uncorrelated_in_time_between_states_and_lanes(draws):
    x = draws.astype(np.float64)
    n = len(x)

    def correlation(a, b):
        return (a * b).mean()

    bound = 5 / np.sqrt(n * 50)
    assert abs(correlation(x[:, 0], x[:, 1])) < bound
    for lag in (1, 2, 3, 7, 64, 68, 136):
        assert abs(correlation(x[lag:, 0], x[:-lag, 0])) < bound
        assert abs(correlation(x[lag:, 1], x[:-lag, 1])) < bound
        assert abs(correlation(x[lag:, 0], x[:-lag, 1])) < bound
    between = np.corrcoef(x[:, 0].T)[np.triu_indices(50, 1)]
    assert np.abs(between).max() < 5.5 / np.sqrt(n)  # 1225 pairs


def test_squares_are_uncorrelated_too(draws):
    x = draws.astype(np.float64) ** 2 - 1
    bound = 5 * 2 / np.sqrt(x[:, 0].size)  # variance of the product is 4
    assert abs((x[:, 0] * x[:, 1]).mean()) < bound
    assert abs((x[1:, 0] * x[:-1, 0]).mean()) < bound


def test_neighbouring_seeds_give_unrelated_streams():
    a, b = noise([1, 2], 100_000)[:, 0].T.astype(np.float64)
    assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(100_000)


def test_a_stream_does_not_depend_on_its_lane():
    np.testing.assert_array_equal(
        noise([7], 100)[:, :, 0], noise([3, 4, 7], 100)[:, :, 2]
    )


def test_specialised_functions_compute_in_single_precision():
    def cubic(x):
        return 1.5 * x * x * x + 2 * x - 1

    single = functions.specialise(cubic, "test")
    assert isinstance(single.py_func(np.float32(0.3)), np.float32)
    assert single(np.float32(0.3)) == pytest.approx(cubic(0.3), rel=1e-6)
