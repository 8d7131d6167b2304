"""Correlation of a map, slope or contrast with a reference map of the cortex."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation
from scipy.stats import rankdata
from sklearn.utils import Bunch
from sklearn.utils.validation import check_array

from delssome.connectome.names import are_counts, in_order
from delssome.exceptions import CircularWarning
from delssome.saying import warn
from delssome.utils import check_number, make_generator

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["correlate_maps", "rotations"]

Array = NDArray[np.float64]

# Correlation with inputs from which on another one is circular.
CIRCULAR = 0.9


def correlate_maps(
    values: "ArrayLike | Series",
    reference: "ArrayLike | Series",
    centroids: "ArrayLike | DataFrame",
    *,
    inputs: "ArrayLike | DataFrame | None",
    n_rotations: int = 1000,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Correlate two maps, with a null of maps rotated on the sphere.

    Neighbouring regions are alike in most maps, so that the p-value of an ordinary
    correlation is too small. Rotated maps keep who neighbours whom. And what a model
    reads out follows the maps of its parameters: that it correlates with these was put
    in, and is no finding.

    Parameters
    ----------
    values, reference : array-like of shape (n_rois,)
        What a fit found, or a slope or contrast of it, and the map to compare it with.
        Series are brought into the same order by the names of their regions.
    centroids : array-like of shape (n_rois, 3)
        Positions of the regions; negative first coordinates are the left hemisphere.
        Those of regions on a sphere are best, others are projected.
    inputs : array-like of shape (n_rois, n_maps), or None
        Maps along which parameters were fitted, as ``fitter.maps``; a data frame names
        them. None: `values` come from no such fit.
    n_rotations : int, default=1000
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    Bunch
        ``r`` (Spearman), ``p`` (two-sided, share of rotated maps with at least that
        correlation, counting the unrotated one), ``null`` (n_rotations,), ``r_inputs``
        (multiple correlation of the reference with the inputs, NaN without), and
        ``circular``. Where this is True, ``p`` is NaN: the reference is an input, or
        nearly a combination of inputs (`r_inputs` of 0.9 or more), or the values are
        one of them all over.

    Warns
    -----
    CircularWarning
        If so, with the input's name.

    Notes
    -----
    Where `r_inputs` is large but short of 0.9, a small ``p`` says that the reference
    and the inputs are alike, and hardly that the fit found it.

    Of unrelated smooth maps 5 to 6 % have p below 0.05 where regions lie on spheres
    (`doc/results.md`, *Spatial nulls*): fewer than of rotations without doubles or
    Moran's spectral randomisation.

    References
    ----------
    Alexander-Bloch et al. 2018, https://doi.org/10.1016/j.neuroimage.2018.05.070 (spin
    test); Markello & Misic 2021, https://doi.org/10.1016/j.neuroimage.2021.118052
    (nulls compared).

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import correlate_maps
    >>> rng = np.random.default_rng(0)
    >>> places, receptor = rng.normal(size=(60, 3)), rng.normal(size=60)
    >>> gradient = rng.normal(size=60)
    >>> ei_ratio = 2.5 + 0.1 * receptor + 0.1 * gradient
    >>> found = correlate_maps(ei_ratio, receptor, places, inputs=gradient)
    >>> found.p < 0.01, found.circular
    (True, False)
    """
    names = _names(values)
    given = {"values": values, "reference": in_order(reference, names, "reference")}
    given = {
        name: check_array(x, ensure_2d=False, dtype=np.float64, input_name=name)
        for name, x in given.items()
    }
    places = _rows_in_order(centroids, names, "centroids")
    order = rotations(places, n_rotations, doubles=True, random_state=random_state)
    for name, x in given.items():
        if x.shape != (order.shape[1],):
            raise ValueError(
                f"{name} must hold a value for each of the {order.shape[1]} regions, "
                f"got shape {x.shape}."
            )
        if np.ptp(x) == 0:
            raise ValueError(f"{name} is constant, which correlates with nothing.")
    r_inputs, reason = np.nan, ""
    if inputs is not None:
        both = given["values"], given["reference"]
        r_inputs, reason = _put_in(*both, inputs, names)
    if reason:
        warn(reason, CircularWarning)
    others = _standardised(given["reference"])
    r = float(_standardised(given["values"]) @ others)
    null = _standardised(given["values"][order]) @ others
    beyond = np.count_nonzero(np.abs(null) >= abs(r) - 1e-12)
    p = np.nan if reason else float((beyond + 1) / (len(null) + 1))
    return Bunch(r=r, p=p, null=null, r_inputs=r_inputs, circular=bool(reason))


