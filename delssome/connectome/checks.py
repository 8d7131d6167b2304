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
    fc = check_correlations(fc, name)
    _check_symmetric(fc, name, "compute it as a correlation matrix")
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
    """
    cdf = as_floats(fcd_cdf, name)
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


def as_floats(array: ArrayLike, name: str) -> NDArray[np.float64]:
    """Copy an array in double precision, or say that it holds no numbers."""
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


def _check_finite(array: NDArray[np.float64], name: str, remedy: str = "") -> None:
    if not np.isfinite(array).all():
        n_bad = np.count_nonzero(~np.isfinite(array))
        raise ValueError(
            f"{name} must be finite, got NaN or infinity in {n_bad} of {array.size} "
            f"entries. {remedy}".rstrip()
        )


def _check_symmetric(matrix: NDArray[np.float64], name: str, remedy: str) -> None:
    gap = np.abs(matrix - matrix.swapaxes(-1, -2)).max()
    if gap > ROUNDING * np.abs(matrix).max():
        raise ValueError(
            f"{name} must be symmetric, but entries differ from their mirror image by "
            f"up to {gap:.4g}; {remedy}."
        )
