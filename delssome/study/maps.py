"""Correlation of a map, slope or contrast with a reference map of the cortex."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation
from scipy.stats import rankdata
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array

from delssome.utils import check_number, make_generator

__all__ = ["correlate_maps", "rotations"]


def correlate_maps(
    values: ArrayLike,
    reference: ArrayLike,
    centroids: ArrayLike,
    *,
    n_rotations: int = 1000,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Correlate two maps, with a null of maps rotated on the sphere.

    Neighbouring regions are alike in most maps, so that the p-value of an ordinary
    correlation is too small. Rotated maps keep who neighbours whom.

    Parameters
    ----------
    values, reference : array-like of shape (n_rois,)
    centroids : array-like of shape (n_rois, 3)
        Positions of the regions; negative first coordinates are the left hemisphere.
        Those of regions on a sphere are best, others are projected.
    n_rotations : int, default=1000
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    Bunch
        ``r`` (Spearman), ``p`` (two-sided, share of rotated maps with at least that
        correlation, counting the unrotated one) and ``null`` (n_rotations,).

    References
    ----------
    Alexander-Bloch et al. 2018, NeuroImage (spin test). Markello & Misic 2021,
    NeuroImage (assignment of rotated regions without doubles, "Hungarian").
    """
    given = {
        name: check_array(x, ensure_2d=False, dtype=np.float64, input_name=name)
        for name, x in (("values", values), ("reference", reference))
    }
    order = rotations(centroids, n_rotations, random_state=random_state)
    for name, x in given.items():
        if x.shape != (order.shape[1],):
            raise ValueError(
                f"{name} must hold a value for each of the {order.shape[1]} regions, "
                f"got shape {x.shape}."
            )
        if np.ptp(x) == 0:
            raise ValueError(f"{name} is constant, which correlates with nothing.")
    ranks, others = (_standardised(x) for x in given.values())
    r = float(ranks @ others)
    null = ranks[order] @ others
    beyond = np.count_nonzero(np.abs(null) >= abs(r) - 1e-12)
    return Bunch(r=r, p=(beyond + 1) / (len(null) + 1), null=null)


def rotations(
    centroids: ArrayLike,
    n_rotations: int = 1000,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int_]:
    """Permute regions as random rotations of the sphere would, best as they can.

    Parameters
    ----------
    centroids : array-like of shape (n_rois, 3)
        As in :func:`correlate_maps`.
    n_rotations : int, default=1000
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    ndarray of int, shape (n_rotations, n_rois)
        ``map[order[k]]`` is the map after rotation k. Hemispheres turn as mirror images
        and stay apart.
    """
    check_number("n_rotations", n_rotations, Integral, 1)
    places = np.asarray(
        check_array(centroids, dtype=np.float64, input_name="centroids")
    )
    if places.shape[1] != 3:
        raise ValueError(f"centroids must have shape (n_rois, 3), got {places.shape}.")
    left = places[:, 0] < 0
    turns = Rotation.random(n_rotations, rng=make_generator(random_state)).as_matrix()
    mirror = np.diag([-1.0, 1.0, 1.0])
    order = np.tile(np.arange(len(places)), (n_rotations, 1))
    for members, flip in ((left, np.eye(3)), (~left, mirror)):
        where = np.flatnonzero(members)
        if len(where) < 2:
            continue
        points = places[where] - places[where].mean(axis=0)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        for k, turn in enumerate(turns):
            distance = cdist(points, points @ (flip @ turn @ flip).T)
            order[k, where] = where[linear_sum_assignment(distance)[1]]
    return order


def _standardised(x: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = rankdata(x)
    ranks -= ranks.mean()
    return np.asarray(ranks / np.linalg.norm(ranks))
