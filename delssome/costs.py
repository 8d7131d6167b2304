"""The three terms of the published cost: how far a simulation is from a scan."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "COST_NAMES",
    "cost_terms",
    "expected_cost_terms",
    "fc_correlation_cost",
    "fc_l1_cost",
    "fcd_ks_cost",
    "rounded_cost",
]

Array = NDArray[Any]

COST_NAMES = ("fc_correlation", "fc_l1", "fcd_ks")


def fc_correlation_cost(fc_sim: ArrayLike, fc_emp: ArrayLike) -> Array:
    """One minus the Pearson correlation of two FC edge vectors.

    Parameters
    ----------
    fc_sim, fc_emp : array-like of shape (..., n_edges)
        Upper triangles, broadcast against each other. Raw correlations, no Fisher z.

    Returns
    -------
    ndarray of shape (...)
        From 0 to 2.

    Examples
    --------
    >>> from delssome.costs import fc_correlation_cost
    >>> float(fc_correlation_cost([0.1, 0.4, 0.3], [0.2, 0.5, 0.3]).round(2))
    0.07
    """
    _check_alike(fc_sim=fc_sim, fc_emp=fc_emp)
    a, b = _centred(fc_sim), _centred(fc_emp)
    scale = np.sqrt(_dot(a, a) * _dot(b, b))
    costs: Array = 1.0 - _dot(a, b) / scale
    return costs


def fc_l1_cost(fc_sim: ArrayLike, fc_emp: ArrayLike) -> Array:
    """Absolute difference between the means of two FC edge vectors.

    Parameters
    ----------
    fc_sim, fc_emp : array-like of shape (..., n_edges)

    Returns
    -------
    ndarray of shape (...)

    Notes
    -----
    A difference of means, not a mean of differences: so the published code has it.

    Examples
    --------
    >>> from delssome.costs import fc_l1_cost
    >>> float(fc_l1_cost([0.1, 0.4, 0.3], [0.2, 0.5, 0.4]).round(2))
    0.1
    """
    _check_alike(fc_sim=fc_sim, fc_emp=fc_emp)
    fc_sim, fc_emp = np.asarray(fc_sim), np.asarray(fc_emp)
    costs: Array = np.abs(fc_sim.mean(axis=-1) - fc_emp.mean(axis=-1))
    return costs


def fcd_ks_cost(cdf_sim: ArrayLike, cdf_emp: ArrayLike) -> Array:
    """Kolmogorov-Smirnov distance between two FCD distributions.

    Parameters
    ----------
    cdf_sim, cdf_emp : array-like of shape (..., n_fcd_bins)

    Returns
    -------
    ndarray of shape (...)
        From 0 to 1.

    Examples
    --------
    >>> from delssome.costs import fcd_ks_cost
    >>> float(fcd_ks_cost([0.1, 0.6, 1.0], [0.3, 0.5, 1.0]).round(2))
    0.2
    """
    _check_alike(cdf_sim=cdf_sim, cdf_emp=cdf_emp)
    costs: Array = np.abs(np.asarray(cdf_sim) - np.asarray(cdf_emp)).max(axis=-1)
    return costs


def cost_terms(
    fc_sim: ArrayLike, cdf_sim: ArrayLike, fc_emp: ArrayLike, cdf_emp: ArrayLike
) -> Array:
    """Give the three cost terms side by side; their sum is the total cost.

    Parameters
    ----------
    fc_sim, fc_emp : array-like of shape (..., n_edges)
        Upper triangles of simulated and empirical FC, broadcast.
    cdf_sim, cdf_emp : array-like of shape (..., n_fcd_bins)
        FCD distributions, broadcast.

    Returns
    -------
    ndarray of shape (..., 3)
        In the order of `COST_NAMES`; NaN where a simulation is NaN.

    References
    ----------
    Zhang et al. 2024, https://doi.org/10.1073/pnas.2318641121; Zeng et al. 2026.

    Examples
    --------
    >>> from delssome.costs import cost_terms
    >>> terms = cost_terms([0.1, 0.4, 0.3], [0.2, 1], [0.2, 0.5, 0.4], [0.5, 1])
    >>> print(terms.round(3))
    [0.  0.1 0.3]
    """
    return np.stack(
        [
            fc_correlation_cost(fc_sim, fc_emp),
            fc_l1_cost(fc_sim, fc_emp),
            fcd_ks_cost(cdf_sim, cdf_emp),
        ],
        axis=-1,
    )


def expected_cost_terms(
    fc: ArrayLike,
    cdf: ArrayLike,
    fc_noise: ArrayLike,
    fc_emp: ArrayLike,
    cdf_emp: ArrayLike,
) -> Array:
    """Give the cost terms to expect of scans whose expected statistics are known.

    Parameters
    ----------
    fc, fc_emp : array-like of shape (..., n_edges)
        Upper triangles of expected and empirical FC, broadcast.
    cdf, cdf_emp : array-like of shape (..., n_fcd_bins)
        FCD distributions, broadcast.
    fc_noise : array-like of shape (...)
        Variance over edges of what finite scans add to the expected FC: their noise
        dilutes its pattern. That of one scan divided by the number averaged.

    Returns
    -------
    ndarray of shape (..., 3)
        In the order of `COST_NAMES`.

    Examples
    --------
    >>> from delssome.costs import expected_cost_terms
    >>> fc, fc_emp, cdf = [0.1, 0.4, 0.3], [0.2, 0.5, 0.4], [0.2, 1.0]
    >>> terms = expected_cost_terms(fc, cdf, 0.01, fc_emp, [0.5, 1.0])
    >>> terms.round(2)  # the noise of one scan costs correlation
    array([0.22, 0.1 , 0.3 ])
    """
    costs = cost_terms(fc, cdf, fc_emp, cdf_emp)
    pattern = np.asarray(fc).var(axis=-1)
    costs[..., 0] = 1.0 - (1.0 - costs[..., 0]) * np.sqrt(
        pattern / (pattern + fc_noise)
    )
    return costs


def rounded_cost(
    fc: Array,
    cdf: Array,
    fc_noise: float,
    fc_emp: Array,
    cdf_emp: Array,
    sharpness: float,
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> tuple[float, tuple[Array, Array, float]]:
    """Give the expected total cost without its corners, and its derivatives.

    Parameters
    ----------
    fc, cdf, fc_noise, fc_emp, cdf_emp
        As of :func:`expected_cost_terms`, of one candidate.
    sharpness : float
        The distance of FCD distributions is a largest difference, and that of mean FC
        has a corner where they agree: both are rounded by one over it.
    weights : tuple of float, default=(1.0, 1.0, 1.0)
        Of the terms, in the order of `COST_NAMES`.

    Returns
    -------
    cost : float
    slopes : tuple of (ndarray of shape (n_edges,), ndarray of shape (n_bins,), float)
        By `fc`, `cdf` and `fc_noise`.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.costs import cost_terms, rounded_cost
    >>> fc, fc_emp = np.array([0.1, 0.4, 0.3]), np.array([0.2, 0.5, 0.3])
    >>> cdf, cdf_emp = np.array([0.1, 0.6, 1.0]), np.array([0.3, 0.5, 1.0])
    >>> cost, slopes = rounded_cost(fc, cdf, 0.0, fc_emp, cdf_emp, sharpness=1000)
    >>> bool(np.isclose(cost, cost_terms(fc, cdf, fc_emp, cdf_emp).sum(), atol=0.01))
    True
    """
    a, b = _centred(fc), _centred(fc_emp)
    length, pattern = np.sqrt(a @ a), (a @ a) / len(a)
    toward = b / np.sqrt(b @ b)
    r = (a @ toward) / length
    diluted = np.sqrt(pattern / (pattern + fc_noise))
    off = np.mean(fc) - np.mean(fc_emp)
    apart = np.hypot(off, 1.0 / sharpness)
    gap = np.concatenate([cdf - cdf_emp, cdf_emp - cdf])
    shares = np.exp(sharpness * (gap - gap.max()))
    largest = gap.max() + np.log(shares.sum()) / sharpness
    above, below = np.split(shares / shares.sum(), 2)
    by_pattern = 0.5 * r * diluted * fc_noise / (pattern * (pattern + fc_noise))
    of_r, of_mean, of_fcd = weights
    by_fc = -of_r * diluted * (toward - r * a / length) / length
    by_fc += (of_mean * off / apart - 2.0 * of_r * by_pattern * a) / len(a)
    by_noise = of_r * 0.5 * r * diluted / (pattern + fc_noise)
    cost = of_r * (1.0 - r * diluted) + of_mean * apart + of_fcd * largest
    return float(cost), (by_fc, of_fcd * (above - below), float(by_noise))


def _check_alike(**given: ArrayLike) -> None:
    """Check that two arrays are over the same edges or bins."""
    (name, a), (other, b) = given.items()
    if not np.shape(a)[-1:] == np.shape(b)[-1:] != ():
        raise ValueError(
            f"{name} and {other} must be over the same edges or bins, along their last "
            f"axis, got shapes {np.shape(a)} and {np.shape(b)}."
        )


def _dot(a: Array, b: Array) -> Array:
    products: Array = np.einsum("...i,...i->...", a, b)
    return products


def _centred(x: ArrayLike) -> Array:
    x = np.asarray(x, dtype=np.float64)
    centred: Array = x - x.mean(axis=-1, keepdims=True)
    return centred
