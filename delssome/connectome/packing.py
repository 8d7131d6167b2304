"""Subjects as rows of a plain array, and back."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from delssome.connectome.checks import check_fc, check_fcd_cdf, check_sc
from delssome.connectome.edges import (
    edges_to_matrix,
    matrix_to_edges,
    n_rois_from_width,
)
from delssome.utils import MOST_BINS, check_number, row_digests

__all__ = [
    "in_order",
    "order_of",
    "pack_rows",
    "pack_subjects",
    "unpack_subjects",
]


def pack_subjects(
    sc: ArrayLike,
    fc: ArrayLike | None = None,
    fcd_cdf: ArrayLike | None = None,
    *,
    n_fcd_bins: int = 10_000,
) -> NDArray[np.float64]:
    """Pack subjects into the array that estimators take, one row for each.

    Parameters
    ----------
    sc : array-like of shape (n_subjects, n_rois, n_rois) or (n_rois, n_rois)
        Structural connectivity, streamline counts or weights.
    fc : array-like of the shape of `sc`, default=None
        Functional connectivity, Pearson correlations. None packs NaN, enough for
        `predict`.
    fcd_cdf : array-like of shape (n_subjects, n_fcd_bins) or (n_fcd_bins,)
        Cumulative distribution of the FC dynamics over equal bins on [-1, 1], as
        :func:`delssome.observables.fcd_cdf` gives it. None (default) packs NaN.
    n_fcd_bins : int, default=10_000
        Number of bins if `fcd_cdf` is None.

    Returns
    -------
    ndarray of shape (n_subjects, n_rois * (n_rois - 1) + n_fcd_bins)
        Rows of [SC upper triangle | FC upper triangle | FCD CDF].

    See Also
    --------
    unpack_subjects : The inverse.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import pack_subjects, unpack_subjects
    >>> sc = np.array([[0, 9, 4], [9, 0, 2], [4, 2, 0]])
    >>> fc = np.array([[1, 0.5, 0.3], [0.5, 1, 0.1], [0.3, 0.1, 1]])
    >>> X = pack_subjects(sc, fc, [0.2, 0.5, 0.9, 1.0])
    >>> X.shape
    (1, 10)
    >>> unpack_subjects(X, n_fcd_bins=4).sc[0]
    array([[0., 9., 4.],
           [9., 0., 2.],
           [4., 2., 0.]])
    """
    sc = check_sc(sc)
    sc = sc[None] if sc.ndim == 2 else sc
    n_subjects = len(sc)
    if fc is None:
        fc_edges = np.full_like(matrix_to_edges(sc), np.nan)
    else:
        fc = check_fc(fc)
        fc = fc[None] if fc.ndim == 2 else fc
        if fc.shape != sc.shape:
            raise ValueError(
                f"fc must have the shape of sc, {sc.shape}, got {fc.shape}."
            )
        fc_edges = matrix_to_edges(fc)
    if fcd_cdf is None:
        check_number("n_fcd_bins", n_fcd_bins, Integral, 2, MOST_BINS)
        cdf = np.full((n_subjects, n_fcd_bins), np.nan)
    else:
        cdf = np.atleast_2d(check_fcd_cdf(fcd_cdf))
        if cdf.ndim != 2 or len(cdf) != n_subjects:
            raise ValueError(
                f"fcd_cdf must have one row for each of the {n_subjects} subjects, "
                f"got shape {cdf.shape}."
            )
    return pack_rows(sc, fc_edges, cdf)


def pack_rows(
    sc: NDArray[Any], fc_edges: NDArray[Any], fcd_cdf: NDArray[Any]
) -> NDArray[Any]:
    """Put subjects side by side in rows, unchecked.

    Parameters
    ----------
    sc : ndarray of shape (n_subjects, n_rois, n_rois) or (n_rois, n_rois)
    fc_edges : ndarray of shape (n_subjects, n_edges) or (n_edges,)
    fcd_cdf : ndarray of shape (n_subjects, n_fcd_bins) or (n_fcd_bins,)

    Returns
    -------
    ndarray of shape (n_subjects, n_features)

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.connectome import pack_rows
    >>> sc = np.array([[0, 9, 4], [9, 0, 2], [4, 2, 0]])
    >>> pack_rows(sc, np.array([0.5, 0.3, 0.1]), np.array([0.2, 0.5, 0.9, 1.0]))
    array([[9. , 4. , 2. , 0.5, 0.3, 0.1, 0.2, 0.5, 0.9, 1. ]])
    """
    parts = matrix_to_edges(sc), fc_edges, fcd_cdf
    return np.hstack([np.atleast_2d(part) for part in parts])


def in_order(X: NDArray[Any]) -> NDArray[Any]:
    """Put subjects into the order that they have whatever order they come in.

    Averages of them are then the same to the last bit, and so is what chance holds out.

    Parameters
    ----------
    X : ndarray of shape (n_subjects, n_features)

    Returns
    -------
    ndarray of shape (n_subjects, n_features)
    """
    return X if len(X) < 2 else X[order_of(X)]


def order_of(X: NDArray[Any]) -> list[int]:
    """Give rows in the order that subjects have whatever order they come in.

    Parameters
    ----------
    X : ndarray of shape (n_subjects, n_features)

    Returns
    -------
    list of int
    """
    digests = row_digests(X)
    return sorted(range(len(X)), key=digests.__getitem__)


def unpack_subjects(X: ArrayLike, n_fcd_bins: int = 10_000) -> Bunch:
    """Take packed subjects apart.

    Parameters
    ----------
    X : array-like of shape (n_subjects, n_features)
        As :func:`pack_subjects` gives it.
    n_fcd_bins : int, default=10_000
        Bins of the FCD CDF.

    Returns
    -------
    Bunch
        ``sc`` (n_subjects, n_rois, n_rois) with zero diagonal, ``fc`` of the same
        shape with diagonal one, ``fcd_cdf`` (n_subjects, n_fcd_bins), ``n_rois``.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome import pack_subjects, unpack_subjects
    >>> sc = np.array([[0, 9, 4], [9, 0, 2], [4, 2, 0]])
    >>> X = pack_subjects(sc, n_fcd_bins=4)  # SC alone, enough to predict
    >>> subjects = unpack_subjects(X, n_fcd_bins=4)
    >>> subjects.n_rois, subjects.sc.shape
    (3, (1, 3, 3))
    """
    X = np.atleast_2d(np.asarray(X, dtype=np.float64))
    n_rois = n_rois_from_width(X.shape[1], n_fcd_bins)
    n_edges = n_rois * (n_rois - 1) // 2
    return Bunch(
        sc=edges_to_matrix(X[:, :n_edges]),
        fc=edges_to_matrix(X[:, n_edges : 2 * n_edges], diagonal=1.0),
        fcd_cdf=X[:, 2 * n_edges :].copy(),
        n_rois=n_rois,
    )
