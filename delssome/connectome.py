"""Subjects as plain arrays: packing, edge vectors, group averages, SC scaling."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch

from delssome.utils import check_number

__all__ = [
    "SC_MAX",
    "average_fc",
    "average_fcd_cdf",
    "average_sc",
    "check_fc",
    "check_fcd_cdf",
    "check_sc",
    "edges_to_matrix",
    "group_average",
    "matrix_to_edges",
    "n_rois_from_width",
    "pack_rows",
    "pack_subjects",
    "prepare_sc",
    "unpack_subjects",
]

# Largest entry of the connectome that the model uses (Zhang et al. 2024).
SC_MAX = 0.02
MIN_ROIS = 3
# Differences from symmetry, or of a CDF from 1, that rounding explains.
ROUNDING = 1e-6


def matrix_to_edges(matrix):
    """Take the strict upper triangle of symmetric matrices, row by row.

    Parameters
    ----------
    matrix : array-like of shape (..., n_rois, n_rois)

    Returns
    -------
    ndarray of shape (..., n_rois * (n_rois - 1) / 2)
    """
    matrix = np.asarray(matrix)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            f"matrix must have shape (..., n_rois, n_rois), got {matrix.shape}."
        )
    return matrix[(..., *np.triu_indices(matrix.shape[-1], k=1))]


def edges_to_matrix(edges, diagonal=0.0):
    """Build symmetric matrices from strict upper triangles.

    Parameters
    ----------
    edges : array-like of shape (..., n_edges)
    diagonal : float, default=0.0
        Value on the diagonal: 0 for SC, 1 for FC.

    Returns
    -------
    ndarray of shape (..., n_rois, n_rois)
    """
    edges = _floats(edges, "edges")
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


def _n_rois(n_edges):
    n_rois = round((1 + np.sqrt(1 + 8 * n_edges)) / 2)
    return n_rois if n_rois * (n_rois - 1) == 2 * n_edges and n_rois > 1 else None


def n_rois_from_width(n_features, n_fcd_bins):
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
    """
    check_number("n_fcd_bins", n_fcd_bins, Integral, 1)
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


def check_sc(sc, name="sc"):
    """Check structural connectivity: square, symmetric, finite, not negative.

    Parameters
    ----------
    sc : array-like of shape (..., n_rois, n_rois)
        Connection weights. The diagonal is ignored.
    name : str, default="sc"
        How errors call it.

    Returns
    -------
    ndarray of the same shape
        float64, diagonal zero.
    """
    sc = _square(sc, name)
    n_rois = sc.shape[-1]
    sc[..., np.arange(n_rois), np.arange(n_rois)] = 0.0
    _check_finite(sc, name)
    if (sc < 0).any():
        raise ValueError(
            f"{name} must not be negative, got {sc.min():.4g}. Give streamline counts "
            "or weights; logarithms are taken by the fitter."
        )
    _check_symmetric(sc, name, "average it with its transpose if it is directed")
    empty = ~(sc > 0).any(axis=(-2, -1))
    if np.any(empty):
        raise ValueError(f"{name} must have at least one connection, got zeros only.")
    return sc


def check_fc(fc, name="fc"):
    """Check functional connectivity: square, symmetric, Pearson correlations.

    Parameters
    ----------
    fc : array-like of shape (..., n_rois, n_rois)
        Correlations. The diagonal is ignored.
    name : str, default="fc"
        How errors call it.

    Returns
    -------
    ndarray of the same shape
        float64, diagonal one.
    """
    fc = _square(fc, name)
    n_rois = fc.shape[-1]
    fc[..., np.arange(n_rois), np.arange(n_rois)] = 1.0
    fc = _correlations(fc, name)
    _check_symmetric(fc, name, "compute it as a correlation matrix")
    return fc


