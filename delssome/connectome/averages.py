"""Averages over subjects and runs, by the published rules."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from delssome.connectome.checks import (
    as_floats,
    check_correlations,
    check_fcd_cdf,
    check_sc,
    check_stack,
)
from delssome.connectome.edges import edges_to_matrix, matrix_to_edges
from delssome.connectome.packing import in_order, unpack_subjects
from delssome.utils import check_number

__all__ = [
    "average_fc",
    "average_fcd_cdf",
    "average_sc",
    "group_average",
]


def average_sc(sc: ArrayLike, min_presence: float = 0.5) -> NDArray[np.float64]:
    """Average structural connectivity over subjects (not logarithmic yet).

    Parameters
    ----------
    sc : array-like of shape (n_subjects, n_rois, n_rois)
    min_presence : float, default=0.5
        Share of subjects in which an edge must be present to be kept.

    Returns
    -------
    ndarray of shape (n_rois, n_rois)
        Mean of the non-zero entries. `prepare_sc` takes the logarithm, which makes
        it the published "log of the mean".

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.connectome import average_sc
    >>> first = np.array([[0, 9, 4], [9, 0, 2], [4, 2, 0]])
    >>> second = np.array([[0, 5, 0], [5, 0, 4], [0, 4, 0]])
    >>> average_sc([first, second])  # an edge that half of them have is kept
    array([[0., 7., 4.],
           [7., 0., 3.],
           [4., 3., 0.]])
    """
    sc = check_stack(check_sc(sc), "sc", 3)
    check_number("min_presence", min_presence, Real, 0.0, 1.0)
    present = sc > 0
    mean = sc.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    return np.where(present.mean(axis=0) >= min_presence, mean, 0.0)


def average_fc(fc: ArrayLike) -> NDArray[np.float64]:
    """Average correlations over subjects or runs with Fisher's z.

    Parameters
    ----------
    fc : array-like of shape (n_subjects, n_rois, n_rois) or (n_subjects, n_edges)

    Returns
    -------
    ndarray of shape (n_rois, n_rois) or (n_edges,)

    Examples
    --------
    >>> from delssome.connectome import average_fc
    >>> average_fc([[0.2, 0.6, 0.9], [0.4, 0.6, 0.1]]).round(2)  # edges of two runs
    array([0.3 , 0.6 , 0.66])
    """
    fc = check_correlations(check_stack(as_floats(fc, "fc"), "fc", 2, 3), "fc")
    largest = 1 - np.finfo(np.float64).eps  # atanh(1) is infinite
    z = np.arctanh(np.clip(fc, -largest, largest))
    return np.asarray(np.tanh(z.mean(axis=0)))


def average_fcd_cdf(fcd_cdf: ArrayLike) -> NDArray[np.float64]:
    """Average cumulative distributions over subjects or runs.

    Parameters
    ----------
    fcd_cdf : array-like of shape (n_subjects, n_fcd_bins)

    Returns
    -------
    ndarray of shape (n_fcd_bins,)

    Examples
    --------
    >>> from delssome.connectome import average_fcd_cdf
    >>> average_fcd_cdf([[0.2, 0.5, 0.9, 1.0], [0.0, 0.3, 0.7, 1.0]])
    array([0.1, 0.4, 0.8, 1. ])
    """
    return np.asarray(check_stack(check_fcd_cdf(fcd_cdf), "fcd_cdf", 2).mean(axis=0))


def group_average(X: ArrayLike, n_fcd_bins: int = 10_000) -> Bunch:
    """Average packed subjects by the published rules.

    Parameters
    ----------
    X : array-like of shape (n_subjects, n_features)
    n_fcd_bins : int, default=10_000

    Returns
    -------
    Bunch
        ``sc`` (n_rois, n_rois), ``fc`` (n_rois, n_rois), ``fcd_cdf`` (n_fcd_bins,),
        ``n_rois``. One row is returned as it is. The order of rows does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import pack_subjects
    >>> from delssome.connectome import group_average
    >>> sc = np.array([[[0, 9, 4], [9, 0, 2], [4, 2, 0]]] * 2)
    >>> fc = np.array([[[1, 0.5, 0.3], [0.5, 1, 0.1], [0.3, 0.1, 1]]] * 2)
    >>> X = pack_subjects(sc, fc, [[0.2, 0.5, 0.9, 1.0], [0.0, 0.3, 0.7, 1.0]])
    >>> group = group_average(X, n_fcd_bins=4)
    >>> group.sc.shape, group.fcd_cdf
    ((3, 3), array([0.1, 0.4, 0.8, 1. ]))
    """
    subjects = unpack_subjects(in_order(np.atleast_2d(np.asarray(X))), n_fcd_bins)
    if len(subjects.sc) == 0:
        raise ValueError("X must hold at least one subject to average, got none.")
    return Bunch(
        sc=average_sc(subjects.sc),
        fc=edges_to_matrix(average_fc(matrix_to_edges(subjects.fc)), diagonal=1.0),
        fcd_cdf=average_fcd_cdf(subjects.fcd_cdf),
        n_rois=subjects.n_rois,
    )
