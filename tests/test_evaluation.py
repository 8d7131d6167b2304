import numpy as np

from delssome.evaluation import Evaluation


def test_fitness_ranks_any_candidate_in_range_first():
    costs = np.array([[2.0, 2.0, 1.0], [0.1, 0.1, 0.1], [0.2, 0.1, 0.1]])
    evaluation = Evaluation(costs, violation=np.array([0.0, 0.01, 40.0]))
    assert evaluation.in_range.tolist() == [True, False, False]
    assert np.argsort(evaluation.fitness).tolist() == [0, 1, 2]


def test_fitness_of_a_diverged_candidate_is_infinite():
    evaluation = Evaluation(np.full((2, 3), np.nan), np.array([np.inf, 0.0]))
    assert np.isinf(evaluation.fitness).all()
