"""Functional connectivity (FC) of BOLD signals."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome import edges_to_matrix, matrix_to_edges
from delssome.observables.scans import check_scans, standardise

__all__ = ["fc_edges", "fc_matrix"]


def fc_edges(bold: ArrayLike) -> NDArray[np.float64]:
    """Functional connectivity: Pearson correlations of all pairs of regions.

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)

    Returns
    -------
    ndarray of shape (..., n_edges)
        Upper triangle, float64. NaN where a signal is constant or NaN.
    """
    x = standardise(check_scans(bold))
    correlations = np.swapaxes(x, -1, -2) @ x
    return np.asarray(np.clip(matrix_to_edges(correlations), -1.0, 1.0))


def fc_matrix(bold: ArrayLike) -> NDArray[np.float64]:
    """Functional connectivity as matrices.

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)

    Returns
    -------
    ndarray of shape (..., n_rois, n_rois)
    """
    return edges_to_matrix(fc_edges(bold), diagonal=1.0)
