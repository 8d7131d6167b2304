"""Connection weights scaled for the model."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.checks import check_sc
from delssome.saying import warn
from delssome.utils import check_number

__all__ = [
    "SC_MAX",
    "SC_TRANSFORMS",
    "prepare_sc",
]

Array = NDArray[np.float64]

# Largest entry of the connectome that the model uses (Zhang et al. 2024).
SC_MAX = 0.02
SC_TRANSFORMS = ("log", "log_weights", None)

# Smallest maximum of a connectome of counts: that of logarithms, or of ratings, is
# less, and no tractography has so few streamlines.
FEWEST = 20.0
# Share of connections below 1 that counts averaged or corrected a little may have.
FEW_LOST = 0.1
# Share of connections that weights without a unit lose: the weakest, as many as are
# single streamlines in connectomes of counts.
WEAKEST = 0.07
# Weights are whole multiples of a unit if all are that near to whole numbers of it,
# for one of the first so many divisors of the smallest, by a chance of this at most.
WHOLE, N_DIVISORS, CHANCE = 0.05, 100, 1e-3


def prepare_sc(
    sc: ArrayLike, transform: str | None = "log", max_value: float = SC_MAX
) -> Array:
    """Turn connection weights into the coupling matrix of the model.

    Parameters
    ----------
    sc : array-like of shape (..., n_rois, n_rois)
        Non-negative weights.
    transform : {"log", "log_weights", None}, default="log"
        "log" is for streamline counts: the logarithm where the count is above 1, 0
        elsewhere (published for groups). It has a unit built in, one streamline, and
        refuses what is no count. "log_weights" is for weights of any unit (SIFT2,
        normalised by volume, percent): the same with a unit that the weights tell, see
        Notes. None keeps the weights: ratings, and what is logarithmic already.
    max_value : float, default=0.02
        Largest entry afterwards.

    Returns
    -------
    ndarray of the same shape
        Scaled matrix, diagonal zero.

    Raises
    ------
    ValueError
        For "log" if the largest weight is below 20, or more than a tenth of the
        connections are below 1 and would be lost; a warning says it of fewer.

    Notes
    -----
    The result of "log_weights" does not change if all weights are multiplied by a
    number. Where they are whole multiples of one unit, as counts times a factor are,
    it is what "log" makes of the counts. Elsewhere the unit is the weight that 7 % of
    the connections do not exceed: a guess, from how many single streamlines
    connectomes of counts have.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.connectome import prepare_sc
    >>> counts = np.array([[0, 1, 90], [1, 0, 9], [90, 9, 0]])
    >>> prepare_sc(counts).round(4)
    array([[0.    , 0.    , 0.02  ],
           [0.    , 0.    , 0.0098],
           [0.02  , 0.0098, 0.    ]])
    """
    if transform not in SC_TRANSFORMS:
        raise ValueError(
            "sc_transform must be 'log' (streamline counts), 'log_weights' (weights of "
            f"any unit) or None (weights as they are), got {transform!r}."
        )
    check_number("max_value", max_value, Real, 1e-9, 1e9)
    sc = check_sc(sc)
    if transform == "log":
        _check_counts(sc)
        sc = np.log(np.maximum(sc, 1.0))
    elif transform == "log_weights":
        stack = sc.reshape(-1, *sc.shape[-2:])
        in_units = np.stack([_in_units(one) for one in stack]).reshape(sc.shape)
        sc = np.log(np.maximum(in_units, 1.0))
    return np.asarray(sc * (max_value / sc.max(axis=(-2, -1), keepdims=True)))


def _check_counts(sc: Array) -> None:
    """Refuse what has not been counted, and say what is lost."""
    remedy = (
        "Use sc_transform='log_weights' for weights of another unit (SIFT2, normalised "
        "by volume, percent), or sc_transform=None to keep weights as they are"
    )
    largest = sc.max(axis=(-2, -1)).min()
    if largest < FEWEST:
        raise ValueError(
            "sc_transform='log' is for streamline counts, but the largest entry of sc "
            f"is {largest:.4g}: a weight, a rating, or logarithmic already. {remedy} "
            "(ratings, logarithms)."
        )
    n_present = np.count_nonzero(sc, axis=(-2, -1))
    n_below = np.count_nonzero((sc > 0) & (sc < 1.0), axis=(-2, -1))
    share = n_below / n_present
    worst = np.argmax(share)
    if n_below.flat[worst] == 0:
        return
    lost = (
        f"{n_below.flat[worst] // 2} of {n_present.flat[worst] // 2} connections "
        "of sc are below 1"
    )
    if share.flat[worst] > FEW_LOST:
        raise ValueError(
            f"sc_transform='log' is for streamline counts, but {lost} and would be "
            f"lost. {remedy}; or threshold it yourself (threshold_sc)."
        )
    warn(
        f"sc_transform='log' drops what is not a count: {lost}. {remedy}.",
        UserWarning,
    )


def _in_units(sc: Array) -> Array:
    """Divide weights by a unit that they tell: its multiples, or the weakest."""
    values = np.unique(sc[sc > 0])
    for divisor in range(1, N_DIVISORS + 1):
        unit = values[0] / divisor
        chance = divisor * (2 * WHOLE) ** (len(values) - 1)
        whole = np.round(values / unit)
        if chance < CHANCE and np.abs(values / unit - whole).max() < WHOLE:
            return np.asarray(np.round(sc / unit))
    return np.asarray(sc / np.quantile(sc[sc > 0], WEAKEST))
