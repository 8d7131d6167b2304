"""Connection weights scaled for the model."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.checks import check_sc

__all__ = [
    "SC_MAX",
    "prepare_sc",
]

# Largest entry of the connectome that the model uses (Zhang et al. 2024).
SC_MAX = 0.02


def prepare_sc(
    sc: ArrayLike, transform: str | None = "log", max_value: float = SC_MAX
) -> NDArray[np.float64]:
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
    return np.asarray(sc * (max_value / sc.max(axis=(-2, -1), keepdims=True)))
