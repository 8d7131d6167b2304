"""Symmetric matrices and their strict upper triangles."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.checks import MIN_ROIS, as_floats
from delssome.utils import MOST_BINS, check_number

__all__ = [
    "edges_to_matrix",
    "matrix_to_edges",
    "n_rois_from_width",
]


def matrix_to_edges(matrix: ArrayLike) -> NDArray[Any]:
    """Take the strict upper triangle of symmetric matrices, row by row.

    Parameters
    ----------
    matrix : array-like of shape (..., n_rois, n_rois)

    Returns
    -------
    ndarray of shape (..., n_rois * (n_rois - 1) / 2)

    Examples
    --------
    >>> from delssome.connectome import matrix_to_edges
    >>> matrix_to_edges([[1.0, 0.5, 0.3], [0.5, 1.0, 0.1], [0.3, 0.1, 1.0]])
    array([0.5, 0.3, 0.1])
    """
    matrix = np.asarray(matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            f"matrix must have shape (..., n_rois, n_rois), got {matrix.shape}."
        )
    return matrix[(..., *np.triu_indices(matrix.shape[-1], k=1))]


def edges_to_matrix(edges: ArrayLike, diagonal: float = 0.0) -> NDArray[np.float64]:
    """Build symmetric matrices from strict upper triangles.

    Parameters
    ----------
    edges : array-like of shape (..., n_edges)
    diagonal : float, default=0.0
        Value on the diagonal: 0 for SC, 1 for FC.

    Returns
    -------
    ndarray of shape (..., n_rois, n_rois)

    Examples
    --------
    >>> from delssome.connectome import edges_to_matrix
    >>> edges_to_matrix([0.5, 0.3, 0.1], diagonal=1)
    array([[1. , 0.5, 0.3],
           [0.5, 1. , 0.1],
           [0.3, 0.1, 1. ]])
    """
    edges = as_floats(edges, "edges")
    n_rois = _n_rois(edges.shape[-1]) if edges.ndim else None
    if n_rois is None:
        raise ValueError(
            "edges must have shape (..., n_edges) with n_edges = n_rois * "
            f"(n_rois - 1) / 2, got {edges.shape}."
        )
    matrix = np.full((*edges.shape[:-1], n_rois, n_rois), float(diagonal))
    rows, columns = np.triu_indices(n_rois, k=1)
    matrix[..., rows, columns] = edges
    matrix[..., columns, rows] = edges
    return matrix


def n_rois_from_width(n_features: int, n_fcd_bins: int) -> int:
    """Give the number of regions of packed subjects.

    Parameters
    ----------
    n_features : int
        Columns of the packed array.
    n_fcd_bins : int
        Bins of the FCD CDF.

    Returns
    -------
    int

    Examples
    --------
    >>> from delssome.connectome import n_rois_from_width
    >>> n_rois_from_width(68 * 67 + 10_000, n_fcd_bins=10_000)
    68
    """
    check_number("n_fcd_bins", n_fcd_bins, Integral, 1, MOST_BINS)
    twice = n_features - n_fcd_bins
    n_rois = _n_rois(twice // 2) if twice > 0 and twice % 2 == 0 else None
    if n_rois is None or n_rois < MIN_ROIS:
        raise ValueError(
            f"X must have n_rois * (n_rois - 1) + n_fcd_bins columns with at least "
            f"{MIN_ROIS} regions, got {n_features} columns with "
            f"n_fcd_bins={n_fcd_bins}. Pack subjects with pack_subjects and give the "
            "same n_fcd_bins."
        )
    return n_rois


def _n_rois(n_edges: int) -> int | None:
    n_rois = round((1 + np.sqrt(1 + 8 * n_edges)) / 2)
    return n_rois if n_rois * (n_rois - 1) == 2 * n_edges and n_rois > 1 else None
