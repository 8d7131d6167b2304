import numpy as np
import pytest

from delssome.costs import (
    Evaluation,
    cost_terms,
    fc_correlation_cost,
    fc_l1_cost,
    fcd_ks_cost,
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


def test_fitness_ranks_any_candidate_in_range_first():
    costs = np.array([[2.0, 2.0, 1.0], [0.1, 0.1, 0.1], [0.2, 0.1, 0.1]])
    evaluation = Evaluation(costs, violation=np.array([0.0, 0.01, 40.0]))
    assert evaluation.in_range.tolist() == [True, False, False]
    assert np.argsort(evaluation.fitness).tolist() == [0, 1, 2]


def test_fitness_of_a_diverged_candidate_is_infinite():
    evaluation = Evaluation(np.full((2, 3), np.nan), np.array([np.inf, 0.0]))
    assert np.isinf(evaluation.fitness).all()
