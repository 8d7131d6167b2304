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


def test_one_connection_stays_whatever_the_density():
    sc = edges_to_matrix([5.0, 0.0, 0.0])
    np.testing.assert_array_equal(threshold_sc(sc, density=0.0), sc)
    with pytest.raises(ValueError, match="leave regions 3, 4 "):
        threshold_sc(edges_to_matrix([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), density=0.0)


def test_all_stay_at_a_density_of_1_or_above_a_weight_of_0(random_sc):
    sc = random_sc(6)
    np.testing.assert_array_equal(threshold_sc(sc, density=1.0), sc)
    np.testing.assert_array_equal(threshold_sc(sc, min_weight=0.0), sc)


def test_both_thresholds_hold_at_once():
    sc = edges_to_matrix([9.0, 5.0, 3.0, 3.0, 1.0, 9.0])
    kept = matrix_to_edges(threshold_sc(sc, density=0.67, min_weight=4.0))
    np.testing.assert_array_equal(kept, [9, 5, 0, 0, 0, 9])


def test_a_region_that_was_alone_before_is_no_matter():
    sc = edges_to_matrix([5.0, 3.0, 0.0, 4.0, 0.0, 0.0])
    kept = matrix_to_edges(threshold_sc(sc, min_weight=3.5))
    np.testing.assert_array_equal(kept, [5, 0, 0, 4, 0, 0])


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"density": -0.1}, "density"),
        ({"density": 1.1}, "density"),
        ({"min_weight": -1.0}, "min_weight"),
    ],
)
def test_thresholds_that_cannot_be_are_named(settings, name):
    with pytest.raises(ValueError, match=f"{name} must be a number"):
        threshold_sc(edges_to_matrix([5.0, 3.0, 1.0]), **settings)
