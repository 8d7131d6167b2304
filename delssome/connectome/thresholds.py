"""Connectomes without their weakest connections."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from delssome.connectome.checks import check_sc
from delssome.connectome.edges import edges_to_matrix, matrix_to_edges
from delssome.utils import check_number

__all__ = ["threshold_sc"]


def threshold_sc(
    sc: ArrayLike, *, density: float | None = None, min_weight: float | None = None
) -> NDArray[np.float64]:
    """Leave out weak connections.

    Parameters
    ----------
    sc : array-like of shape (..., n_rois, n_rois)
        Non-negative weights, of any unit.
    density : float, default=None
        Share of all pairs of regions that stay connected, the strongest of each
        connectome (proportional threshold). Of equals at the threshold none is left
        out; one that is sparser stays as it is.
    min_weight : float, default=None
        Weakest connection that stays (absolute threshold), in the unit of `sc`.

    Returns
    -------
    ndarray of the same shape
        float64, diagonal zero.

    Raises
    ------
    ValueError
        If that leaves a region without any connection that it had.

    See Also
    --------
    average_sc : Leaves out what few subjects have (``min_presence``).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.connectome import threshold_sc
    >>> sc = np.array([[0, 9, 4], [9, 0, 2], [4, 2, 0]])
    >>> threshold_sc(sc, density=0.6)
    array([[0., 9., 4.],
           [9., 0., 0.],
           [4., 0., 0.]])
    """
    sc = check_sc(sc)
    edges = matrix_to_edges(sc)
    if density is None and min_weight is None:
        raise ValueError("give density, min_weight, or both.")
    if density is not None:
        check_number("density", density, Real, 0.0, 1.0)
        n_kept = max(1, round(density * edges.shape[-1]))
        weakest = np.sort(edges, axis=-1)[..., -n_kept, None]
        edges = np.where(edges >= weakest, edges, 0.0)
    if min_weight is not None:
        check_number("min_weight", min_weight, Real, 0.0)
        edges = np.where(edges >= min_weight, edges, 0.0)
    kept = np.asarray(edges_to_matrix(edges))
    alone = (sc > 0).any(axis=-1) & ~(kept > 0).any(axis=-1)
    if alone.any():
        regions = np.unique(np.nonzero(alone)[-1]) + 1
        raise ValueError(
            f"density={density!r} and min_weight={min_weight!r} leave regions "
            f"{', '.join(map(str, regions[:10]))} (counted from 1) without any "
            "connection; keep more."
        )
    return kept
