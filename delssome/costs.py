"""The three terms of the published cost: how far a simulation is from a scan."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from typing import NamedTuple

import numpy as np

__all__ = [
    "COST_NAMES",
    "Evaluation",
    "Target",
    "cost_terms",
    "fc_correlation_cost",
    "fc_l1_cost",
    "fcd_ks_cost",
]

COST_NAMES = ("fc_correlation", "fc_l1", "fcd_ks")
# Above any total cost: 2 + 2 + 1 is the largest that its terms allow.
OUT_OF_RANGE = 5.0


def fc_correlation_cost(fc_sim, fc_emp):
    """One minus the Pearson correlation of two FC edge vectors.

    Parameters
    ----------
    fc_sim, fc_emp : array-like of shape (..., n_edges)
        Upper triangles, broadcast against each other. Raw correlations, no Fisher z.

    Returns
    -------
    ndarray of shape (...)
        From 0 to 2.
    """
    _check_alike(fc_sim=fc_sim, fc_emp=fc_emp)
    a, b = _centred(fc_sim), _centred(fc_emp)
    scale = np.sqrt(_dot(a, a) * _dot(b, b))
    return 1.0 - _dot(a, b) / scale


def fc_l1_cost(fc_sim, fc_emp):
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
    """
    _check_alike(fc_sim=fc_sim, fc_emp=fc_emp)
    return np.abs(np.mean(fc_sim, axis=-1) - np.mean(fc_emp, axis=-1))


def fcd_ks_cost(cdf_sim, cdf_emp):
    """Kolmogorov-Smirnov distance between two FCD distributions.

    Parameters
    ----------
    cdf_sim, cdf_emp : array-like of shape (..., n_fcd_bins)

    Returns
    -------
    ndarray of shape (...)
        From 0 to 1.
    """
    _check_alike(cdf_sim=cdf_sim, cdf_emp=cdf_emp)
    return np.abs(np.asarray(cdf_sim) - np.asarray(cdf_emp)).max(axis=-1)


def cost_terms(fc_sim, cdf_sim, fc_emp, cdf_emp):
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


def expected_cost_terms(fc, cdf, fc_noise, fc_emp, cdf_emp):
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
    """
    costs = cost_terms(fc, cdf, fc_emp, cdf_emp)
    pattern = np.var(fc, axis=-1)
    costs[..., 0] = 1.0 - (1.0 - costs[..., 0]) * np.sqrt(
        pattern / (pattern + fc_noise)
    )
    return costs


class Target(NamedTuple):
    """What a fit aims at: one connectome and the statistics of its scan.

    Attributes
    ----------
    sc : ndarray of shape (n_rois, n_rois)
        Structural connectivity, scaled for the model.
    fc : ndarray of shape (n_edges,)
        Empirical FC, upper triangle.
    fcd_cdf : ndarray of shape (n_fcd_bins,)
        Empirical FCD distribution.
    """

    sc: np.ndarray
    fc: np.ndarray
    fcd_cdf: np.ndarray


class Evaluation(NamedTuple):
    """What every evaluator says of a batch of candidates.

    Attributes
    ----------
    costs : ndarray of shape (n_candidates, 3)
        Cost terms in the order of `COST_NAMES`.
    violation : ndarray of shape (n_candidates,)
        0 for a candidate whose firing rates are within range, otherwise how far it
        is from that, in any unit that grows with the distance.
    """

    costs: np.ndarray
    violation: np.ndarray

    @property
    def total(self):
        """Total cost, the sum of the terms."""
        return self.costs.sum(axis=-1)

    @property
    def in_range(self):
        """Whether firing rates are within range."""
        return self.violation == 0

    @property
    def fitness(self):
        """What a search minimises: any candidate in range beats any that is not."""
        outside = OUT_OF_RANGE + np.log1p(self.violation)
        fitness = np.where(self.in_range, self.total, outside)
        return np.where(np.isnan(fitness), np.inf, fitness)


def _check_alike(**given):
    """Check that two arrays are over the same edges or bins."""
    (name, a), (other, b) = given.items()
    if not np.shape(a)[-1:] == np.shape(b)[-1:] != ():
        raise ValueError(
            f"{name} and {other} must be over the same edges or bins, along their last "
            f"axis, got shapes {np.shape(a)} and {np.shape(b)}."
        )


def _dot(a, b):
    return np.einsum("...i,...i->...", a, b)


def _centred(x):
    x = np.asarray(x, dtype=np.float64)
    return x - x.mean(axis=-1, keepdims=True)
