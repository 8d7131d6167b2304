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


def test_stacks_of_matrices_and_edges_are_inverse(rng):
    edges = rng.random((2, 3, 10))
    matrices = edges_to_matrix(edges, diagonal=7.0)
    assert matrices.shape == (2, 3, 5, 5)
    assert (np.diagonal(matrices, axis1=-2, axis2=-1) == 7.0).all()
    np.testing.assert_array_equal(matrices, matrices.swapaxes(-1, -2))
    np.testing.assert_array_equal(matrix_to_edges(matrices), edges)


@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_diagonal_is_0_if_nothing_else_is_said(n):
    assert (np.diag(edges_to_matrix(np.ones(n))) == 0).all()


@pytest.mark.parametrize("edges", [np.ones(2), np.ones((3, 4)), np.float64(1), []])
def test_edges_of_no_number_of_regions_are_refused(edges):
    with pytest.raises(ValueError, match=r"edges must have shape"):
        edges_to_matrix(edges)


@pytest.mark.parametrize("matrix", [np.ones(3), np.ones((2, 3)), np.ones((3, 2, 3))])
def test_what_is_not_square_has_no_edges(matrix):
    with pytest.raises(ValueError, match="matrix must have shape"):
        matrix_to_edges(matrix)


@pytest.mark.parametrize("bins", [0, 10_000_000_000])
def test_a_number_of_bins_that_cannot_be_is_named(bins):
    with pytest.raises(ValueError, match="n_fcd_bins must be an integer between 1"):
        n_rois_from_width(40, bins)


def test_one_bin_and_three_regions_are_the_least():
    assert n_rois_from_width(7, 1) == 3
    for width in (3, 1, 0):  # two regions, one, none
        with pytest.raises(ValueError, match="at least 3 regions"):
            n_rois_from_width(width, 1)