def _put_in(
    values: Array, reference: Array, inputs: Any, names: list[str] | None
) -> tuple[float, str]:
    """Give what inputs have of a reference, and why a correlation is circular."""
    maps = check_array(
        _rows_in_order(inputs, names, "inputs"),
        ensure_2d=False,
        dtype=np.float64,
        input_name="inputs",
    )
    maps = maps.reshape(len(maps), -1)
    if len(maps) != len(values):
        raise ValueError(
            f"inputs must have a row for each of the {len(values)} regions, got "
            f"{len(maps)}."
        )
    called = [f"map {k + 1}" for k in range(maps.shape[1])]
    if hasattr(inputs, "columns"):
        called = [str(name) for name in inputs.columns]
    ranked = rankdata(maps, axis=0)
    of_reference = max(
        _multiple_r(reference, maps), _multiple_r(rankdata(reference), ranked)
    )
    own = [_multiple_r(rankdata(values), one[:, None]) for one in ranked.T]
    alike = [_multiple_r(rankdata(reference), one[:, None]) for one in ranked.T]
    if of_reference >= CIRCULAR:
        k = int(np.argmax(alike))
        which = f"is the input {called[k]} (r {alike[k]:.2f})"
        if alike[k] < CIRCULAR:
            which = f"is made of the inputs {', '.join(called)} (r {of_reference:.2f})"
        return of_reference, (
            f"Circular: the reference {which}, along which the values were fitted. "
            "That they are alike was put in, and is no finding."
        )
    if max(own) >= CIRCULAR:
        k = int(np.argmax(own))
        return of_reference, (
            f"Circular: the values are the input {called[k]} all over (r "
            f"{own[k]:.2f}), so that this is its correlation with the reference, which "
            "is known without any fit."
        )
    return of_reference, ""


def _multiple_r(x: Array, maps: Array) -> float:
    """Give the multiple correlation of a map with others."""
    design = np.column_stack([np.ones(len(x)), maps])
    left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
    return float(np.sqrt(max(0.0, 1.0 - left.var() / x.var())))


def _names(values: Any) -> list[str] | None:
    """Give the names of regions of a Series, if they do not only count."""
    if not hasattr(values, "reindex"):
        return None
    names = [str(name) for name in values.index]
    return None if are_counts(names) else names


def _rows_in_order(table: Any, names: list[str] | None, what: str) -> Any:
    """Bring the rows of a data frame into the order of regions, by name."""
    if names is None or not hasattr(table, "iloc") or _names(table) is None:
        return table
    rows = dict(zip(map(str, table.index), range(len(table)), strict=True))
    return table.iloc[in_order(rows, names, what)]


def rotations(
    centroids: ArrayLike,
    n_rotations: int = 1000,
    *,
    doubles: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.int_]:
    """Permute regions as random rotations of the sphere would, best as they can.

    Parameters
    ----------
    centroids : array-like of shape (n_rois, 3)
        As in :func:`correlate_maps`.
    n_rotations : int, default=1000
    doubles : bool, default=False
        Whether each region gets the nearest of the rotated ones, so that some stand
        twice and others nowhere: for maps. False: a permutation with the least
        distances, for matrices.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    ndarray of int, shape (n_rotations, n_rois)
        ``map[order[k]]`` is the map after rotation k. Hemispheres turn as mirror images
        and stay apart.

    Examples
    --------
    >>> import numpy as np
    >>> from delssome.study import rotations
    >>> centroids = np.random.default_rng(0).standard_normal((8, 3))
    >>> order = rotations(centroids, n_rotations=5, random_state=0)
    >>> ei_ratio = np.linspace(2.0, 2.7, 8)
    >>> ei_ratio[order].shape  # five rotated maps
    (5, 8)
    """
    check_number("n_rotations", n_rotations, Integral, 1, 1_000_000)
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
            turned = points @ (flip @ turn @ flip).T
            if doubles:
                nearest = (points @ turned.T).argmax(axis=1)
            else:
                nearest = linear_sum_assignment(cdist(points, turned))[1]
            order[k, where] = where[nearest]
    return order


def _standardised(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give ranks of maps (..., n_rois), centred, of length 1; 0 of a constant one."""
    ranks = rankdata(x, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(ranks, axis=-1, keepdims=True)
    return np.asarray(ranks / np.maximum(length, 1e-12))