def check_fcd_cdf(fcd_cdf, name="fcd_cdf"):
    """Check cumulative distributions of the FC dynamics over equal bins on [-1, 1].

    Parameters
    ----------
    fcd_cdf : array-like of shape (..., n_fcd_bins)
        Cumulative distribution: never falling, between 0 and 1, the last entry 1.
    name : str, default="fcd_cdf"
        How errors call it.

    Returns
    -------
    ndarray of the same shape
        float64.
    """
    cdf = _floats(fcd_cdf, name)
    if cdf.ndim < 1 or cdf.shape[-1] < 2:
        raise ValueError(f"{name} must have at least 2 bins, got shape {cdf.shape}.")
    _check_finite(cdf, name)
    if np.abs(cdf[..., -1] - 1).max() > ROUNDING:
        raise ValueError(
            f"{name} must end at 1, got {np.ravel(cdf[..., -1])[0]:.6g}. Divide "
            "cumulative counts by their last entry."
        )
    if np.diff(cdf, axis=-1, prepend=0.0).min() < -ROUNDING:
        raise ValueError(
            f"{name} must never fall and not start below 0; it is a cumulative "
            "distribution. Take the cumulative sum of a histogram."
        )
    return cdf


def _floats(array, name):
    try:
        return np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a numeric array, got {type(array).__name__} that "
            f"cannot be converted ({error})."
        ) from error


def _square(matrix, name):
    matrix = _floats(matrix, name)
    if matrix.ndim < 2 or matrix.shape[-1] != matrix.shape[-2]:
        raise ValueError(
            f"{name} must have shape (n_rois, n_rois) or (n_subjects, n_rois, n_rois), "
            f"got {matrix.shape}."
        )
    if matrix.shape[-1] < MIN_ROIS or 0 in matrix.shape:
        raise ValueError(
            f"{name} must have at least one subject and {MIN_ROIS} regions, "
            f"got shape {matrix.shape}."
        )
    return matrix


def _correlations(fc, name):
    """Check that these are numbers from -1 to 1."""
    _check_finite(fc, name, "A region with a constant signal has no correlation.")
    if np.abs(fc).max() > 1 + ROUNDING:
        raise ValueError(
            f"{name} must hold Pearson correlations between -1 and 1, "
            f"got {fc.flat[np.abs(fc).argmax()]:.4g}. Undo Fisher's z with tanh."
        )
    return fc


def _stack(array, name, *n_axes):
    """Check that there is one of each subject, and one subject at least."""
    if array.ndim not in n_axes or 0 in array.shape:
        raise ValueError(
            f"{name} must have {' or '.join(map(str, n_axes))} axes, the first over "
            f"subjects or runs, of which there must be one; got shape {array.shape}."
        )
    return array


def _check_finite(array, name, remedy=""):
    if not np.isfinite(array).all():
        n_bad = np.count_nonzero(~np.isfinite(array))
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {n_bad} of {array.size} "
            f"entries. {remedy}".rstrip()
        )


def _check_symmetric(matrix, name, remedy):
    gap = np.abs(matrix - matrix.swapaxes(-1, -2)).max()
    if gap > ROUNDING * np.abs(matrix).max():
        raise ValueError(
            f"{name} must be symmetric, but entries differ from their mirror image by "
            f"up to {gap:.4g}; {remedy}."
        )


def pack_subjects(sc, fc=None, fcd_cdf=None, *, n_fcd_bins=10_000):
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
        cdf = np.full((n_subjects, n_fcd_bins), np.nan)
    else:
        cdf = np.atleast_2d(check_fcd_cdf(fcd_cdf))
        if cdf.ndim != 2 or len(cdf) != n_subjects:
            raise ValueError(
                f"fcd_cdf must have one row for each of the {n_subjects} subjects, "
                f"got shape {cdf.shape}."
            )
    return pack_rows(sc, fc_edges, cdf)


def pack_rows(sc, fc_edges, fcd_cdf):
    """Put subjects side by side in rows, unchecked.

    Parameters
    ----------
    sc : ndarray of shape (n_subjects, n_rois, n_rois) or (n_rois, n_rois)
    fc_edges : ndarray of shape (n_subjects, n_edges) or (n_edges,)
    fcd_cdf : ndarray of shape (n_subjects, n_fcd_bins) or (n_fcd_bins,)

    Returns
    -------
    ndarray of shape (n_subjects, n_features)
    """
    parts = matrix_to_edges(sc), fc_edges, fcd_cdf
    return np.hstack([np.atleast_2d(part) for part in parts])


