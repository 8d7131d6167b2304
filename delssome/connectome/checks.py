"""What a connectome, FC and FCD must be, and what is said where they are not."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "MIN_ROIS",
    "as_floats",
    "check_correlations",
    "check_fc",
    "check_fcd_cdf",
    "check_sc",
    "check_stack",
]

MIN_ROIS = 3
# Differences from symmetry, or of a CDF from 1, that rounding explains.
ROUNDING = 1e-6
# Of the diagonal of correlations from 1.
NEAR_ONE = 1e-3
# Negative eigenvalues of correlations, over the largest, that two decimals or averages
# of Fisher's z explain (0.006); thresholds and Fisher's z itself leave more (0.015).
INDEFINITE = 0.01
# Spread of edges below which there is no pattern to compare with.
FLAT = 1e-6
# Less than this below 1, a correlation is that of one signal with itself.
SAME = 1e-9


def check_sc(sc: ArrayLike, name: str = "sc") -> NDArray[np.float64]:
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

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.connectome import check_sc
    >>> check_sc([[7, 9, 4], [9, 7, 2], [4, 2, 7]])
    array([[0., 9., 4.],
           [9., 0., 2.],
           [4., 2., 0.]])
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


def check_fc(fc: ArrayLike, name: str = "fc") -> NDArray[np.float64]:
    """Check functional connectivity: square, symmetric, Pearson correlations.

    Parameters
    ----------
    fc : array-like of shape (..., n_rois, n_rois)
        Correlations; the diagonal 1, or left out (0 or NaN).
    name : str, default="fc"
        How errors call it.

    Returns
    -------
    ndarray of the same shape
        float64, diagonal one.

    Raises
    ------
    ValueError
        Also for what no scan can have: covariances, Fisher's z, thresholded or partial
        correlations (far from positive semidefinite), edges that are all alike, and
        regions with one signal.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.connectome import check_fc
    >>> fc = np.array([[1, 0.5, 0.3], [0.5, 1, 0.1], [0.3, 0.1, 1]])
    >>> check_fc(fc).dtype
    dtype('float64')
    >>> check_fc(3 * fc)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: fc must hold Pearson correlations, with a diagonal of 1 (or ...
    """
    fc = _square(fc, name)
    regions = np.arange(fc.shape[-1])
    _check_diagonal(fc[..., regions, regions], name)
    fc[..., regions, regions] = 1.0
    fc = check_correlations(fc, name)
    _check_symmetric(fc, name, "compute it as a correlation matrix")
    edges = fc[..., *np.triu_indices(len(regions), k=1)]
    if np.ptp(edges, axis=-1).min() < FLAT:
        alike = edges.reshape(-1, edges.shape[-1])
        value = alike[np.ptp(alike, axis=-1).argmin()].mean()
        raise ValueError(
            f"{name} must differ between pairs of regions, but all have {value:.4g}: "
            "there is no pattern that a model could explain."
        )
    if max(edges.max(), -edges.min()) > 1.0 - SAME:
        raise ValueError(_one_signal(fc, name))
    _check_semidefinite(fc, name)
    return fc


def check_fcd_cdf(fcd_cdf: ArrayLike, name: str = "fcd_cdf") -> NDArray[np.float64]:
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

    Examples
    --------
    >>> from delssome.connectome import check_fcd_cdf
    >>> check_fcd_cdf([0.2, 0.5, 0.9, 1.0])
    array([0.2, 0.5, 0.9, 1. ])
    >>> check_fcd_cdf([20, 50, 90, 100])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: fcd_cdf must end at 1, got 100. Divide cumulative counts by ...
    """
    cdf = as_floats(fcd_cdf, name)
    if cdf.ndim < 1 or cdf.shape[-1] < 2:
        raise ValueError(f"{name} must have at least 2 bins, got shape {cdf.shape}.")
    _check_finite(cdf, name)
    if np.abs(cdf[..., -1] - 1).max() > ROUNDING:
        last = np.ravel(cdf[..., -1])[np.abs(np.ravel(cdf[..., -1]) - 1).argmax()]
        raise ValueError(
            f"{name} must end at 1, got {last:.6g}{_pairs(last)}. Divide cumulative "
            "counts by their last entry."
        )
    if np.diff(cdf, axis=-1, prepend=0.0).min() < -ROUNDING:
        raise ValueError(
            f"{name} must never fall and not start below 0; it is a cumulative "
            "distribution. Take the cumulative sum of a histogram."
        )
    steepest = np.diff(cdf, axis=-1, prepend=0.0).max(axis=-1)
    if np.max(steepest) > 1 - ROUNDING:
        raise ValueError(
            f"{name} must spread over more than one bin, but all of it is in one: the "
            "FC of the windows does not change, or is missing."
        )
    return cdf


def as_floats(array: ArrayLike, name: str) -> NDArray[np.float64]:
    """Copy an array in double precision, or say that it holds no numbers.

    What is masked becomes NaN.
    """
    if np.iscomplexobj(array):
        raise TypeError(
            f"{name} must hold real numbers, got complex ones; take what you need of "
            "them (abs, real) first."
        )
    if np.ma.isMaskedArray(array):
        array = np.ma.filled(np.ma.asarray(array, dtype=np.float64), np.nan)
    try:
        return np.array(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a numeric array, got {type(array).__name__} that "
            f"cannot be converted ({error})."
        ) from error


def check_correlations(fc: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Check that these are numbers from -1 to 1."""
    _check_finite(fc, name, "A region with a constant signal has no correlation.")
    if np.abs(fc).max() > 1 + ROUNDING:
        raise ValueError(
            f"{name} must hold Pearson correlations between -1 and 1, "
            f"got {fc.flat[np.abs(fc).argmax()]:.4g}. Undo Fisher's z with tanh."
        )
    return fc


def check_stack(
    array: NDArray[np.float64], name: str, *n_axes: int
) -> NDArray[np.float64]:
    """Check that there is one of each subject, and one subject at least."""
    if array.ndim not in n_axes or 0 in array.shape:
        raise ValueError(
            f"{name} must have {' or '.join(map(str, n_axes))} axes, the first over "
            f"subjects or runs, of which there must be one; got shape {array.shape}."
        )
    return array


def _square(matrix: ArrayLike, name: str) -> NDArray[np.float64]:
    matrix = as_floats(matrix, name)
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


def _check_diagonal(diagonal: NDArray[np.float64], name: str) -> None:
    """Tell covariances and Fisher's z by what they say of a region with itself."""
    left_out = np.isnan(diagonal) | (np.abs(diagonal) < ROUNDING)
    wrong = ~left_out & ~(np.abs(diagonal - 1.0) < NEAR_ONE)
    if wrong.any():
        value = diagonal[wrong][0]
        kind = (
            "Fisher's z, of which tanh gives correlations"
            if np.isinf(value) or np.ptp(diagonal[wrong]) < ROUNDING
            else "covariances, which divided by both standard deviations are "
            "correlations"
        )
        raise ValueError(
            f"{name} must hold Pearson correlations, with a diagonal of 1 (or 0 or NaN "
            f"where it is left out), got {value:.4g} on it. These may be {kind}."
        )


def _one_signal(fc: NDArray[np.float64], name: str) -> str:
    """Name regions that have one signal: no noise of their own makes them so."""
    pairs = np.triu(np.abs(fc) > 1.0 - SAME, k=1)
    *_, one, other = np.argwhere(pairs)[0]
    return (
        f"{name} has a correlation of {fc[pairs][0]:.3g} between regions {one + 1} and "
        f"{other + 1} (counted from 1), which have the same signal: leave one of them "
        "out."
    )


def _check_semidefinite(fc: NDArray[np.float64], name: str) -> None:
    """Refuse correlations that no signals have, beyond rounding and averages."""
    n_rois = fc.shape[-1]
    # At least the mean row sum is the largest eigenvalue.
    room = INDEFINITE * np.maximum(fc.sum(axis=(-2, -1)) / n_rois, 1.0)
    try:
        np.linalg.cholesky(fc + room[..., None, None] * np.eye(n_rois))
        return
    except np.linalg.LinAlgError:
        values = np.linalg.eigvalsh(fc).reshape(-1, n_rois)
    worst = values[(values[:, 0] / values[:, -1]).argmin()]
    if worst[0] < -INDEFINITE * worst[-1]:
        raise ValueError(
            f"{name} cannot be correlations of any signals: its smallest eigenvalue is "
            f"{worst[0]:.3g}, the largest {worst[-1]:.3g}. Thresholded and partial "
            "correlations and Fisher's z are like that; give Pearson correlations as "
            "they come from BOLD."
        )


def _pairs(last: float) -> str:
    """Say of how many windows a number of pairs is."""
    n = round((1.0 + np.sqrt(1.0 + 8.0 * max(last, 0.0))) / 2.0)
    return f", the pairs of {n} windows" if n > 2 and n * (n - 1) / 2 == last else ""


def _check_finite(array: NDArray[np.float64], name: str, remedy: str = "") -> None:
    if not np.isfinite(array).all():
        n_bad = np.count_nonzero(~np.isfinite(array))
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {n_bad} of {array.size} "
            f"entries. {remedy}".rstrip()
        )


def _check_symmetric(matrix: NDArray[np.float64], name: str, remedy: str) -> None:
    gap = np.abs(matrix - matrix.swapaxes(-1, -2)).max(axis=(-2, -1))
    # Each by its own size: a subject of large weights hides no other.
    beyond = gap > ROUNDING * np.abs(matrix).max(axis=(-2, -1))
    if np.any(beyond):
        raise ValueError(
            f"{name} must be symmetric, but entries differ from their mirror image by "
            f"up to {gap[beyond].max():.4g}; {remedy}."
        )
