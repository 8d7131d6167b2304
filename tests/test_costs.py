import numpy as np
import pytest

from delssome.costs import (
    cost_terms,
    expected_cost_terms,
    fc_correlation_cost,
    fc_l1_cost,
    fcd_ks_cost,
    rounded_cost,
)


def test_correlation_cost_is_one_minus_pearson(rng):
    a, b = rng.standard_normal((2, 50))
    assert fc_correlation_cost(a, b) == pytest.approx(1 - np.corrcoef(a, b)[0, 1])
    assert fc_correlation_cost(a, 2 * a + 3) == pytest.approx(0)
    assert fc_correlation_cost(a, -a) == pytest.approx(2)


def test_l1_cost_is_a_difference_of_means():
    assert fc_l1_cost([0.1, 0.5], [0.4, 0.0]) == pytest.approx(0.1)


def test_ks_cost_is_the_largest_gap():
    assert fcd_ks_cost([0.1, 0.5, 1.0], [0.2, 0.9, 1.0]) == pytest.approx(0.4)


def test_terms_broadcast_candidates_against_targets(rng):
    fc_sim, fc_emp = rng.standard_normal((4, 1, 10)), rng.standard_normal((3, 10))
    cdf_sim, cdf_emp = rng.random((4, 1, 20)), rng.random((3, 20))
    terms = cost_terms(fc_sim, cdf_sim, fc_emp, cdf_emp)
    assert terms.shape == (4, 3, 3)
    one = cost_terms(fc_sim[2, 0], cdf_sim[2, 0], fc_emp[1], cdf_emp[1])
    np.testing.assert_allclose(terms[2, 1], one)


def test_candidates_have_the_expected_terms_that_they_have_alone(rng):
    fc, fc_emp = rng.random((4, 10)), rng.random(10)
    cdf, cdf_emp = np.sort(rng.random((4, 20))), np.sort(rng.random(20))
    noise = np.array([0.0, 0.01, 0.02, 0.04])
    together = expected_cost_terms(fc, cdf, noise, fc_emp, cdf_emp)
    for k in range(4):
        alone = expected_cost_terms(fc[k], cdf[k], noise[k], fc_emp, cdf_emp)
        np.testing.assert_allclose(together[k], alone)


@pytest.mark.parametrize("shapes", [(3, 5), (5, 3), ((2, 5), (5, 2)), ((), ())])
@pytest.mark.parametrize("cost", [fc_correlation_cost, fc_l1_cost, fcd_ks_cost])
def test_statistics_over_other_edges_or_bins_are_refused(cost, shapes):
    with pytest.raises(ValueError, match="over the same edges or bins"):
        cost(*map(np.ones, shapes))


def test_expected_terms_are_those_of_scans_on_average(rng):
    fc_emp = rng.uniform(0.0, 0.8, 2000)
    fc = 0.2 + 0.7 * fc_emp + rng.normal(0, 0.1, 2000)
    cdf_emp, cdf = np.sort(rng.random((2, 20)))
    noise = rng.normal(0, 0.15, (200, 2000))
    repeated = np.tile(cdf, (200, 1))
    scans = cost_terms(fc + noise, repeated, fc_emp, cdf_emp)
    expected = expected_cost_terms(fc, cdf, 0.15**2, fc_emp, cdf_emp)
    # Standard error of the mean over 200 scans: below 1e-3 in every term.
    np.testing.assert_allclose(scans.mean(axis=0), expected, atol=4e-3)
    # Noise dilutes the pattern and moves nothing else.
    without = expected_cost_terms(fc, cdf, 0.0, fc_emp, cdf_emp)
    np.testing.assert_allclose(without, cost_terms(fc, cdf, fc_emp, cdf_emp))
    assert expected[0] > without[0] + 0.05
    np.testing.assert_array_equal(expected[1:], without[1:])


@pytest.fixture
def statistics(rng):
    """FC, FCD distribution and noise, and those of a scan."""
    fc, fc_emp = rng.uniform(0.0, 0.8, (2, 40))
    cdf, cdf_emp = np.sort(rng.random((2, 30)))
    return fc, cdf, 0.02, fc_emp, cdf_emp


def test_sharp_a_rounded_cost_is_the_expected_one(statistics):
    expected = expected_cost_terms(*statistics).sum()
    assert rounded_cost(*statistics, 1e6)[0] == pytest.approx(expected, abs=1e-5)
    assert rounded_cost(*statistics, 20.0)[0] > expected + 0.01


@pytest.mark.parametrize("below", [False, True])
def test_a_rounded_cost_has_derivatives_even_where_means_agree(statistics, rng, below):
    fc, cdf, noise, fc_emp, cdf_emp = statistics
    if below:  # the largest gap of the distributions is on the other side
        cdf, cdf_emp = cdf_emp, cdf
    fc = fc - fc.mean() + fc_emp.mean()
    directions = rng.standard_normal(40), rng.standard_normal(30), 1.0
    slopes = rounded_cost(fc, cdf, noise, fc_emp, cdf_emp, 50.0)[1]
    for k, (slope, direction) in enumerate(zip(slopes, directions, strict=True)):
        ends = []
        for sign in (1, -1):
            given = [fc, cdf, noise]
            given[k] = given[k] + sign * 1e-6 * direction
            ends.append(rounded_cost(*given, fc_emp, cdf_emp, 50.0)[0])
        expected = (ends[0] - ends[1]) / 2e-6
        assert np.sum(slope * direction) == pytest.approx(expected, rel=1e-5)
