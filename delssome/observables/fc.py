"""Functional connectivity (FC) of BOLD signals."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome import edges_to_matrix, matrix_to_edges
from delssome.observables.scans import check_kept, check_scans, standardise

__all__ = ["fc_edges", "fc_matrix"]


def fc_edges(bold: ArrayLike, kept: ArrayLike | None = None) -> NDArray[np.float64]:
    """Functional connectivity: Pearson correlations of all pairs of regions.

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    kept : array-like of bool, shape (n_frames,), default=None
        Frames that are looked at, those that censoring kept. None: all.

    Returns
    -------
    ndarray of shape (..., n_edges)
        Upper triangle, float64. NaN where a signal is constant or NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import fc_edges
    >>> t = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    >>> bold = np.column_stack([np.sin(t), np.cos(t), np.sin(t) + np.cos(t)])
    >>> np.abs(fc_edges(bold)).round(2)
    array([0.  , 0.71, 0.71])
    """
    bold = check_scans(bold)
    mask = check_kept(kept, bold.shape[-2])
    x = standardise(bold if mask is None else bold[..., mask, :])
    correlations = np.swapaxes(x, -1, -2) @ x
    return np.asarray(np.clip(matrix_to_edges(correlations), -1.0, 1.0))


def fc_matrix(bold: ArrayLike, kept: ArrayLike | None = None) -> NDArray[np.float64]:
    """Functional connectivity as matrices.

    Parameters
    ----------
    bold : array-like of shape (..., n_frames, n_rois)
    kept : array-like of bool, shape (n_frames,), default=None
        As of :func:`fc_edges`.

    Returns
    -------
    ndarray of shape (..., n_rois, n_rois)

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.observables import fc_matrix
    >>> bold = np.random.default_rng(0).standard_normal((60, 4))  # frames, regions
    >>> fc = fc_matrix(bold)
    >>> fc.shape, np.allclose(fc, np.corrcoef(bold.T))
    ((4, 4), True)
    """
    return edges_to_matrix(fc_edges(bold, kept), diagonal=1.0)
