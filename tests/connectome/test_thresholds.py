import numpy as np
import pytest

from delssome.connectome import edges_to_matrix, matrix_to_edges, threshold_sc


def test_the_strongest_connections_of_each_stay(rng):
    sc = edges_to_matrix(rng.permutation(190)[None] + np.array([[1.0], [2.0]]))
    kept = matrix_to_edges(threshold_sc(sc, density=0.3))
    assert (np.count_nonzero(kept, axis=1) == 57).all()
    for before, after in zip(matrix_to_edges(sc), kept, strict=True):
        np.testing.assert_array_equal(after[after > 0], before[after > 0])
        assert before[after == 0].max() < before[after > 0].min()


def test_equals_at_the_threshold_stay_together():
    sc = edges_to_matrix([5.0, 3.0, 3.0, 3.0, 1.0, 9.0])
    kept = matrix_to_edges(threshold_sc(sc, density=0.5))
    np.testing.assert_array_equal(kept, [5, 3, 3, 3, 0, 9])


def test_an_absolute_threshold_is_in_the_unit_of_sc():
    sc = edges_to_matrix([5.0, 3.0, 1.0])
    kept = matrix_to_edges(threshold_sc(sc, min_weight=3.0))
    np.testing.assert_array_equal(kept, [5, 3, 0])


def test_a_region_that_would_be_alone_is_named():
    sc = edges_to_matrix([5.0, 0.1, 0.1])
    with pytest.raises(ValueError, match="leave regions 3 "):
        threshold_sc(sc, density=0.34)


def test_a_threshold_has_to_be_given():
    with pytest.raises(ValueError, match="density, min_weight"):
        threshold_sc(edges_to_matrix([5.0, 3.0, 1.0]))
