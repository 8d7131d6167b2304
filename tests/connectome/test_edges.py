import numpy as np
import pytest

from delssome.connectome import edges_to_matrix, matrix_to_edges, n_rois_from_width


def test_edges_are_the_upper_triangle_row_by_row():
    matrix = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
    assert matrix_to_edges(matrix).tolist() == [1, 2, 3]
    np.testing.assert_array_equal(edges_to_matrix([1, 2, 3]), matrix)


@pytest.mark.parametrize("n_rois", [3, 68, 100, 400])
def test_number_of_regions_follows_from_the_width(n_rois):
    assert n_rois_from_width(n_rois * (n_rois - 1) + 10_000, 10_000) == n_rois


@pytest.mark.parametrize(("width", "bins"), [(10_000, 10_000), (35, 20), (41, 20)])
def test_a_width_that_fits_no_parcellation_is_refused(width, bins):
    with pytest.raises(ValueError, match=f"got {width} columns with n_fcd_bins={bins}"):
        n_rois_from_width(width, bins)