def unpack_subjects(X, n_fcd_bins=10_000):
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


def average_sc(sc, min_presence=0.5):
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
    """
    sc = _stack(check_sc(sc), "sc", 3)
    check_number("min_presence", min_presence, Real, 0.0, 1.0)
    present = sc > 0
    mean = sc.sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    return np.where(present.mean(axis=0) >= min_presence, mean, 0.0)


def average_fc(fc):
    """Average correlations over subjects or runs with Fisher's z.

    Parameters
    ----------
    fc : array-like of shape (n_subjects, n_rois, n_rois) or (n_subjects, n_edges)

    Returns
    -------
    ndarray of shape (n_rois, n_rois) or (n_edges,)
    """
    fc = _correlations(_stack(_floats(fc, "fc"), "fc", 2, 3), "fc")
    largest = 1 - np.finfo(np.float64).eps  # atanh(1) is infinite
    z = np.arctanh(np.clip(fc, -largest, largest))
    return np.tanh(z.mean(axis=0))


def average_fcd_cdf(fcd_cdf):
    """Average cumulative distributions over subjects or runs.

    Parameters
    ----------
    fcd_cdf : array-like of shape (n_subjects, n_fcd_bins)

    Returns
    -------
    ndarray of shape (n_fcd_bins,)
    """
    return _stack(check_fcd_cdf(fcd_cdf), "fcd_cdf", 2).mean(axis=0)


def group_average(X, n_fcd_bins=10_000):
    """Average packed subjects by the published rules.

    Parameters
    ----------
    X : array-like of shape (n_subjects, n_features)

    n_fcd_bins : int, default=10_000

    Returns
    -------
    Bunch
        ``sc`` (n_rois, n_rois), ``fc`` (n_rois, n_rois), ``fcd_cdf`` (n_fcd_bins,),
        ``n_rois``. One row is returned as it is.
    """
    subjects = unpack_subjects(X, n_fcd_bins)
    if len(subjects.sc) == 0:
        raise ValueError("X must hold at least one subject to average, got none.")
    return Bunch(
        sc=average_sc(subjects.sc),
        fc=edges_to_matrix(average_fc(matrix_to_edges(subjects.fc)), diagonal=1.0),
        fcd_cdf=average_fcd_cdf(subjects.fcd_cdf),
        n_rois=subjects.n_rois,
    )


def prepare_sc(sc, transform="log", max_value=SC_MAX):
    """Turn connection weights into the coupling matrix of the model.

    Parameters
    ----------
    sc : array-like of shape (..., n_rois, n_rois)
        Non-negative weights.
    transform : {"log", None}, default="log"
        "log" is for streamline counts: the logarithm where the count is above 1, 0
        elsewhere (published for groups). None keeps the weights.
    max_value : float, default=0.02
        Largest entry afterwards.

    Returns
    -------
    ndarray of the same shape
        Scaled matrix, diagonal zero.
    """
    if transform not in ("log", None):
        raise ValueError(
            f"sc_transform must be 'log' (streamline counts) or None (weights), "
            f"got {transform!r}."
        )
    sc = check_sc(sc)
    if transform == "log":
        largest = sc.max(axis=(-2, -1)).min()
        if largest <= 1:
            raise ValueError(
                f"sc_transform='log' is for streamline counts, but the largest entry "
                f"of sc is {largest:.4g}, so that no connection is left; use "
                "sc_transform=None for weights."
            )
        if largest < 20:
            warnings.warn(
                f"The largest entry of sc is {largest:.4g}: it may be logarithmic "
                "already, and sc_transform='log' takes the logarithm again. Use "
                "sc_transform=None if so.",
                UserWarning,
                stacklevel=3,
            )
        sc = np.log(np.maximum(sc, 1.0))
    return sc * (max_value / sc.max(axis=(-2, -1), keepdims=True))
